"""Conditions of definitions: names, approval, termination; and what a store holds that never should be there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson

from bascule.control.cache import keys, record
from bascule.control.store import contract, memory
from bascule.vocabulary import objects
from tests import waiting
from tests.unit.control.api import crds, harness

PATH = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
CRD = f"{crds.CRDS}/crontabs.{crds.GROUP}"


async def test_a_name_in_use_is_refused_until_it_is_free(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    other = crds.definition("Other")
    other["spec"]["names"] = {"plural": "others", "kind": "CronTab", "shortNames": ["crontab"]}
    await api.create(crds.CRDS, other)
    path = f"{crds.CRDS}/others.{crds.GROUP}"
    refused = await crds.until(api, path, "NamesAccepted", "False")
    names = crds.condition(refused, "NamesAccepted")
    assert (names["reason"], names["message"]) == ("ListKindConflict", '"CronTabList" is already in use')
    assert crds.condition(refused, "Established")["reason"] == "NotAccepted"
    assert refused["status"]["acceptedNames"] == {"kind": "", "plural": "others"} | {
        key: value for key, value in refused["status"]["acceptedNames"].items() if key == "singular"
    }
    assert (await api.get(f"/apis/{crds.GROUP}/v1/namespaces/default/others")).code == 404
    await api.call("DELETE", CRD)
    await crds.until(api, path, "Established", "True")
    assert (await api.get(f"/apis/{crds.GROUP}/v1/namespaces/default/others")).code == 200


async def test_groups_of_the_community_say_who_approved_them(api: harness.Api) -> None:
    crd = crds.definition(group="sample.k8s.io")
    crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, for a test"}
    await api.create(crds.CRDS, crd)
    path = f"{crds.CRDS}/crontabs.sample.k8s.io"
    seen = await crds.until(api, path, "KubernetesAPIApprovalPolicyConformant", "False")
    assert crds.condition(seen, "KubernetesAPIApprovalPolicyConformant")["reason"] == "UnapprovedAnnotation"
    await api.patch(path, {"metadata": {"annotations": {"api-approved.kubernetes.io": "https://example.com/1"}}})
    await crds.until(api, path, "KubernetesAPIApprovalPolicyConformant", "True")


async def test_a_definition_waits_for_objects_that_have_finalizers(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    await api.create(PATH, {**crds.custom("held"), "metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    await api.create(PATH, crds.custom("free"))
    deleted = (await api.call("DELETE", CRD)).body
    assert deleted["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    waiting_for = await crds.until(api, CRD, "Terminating", "True")
    assert crds.condition(waiting_for, "Terminating")["reason"].startswith("InstanceDeletion")
    await crds.gone(api, f"{PATH}/free")
    refused = await api.call("POST", PATH, crds.custom("late"))
    assert (refused.code, refused.body["reason"]) == (405, "MethodNotAllowed")
    (row,) = (await api.get(f"/apis/{crds.GROUP}/v1")).body["resources"]
    assert row["verbs"] == ["delete", "deletecollection", "get", "list", "watch"]
    assert (await api.get(f"{PATH}/held")).body["metadata"]["deletionTimestamp"]
    await api.patch(f"{PATH}/held", {"metadata": {"finalizers": []}})
    await crds.gone(api, CRD)
    assert (await api.get(PATH)).code == 404


async def test_what_was_deleted_before_a_restart_is_finished_after_it() -> None:
    store = memory.MemoryStore()
    key = objects.Key(objects.ROOT, "", f"crontabs.{crds.GROUP}")
    crd = crds.definition()
    crd["metadata"] |= {
        "uid": "u",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["customresourcecleanup.apiextensions.k8s.io"],
    }
    crd["status"] = {
        "acceptedNames": crd["spec"]["names"],
        "conditions": [{"type": "Established", "status": "True"}],
        "storedVersions": ["v1"],
    }
    await _put(store, "apiextensions.k8s.io", "customresourcedefinitions", key, crd)
    own = objects.Key(objects.ROOT, "default", "one")
    await _put(
        store,
        crds.GROUP,
        "crontabs",
        own,
        {**crds.custom("one"), "metadata": {"name": "one", "namespace": "default", "uid": "v"}},
    )
    async with harness.running(store) as api:
        await crds.gone(api, CRD)
        assert (await store.range(f"/{crds.GROUP}/"))[0] == []


async def test_a_poisoned_definition_is_not_served_and_harms_nobody_else() -> None:
    store = memory.MemoryStore()
    established = {"conditions": [{"type": "Established", "status": "True"}]}
    poisons: dict[str, dict[str, object]] = {
        "nulls": {"spec": None, "status": None},
        "lists": {"spec": [], "status": {"conditions": 5, "acceptedNames": [1]}},
        "versions": {
            "spec": {"group": crds.GROUP, "names": {"plural": "versions"}, "versions": [None, 5, {"name": 1}]}
        },
        "schemas": {
            "spec": {
                "group": crds.GROUP,
                "scope": "Namespaced",
                "names": {"plural": "schemas", "kind": "Schema"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": {"properties": 5, "items": [[]], "required": 7, "type": 1}},
                    }
                ],
            },
            "status": {**established, "acceptedNames": {"plural": "schemas", "kind": "Schema"}},
        },
    }
    for plural, content in poisons.items():
        name = f"{plural}.{crds.GROUP}"
        crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}}
        await _put(
            store, "apiextensions.k8s.io", "customresourcedefinitions", objects.Key("root", "", name), crd | content
        )
    async with harness.running(store) as api:
        await crds.serve(api, crds.definition())
        await api.create(PATH, crds.custom("one"))
        assert len((await api.get(crds.CRDS)).body["items"]) == len(poisons) + 1
        for plural in poisons:
            answer = await api.get(f"/apis/{crds.GROUP}/v1/namespaces/default/{plural}")
            assert answer.code in (404, 200), answer
        assert (await api.get("/apis")).code == 200
        assert (await api.get("/openapi/v3")).code == 200
        assert (await api.get("/openapi/v2")).code == 200
        await crds.until(api, f"{crds.CRDS}/schemas.{crds.GROUP}", "NonStructuralSchema", "True")
        assert (await api.get(f"/apis/{crds.GROUP}/v1/namespaces/default/schemas")).code == 404


async def test_a_definition_named_as_a_built_in_neither_hides_nor_deletes_its_objects(api: harness.Api) -> None:
    crd = crds.definition("Lease", group="coordination.k8s.io")
    crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved"}
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    await api.create(leases, {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "mine"}})
    await api.create(crds.CRDS, crd)
    path = f"{crds.CRDS}/leases.coordination.k8s.io"
    refused = await crds.until(api, path, "NamesAccepted", "False")
    assert crds.condition(refused, "NamesAccepted")["reason"] == "ListKindConflict"
    await api.call("DELETE", path)
    await crds.gone(api, path)
    assert (await api.get(f"{leases}/mine")).code == 200


async def _put(store: contract.Store, group: str, plural: str, key: objects.Key, obj: harness.Object) -> None:
    value = record.draft(orjson.loads(orjson.dumps(obj)), {}).value
    await store.commit([contract.Put(keys.text(keys.prefix(group, plural), key), value, contract.ABSENT)])


async def test_what_is_still_being_sent_when_the_definition_goes_is_not_stored(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    await api.create(PATH, crds.custom("one"))
    arrived = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":"late"}'
        await arrived.wait()
        yield b"}"

    headers = {"Authorization": "Bearer admin", "Content-Type": "application/json"}
    request = api.session.post(api.url + PATH, data=slowly(), headers=headers)
    sending = asyncio.create_task(request.__aenter__())
    await waiting.until(lambda: api.dispatcher.lanes.reserved.running > 0, what="the request's begin")
    await api.call("DELETE", CRD)
    await crds.gone(api, CRD)
    arrived.set()
    answer = await sending
    assert answer.status == 404
    records = api.platform.cache.loaded(crds.GROUP, "crontabs")
    assert records is not None
    assert len(records) == 0


async def test_a_write_to_all_clusters_makes_none(api: harness.Api) -> None:
    answer = await api.call("POST", "/clusters/*/api/v1/namespaces/default/configmaps", harness.config_map("a"))
    assert answer.code == 400
    namespaces = (await api.get("/clusters/*/api/v1/namespaces")).body["items"]
    assert len(namespaces) == 4
