"""Strategic merge patch: lists merged by key, and every directive."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import ordering, strategic
from bascule.control.schema import catalog, types
from bascule.vocabulary import errors


def schema(kind: str, api_version: str = "v1") -> types.TypeSchema:
    found = catalog.schema_of(api_version, kind)
    assert found is not None
    return found


def pod(*names: str, **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, "image": f"{name}:1"} for name in names], **spec}}


def images(obj: dict[str, Any]) -> list[tuple[str, str]]:
    return [(container["name"], container.get("image", "")) for container in obj["spec"]["containers"]]


def apply_pod(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    before, patch_before = copy.deepcopy(document), copy.deepcopy(patch)
    result = strategic.apply(document, patch, schema("Pod"))
    assert document == before
    assert patch == patch_before
    return result


def test_items_merge_by_key_and_new_ones_come_first_like_upstream() -> None:
    patch = {"spec": {"containers": [{"name": "b", "image": "b:2"}, {"name": "c", "image": "c:1"}]}}
    assert images(apply_pod(pod("a", "b"), patch)) == [("a", "a:1"), ("b", "b:2"), ("c", "c:1")]


def test_null_removes_and_scalars_replace() -> None:
    result = apply_pod(
        pod("a", hostname="h", nodeName="n"), {"spec": {"hostname": None, "nodeName": "m", "subdomain": None}}
    )
    assert "hostname" not in result["spec"]
    assert "subdomain" not in result["spec"]
    assert result["spec"]["nodeName"] == "m"


def test_delete_directive_removes_an_item() -> None:
    patch = {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}
    assert images(apply_pod(pod("a", "b"), patch)) == [("b", "b:1")]


def test_replace_directive_replaces_a_list_or_a_map() -> None:
    patch: dict[str, Any] = {"spec": {"containers": [{"name": "z"}, {"$patch": "replace"}]}}
    assert images(apply_pod(pod("a", "b"), patch)) == [("z", "")]
    patch = {"spec": {"$patch": "replace", "nodeName": "m"}}
    assert apply_pod(pod("a"), patch) == {"spec": {"nodeName": "m"}}
    assert apply_pod(pod("a"), {"spec": {"$patch": "delete"}}) == {"spec": {}}


def test_set_element_order_orders_items() -> None:
    order = [{"name": "c"}, {"name": "a"}]
    patch = {"spec": {"$setElementOrder/containers": order, "containers": [{"name": "c", "image": "c:2"}]}}
    assert images(apply_pod(pod("a", "c"), patch)) == [("c", "c:2"), ("a", "a:1")]
    only_order = {"spec": {"$setElementOrder/containers": order}}
    assert images(apply_pod(pod("a", "c"), only_order)) == [("c", "c:1"), ("a", "a:1")]


@pytest.mark.parametrize(
    ("order", "given", "fits"),
    [("ab", "b", True), ("ab", "ab", True), ("ab", "ba", False), ("a", "b", False), ("", "b", True), ("ab", "", True)],
)
def test_the_patch_has_its_items_in_the_order_it_states(order: str, given: str, fits: bool) -> None:
    spec = {
        "$setElementOrder/containers": [{"name": name} for name in order],
        "containers": [{"name": "z", "$patch": "delete"}, *({"name": name, "image": "new"} for name in given)],
    }
    if fits:
        names = [name for name, _ in images(apply_pod(pod("a", "z"), {"spec": spec}))]
        assert [name for name in names if name in order] == [name for name in order if name in names]
        return
    with pytest.raises(errors.StatusError, match="The order in patch list") as refusal:
        apply_pod(pod("a"), {"spec": spec})
    assert refusal.value.code == 400


@pytest.mark.parametrize(
    ("live", "patch", "result"),
    [
        # What is not there yet comes without nulls and without what has a `$patch`.
        ({}, {"securityContext": {"runAsUser": None, "fsGroup": 1}}, {"securityContext": {"fsGroup": 1}}),
        ({}, {"volumes": [{"name": "v", "emptyDir": None}]}, {"volumes": [{"name": "v"}]}),
        ({}, {"volumes": [{"name": "v", "$patch": "replace", "emptyDir": {}}, {"name": "w"}]},
         {"volumes": [{"name": "w"}]}),
        ({}, {"nodeSelector": {"$patch": "replace", "a": "b"}}, {}),
        # Other directives are left to be found unknown there, as in a list that is replaced or that gains an item.
        ({}, {"volumes": [{"name": "v", "$retainKeys": ["name"], "emptyDir": None}]},
         {"volumes": [{"name": "v", "$retainKeys": ["name"]}]}),
        ({"volumes": []}, {"volumes": [{"name": "v", "emptyDir": {"$patch": "replace"}}]},
         {"volumes": [{"name": "v", "emptyDir": {"$patch": "replace"}}]}),
        ({"tolerations": []}, {"tolerations": [{"$patch": "replace"}, {"key": None}]},
         {"tolerations": [{"$patch": "replace"}, {}]}),
        # A list is replaced by the other items alone.
        ({"volumes": [{"name": "v"}]}, {"volumes": [{"name": "w", "$patch": "replace"}, {"name": "x"}]},
         {"volumes": [{"name": "x"}]}),
        # An item of a union keeps only what the patch retains.
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
         {"volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]},
         {"volumes": [{"name": "v", "emptyDir": {}}]}),
        # Lists in lists merge by their own keys.
        ({"containers": [{"name": "a", "env": [{"name": "x", "value": "1"}, {"name": "y", "value": "1"}]}]},
         {"containers": [{"name": "a", "env": [{"name": "y", "$patch": "delete"}, {"name": "x", "value": "2"}]}]},
         {"containers": [{"name": "a", "env": [{"name": "x", "value": "2"}]}]}),
        ({"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]},
         {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 81}]}]},
         {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 81}]}]}),
        # All items of a key are deleted; deleting what is not there is nothing.
        ({"volumes": [{"name": "v"}, {"name": "v"}, {"name": "w"}]},
         {"volumes": [{"name": "v", "$patch": "delete"}, {"name": "q", "$patch": "delete"}]},
         {"volumes": [{"name": "w"}]}),
        # Maps of text merge; a null takes one away.
        ({"nodeSelector": {"a": "1", "b": "2"}}, {"nodeSelector": {"a": None, "c": "3"}},
         {"nodeSelector": {"b": "2", "c": "3"}}),
    ],
)  # fmt: skip
def test_more_of_upstreams_cases(live: Any, patch: Any, result: Any) -> None:
    assert apply_pod({"spec": live}, {"spec": patch})["spec"] == result


def test_primitive_lists_merge_and_delete() -> None:
    document = {"metadata": {"finalizers": ["a/x", "b/x"]}}
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"], "finalizers": ["c/x"]}}
    assert set(apply_pod(document, patch)["metadata"]["finalizers"]) == {"b/x", "c/x"}


def test_lists_without_strategy_are_replaced() -> None:
    document = {"spec": {"tolerations": [{"key": "a"}]}}
    assert apply_pod(document, {"spec": {"tolerations": [{"key": "b"}]}})["spec"]["tolerations"] == [{"key": "b"}]


def test_retain_keys_clears_the_other_members_of_a_union() -> None:
    document = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    result = strategic.apply(document, patch, schema("Deployment", "apps/v1"))
    assert result["spec"]["strategy"] == {"type": "Recreate"}


def test_an_item_without_its_key_is_unprocessable() -> None:
    with pytest.raises(errors.StatusError) as refusal:
        apply_pod(pod("a"), {"spec": {"containers": [{"image": "x"}]}})
    assert refusal.value.code == 422
    assert "does not contain declared merge key: name" in refusal.value.message


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        ({"$patch": "explode", "a": [1]}, "unknown patch type: explode in map: map[$patch:explode a:[1]]"),
        ({"$patch": "merge"}, "unknown patch type: merge in map: map[$patch:merge]"),
        ({"spec": {"containers": [{"$patch": "explode"}]}}, "unknown patch type: explode in map: map[$patch:explode]"),
        ({"spec": {"containers": [{"$patch": "merge"}]}}, "merging lists cannot yet be specified in the patch"),
        ({"spec": {"$setElementOrder/containers": 1}}, "expected a []interface {}, but received a int64"),
        ({"spec": {"$setElementOrder": []}}, "invalid patch format of setElementOrder list"),
        ({"spec": {"$deleteFromPrimitiveList": []}}, "invalid patch format of primitive list"),
        ({"spec": {"$retainKeys": None}}, "invalid patch format of retainKeys"),
        ({"spec": {"$retainKeys": ["a"], "b": 1}}, "invalid patch format of retainKeys"),
        ({"spec": {"containers": [{}]}}, "map: map[] does not contain declared merge key: name"),
    ],
)
def test_malformed_directives_are_refused_in_upstreams_words(patch: Any, problem: str) -> None:
    with pytest.raises(errors.StatusError) as refusal:
        apply_pod(pod("a"), patch)
    assert refusal.value.message.endswith(problem)
    assert refusal.value.code == (400 if "format" in problem else 422)


def test_what_only_looks_like_a_directive_is_a_member() -> None:
    assert apply_pod({"spec": {}}, {"spec": {"$explode": 1}}) == {"spec": {"$explode": 1}}
    assert apply_pod(
        {"metadata": {"finalizers": ["a"]}}, {"metadata": {"$deleteFromPrimitiveList/finalizers": None}}
    ) == {"metadata": {}}


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


@given(live=NAMES, patched=NAMES)
def test_merging_keeps_every_item_once_and_the_patch_in_order(live: list[str], patched: list[str]) -> None:
    patch = {"spec": {"containers": [{"name": name, "image": "new"} for name in patched]}}
    result = [name for name, _ in images(strategic.apply(pod(*live), patch, schema("Pod")))]
    assert sorted(result) == sorted({*live, *patched})
    assert [name for name in result if name in patched] == patched
    assert [name for name in result if name not in patched] == [name for name in live if name not in patched]


@given(live=NAMES, patched=NAMES)
def test_merging_twice_is_merging_once(live: list[str], patched: list[str]) -> None:
    patch = {"spec": {"containers": [{"name": name, "image": "new"} for name in patched]}}
    once = strategic.apply(pod(*live), patch, schema("Pod"))
    assert strategic.apply(once, patch, schema("Pod")) == once


@given(live=NAMES)
def test_merging_an_object_into_itself_changes_nothing(live: list[str]) -> None:
    assert strategic.apply(pod(*live), pod(*live), schema("Pod")) == pod(*live)


def test_what_a_patch_leaves_as_it_is_is_the_same_object() -> None:
    live = {"metadata": {"uid": "u"}, **pod("a", "b"), "status": {"podIPs": [{"ip": "10.0.0.1"}], "phase": "Pending"}}
    patch = {
        "metadata": {"uid": "u"},
        "spec": {
            "containers": [{"name": "b", "image": "b:2", "env": None}],
            "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
        },
        "status": {"podIPs": [{"ip": "10.0.0.1"}], "phase": "Running"},
    }
    result = apply_pod(live, patch)
    assert result["metadata"] is live["metadata"]
    assert result["spec"]["containers"][0] is live["spec"]["containers"][0]
    assert result["spec"]["containers"][1] == {"name": "b", "image": "b:2"}
    assert result["status"]["podIPs"] is live["status"]["podIPs"]
    assert apply_pod(live, {"metadata": {"uid": "u"}, "spec": {"hostname": None}}) is live


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (1, 1.0), ("1", 1)])
def test_what_only_looks_equal_is_replaced(before: Any, after: Any) -> None:
    result = apply_pod({"spec": {"priority": before}}, {"spec": {"priority": after}})
    assert type(result["spec"]["priority"]) is type(after)


@given(live=st.lists(st.sampled_from("abcdef"), max_size=6), patched=NAMES)
def test_the_order_of_a_merged_list_is_the_interleaved_one(live: list[str], patched: list[str]) -> None:
    """Also where the order is found without looking for it; names may come twice in what is there."""
    present = [{"name": name, "image": str(place)} for place, name in enumerate(live)]
    patch = [{"name": name, "tty": True} for name in patched]
    first = {name: live.index(name) for name in live}
    merged = [item | {"tty": True} if item["name"] in patched and first[item["name"]] == place else item
              for place, item in enumerate(present)]  # fmt: skip
    merged += [item for item in patch if item["name"] not in first]
    result = strategic.apply({"spec": {"containers": present}}, {"spec": {"containers": patch}}, schema("Pod"))
    assert result["spec"]["containers"] == ordering.interleaved(merged, patch, present, "name")


def test_a_list_of_items_of_several_types_is_unprocessable() -> None:
    for live, patch in ((["x", {"name": "a"}], [{"name": "x"}]), ([{"name": "a"}], ["x"])):
        with pytest.raises(errors.StatusError) as refusal:
            strategic.apply({"spec": {"containers": live}}, {"spec": {"containers": patch}}, schema("Pod"))
        assert refusal.value.code == 422


@pytest.mark.parametrize("name", ["", " ", "!", "#", '"', "%", "a"])
def test_a_name_before_the_directives_is_a_name_like_others(name: str) -> None:
    assert strategic.apply({"data": {name: "a"}}, {"data": {name: "b"}}, types.ANYTHING) == {"data": {name: "b"}}
