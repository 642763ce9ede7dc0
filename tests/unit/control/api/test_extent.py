"""Objects end somewhere: in bytes, in parts, and what is said about them in characters."""

from typing import Any

import pytest

from bascule.control.api import extent
from bascule.vocabulary import errors
from tests.unit.control.api import crds, harness

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize(
    "obj",
    [
        {"spec": {"containers": [{}] * (extent.ENTRIES_MAX + 1)}},
        {"spec": [{"ports": [1] * 1000} for _ in range(25)]},
        {"data": dict.fromkeys(map(str, range(extent.MEMBERS_MAX + 1)), "")},
        {"metadata": {"labels": dict.fromkeys(map(str, range(6_000)), "")}},
        {"metadata": {"annotations": dict.fromkeys(map(str, range(6_000)), "")}},
    ],
    ids=["a long list", "many lists", "many fields", "labels", "annotations"],
)
def test_too_many_parts(obj: Any) -> None:
    with pytest.raises(errors.StatusError) as refused:
        extent.check_parts(obj)
    assert refused.value.code == 413


@pytest.mark.parametrize(
    "obj", [{}, {"metadata": None}, {"metadata": []}, {"a": [[1], {"b": None}], "data": {"k": "v"}}]
)
def test_ordinary_and_odd_objects_pass(obj: Any) -> None:
    extent.check_parts(obj)


@pytest.mark.parametrize(
    "obj",
    [{"spec": dict.fromkeys(map(str, range(extent.MEMBERS_MAX - 9)), "")}, {"spec": {"a": [1] * extent.ENTRIES_MAX}}],
    ids=["fields", "entries"],
)
def test_what_may_be_created_may_be_changed(obj: Any) -> None:
    owner = {"manager": "m", "fieldsV1": {"f:spec": {f"f:{n}": {} for n in range(extent.MEMBERS_MAX)}}}
    full = obj | {"metadata": {"name": "a", "managedFields": [owner, owner]}}
    extent.check_parts(full)
    added = full | {"metadata": {**full["metadata"], "finalizers": ["a/b"] * 20}, "status": {"conditions": [{}] * 10}}
    extent.check_parts(added, is_new=False)
    added["spec"] = [added["spec"]] * 2
    with pytest.raises(errors.StatusError):
        extent.check_parts(added, is_new=False)
    full["metadata"]["managedFields"] = [owner] * (extent.ENTRIES_MAX + 1)
    with pytest.raises(errors.StatusError):
        extent.check_parts(full)


async def test_a_custom_resource_of_very_many_fields_can_be_changed(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extent, "MEMBERS_MAX", 20_000)
    open_ = {"anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    await crds.serve(api, crds.definition("CronTab", crds.version("v1", open_)))
    path = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
    obj = crds.custom("a", spec={"anything": {f"field-{n:020}": n for n in range(19_980)}})
    await api.create(path, obj)
    assert (await api.patch(f"{path}/a", {"spec": {"anything": {"more": 1}}})).code == 200
    media = {"Content-Type": "application/apply-patch+yaml"}
    applied = await api.call("PATCH", f"{path}/a?fieldManager=m&force=true", obj, headers=media)
    assert applied.code == 200
    whole = (await api.get(f"{path}/a")).body
    whole["metadata"]["finalizers"] = ["example.com/a"]
    assert (await api.call("PUT", f"{path}/a", whole)).code == 200


def test_growth_beyond_the_bound_is_refused_and_shrinking_never() -> None:
    extent.check_bytes(extent.OBJECT_MAX_BYTES)
    extent.check_bytes(extent.OBJECT_MAX_BYTES + 5, extent.OBJECT_MAX_BYTES + 6)
    for before in (0, extent.OBJECT_MAX_BYTES, extent.OBJECT_MAX_BYTES + 4):
        with pytest.raises(errors.StatusError):
            extent.check_bytes(extent.OBJECT_MAX_BYTES + 5, before)


def test_a_refusal_can_be_read() -> None:
    causes = [errors.Cause("FieldValueInvalid", f"f{number}" * 9000, "x" * 9_000) for number in range(1000)]
    status = extent.refusal("Pod", "", "n" * 9_000, causes).status()
    assert len(status["details"]["causes"]) == 65
    assert status["details"]["causes"][-1]["message"] == "and 936 further problems"
    assert len(status["message"]) < 200_000


async def test_an_object_cannot_grow_without_end_by_small_patches(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extent, "OBJECT_MAX_BYTES", 100_000)
    await api.create(MAPS, harness.config_map("a"))
    codes = [(await api.patch(f"{MAPS}/a", {"data": {f"k{n}": "x" * 10_000}})).code for n in range(12)]
    assert codes[0] == 200
    assert codes[-1] == 413
    assert (await api.patch(f"{MAPS}/a", {"data": {"k0": None}})).code == 200
    assert (await api.call("DELETE", f"{MAPS}/a")).code == 200
