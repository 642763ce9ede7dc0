"""What an update does not change is forgiven by stricter schemas, where old and new can be told to belong together."""

from __future__ import annotations

from typing import Any

from tests.unit.control.api import crds, harness

Schema = dict[str, Any]
PATH = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
FREE: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
BEFORE = {
    "field": "foo",
    "struct": {"field": "foo"},
    "list": [{"key": "first", "field": "foo"}, {"key": "second", "field": "foo"}],
    "map": {"foo": {"field": "foo"}},
}


def _correlatable(strict: Schema) -> Schema:
    fields = {"field": strict, "other": {"type": "string"}}
    items = {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}, **fields}}
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"]}
    within = {"type": "object", "properties": fields}
    return {
        **fields,
        "struct": within,
        "list": {"type": "array", **keyed, "items": items},
        "map": {"type": "object", "additionalProperties": within},
    }


async def _became_strict(api: harness.Api, obj: dict[str, Any], properties: Schema) -> None:
    version = crds.version()
    version["schema"] = {"openAPIV3Schema": FREE}
    await crds.serve(api, crds.definition("CronTab", version))
    made = await _apply(api, obj)
    assert made.code == 201, made.body
    strict = {**version, "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}}}
    name = f"{crds.CRDS}/crontabs.{crds.GROUP}"
    assert (await api.patch(name, {"spec": {"versions": [strict]}})).code == 200


async def _apply(api: harness.Api, content: dict[str, Any], **labels: str) -> harness.Answer:
    obj = crds.custom("one", **content)
    obj["metadata"]["labels"] = labels
    return await api.patch(f"{PATH}/one?fieldManager=manager", obj, "apply")


async def test_unchanged_values_need_not_fit_a_stricter_schema(api: harness.Api) -> None:
    await _became_strict(api, BEFORE, _correlatable({"type": "string", "enum": ["notfoo"]}))
    assert (await _apply(api, BEFORE, foo="bar")).code == 200
    more = {**BEFORE, "struct": {"field": "foo", "other": "x"}, "list": [*BEFORE["list"], {"key": "k"}]}
    assert (await _apply(api, more)).code == 200
    refused = await _apply(api, {**BEFORE, "field": "bar", "struct": {"field": "bar"}})
    assert [cause["field"] for cause in refused.body["details"]["causes"]] == ["field", "struct.field"]


async def test_unchanged_values_need_not_keep_new_rules(api: harness.Api) -> None:
    rule = {"type": "string", "x-kubernetes-validations": [{"rule": 'self != "foo"'}]}
    await _became_strict(api, BEFORE, _correlatable(rule))
    changed = await _apply(api, {**BEFORE, "other": "x", "struct": {"field": "foo", "other": "x"}})
    assert changed.code == 200, changed.body
    assert len(changed.headers.getall("Warning")) == 5
    refused = await _apply(api, {**BEFORE, "list": [*BEFORE["list"], {"key": "third", "field": "foo"}]})
    (cause,) = refused.body["details"]["causes"]
    assert cause["field"] == "list[2].field"
    assert 'failed rule: self != "foo"' in cause["message"]


async def test_items_that_cannot_be_told_apart_are_not_forgiven(api: harness.Api) -> None:
    before = {"setArray": ["foo", "bar"], "atomicArray": ["foo", "bar"]}
    items = {"type": "string", "enum": ["notfoo"]}
    lists = {
        "atomicArray": {"type": "array", "items": items},
        "setArray": {"type": "array", "x-kubernetes-list-type": "set", "items": items},
    }
    await _became_strict(api, before, lists)
    assert (await _apply(api, before, foo="bar")).code == 200
    refused = await _apply(api, {name: [*values, "notfoo"] for name, values in before.items()})
    assert refused.code == 422
    assert {"atomicArray", "setArray"} == {
        cause["field"].partition("[")[0] for cause in refused.body["details"]["causes"]
    }


async def test_rules_of_transitions_are_never_forgiven(api: harness.Api) -> None:
    rule = {"type": "string", "x-kubernetes-validations": [{"rule": 'oldSelf != "foo"', "message": "stays wrong"}]}
    await _became_strict(api, BEFORE, {**_correlatable({"type": "string"}), "field": rule})
    refused = await _apply(api, BEFORE, foo="bar")
    assert (refused.code, "stays wrong" in refused.body["message"]) == (422, True)
