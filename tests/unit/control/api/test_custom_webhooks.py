"""Conversion by webhook: in batches, once for each version of an object, never further than its identity."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bascule.bridge.identity import authority
from bascule.vocabulary import clock
from tests.unit.control.api import crds, harness

V1 = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
V2 = f"/apis/{crds.GROUP}/v2/namespaces/default/crontabs"
Object = dict[str, Any]


class Hook:
    """A webhook: v1 has `hostPort`, v2 has `host` and `port`. `spoil` may change its answer."""

    def __init__(self, url: str, ca: str) -> None:
        self.url = url
        self.ca = ca
        self.asked: list[Object] = []
        self.spoil: Callable[[Object], None] = lambda review: None
        self.status = 200

    async def answer(self, http: web.Request) -> web.Response:
        review = await http.json()
        request = review["request"]
        self.asked.append(request)
        converted = [_converted(obj, request["desiredAPIVersion"]) for obj in request["objects"]]
        result = {"uid": request["uid"], "convertedObjects": converted, "result": {"status": "Success"}}
        answer = {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": result}
        self.spoil(answer)
        return web.json_response(answer, status=self.status, headers={"Location": f"{self.url}/elsewhere"})


def _converted(obj: Object, desired: str) -> Object:
    spec = dict(obj.get("spec") or {})
    if desired.endswith("/v2"):
        spec["host"], _, spec["port"] = spec.pop("hostPort", "").partition(":")
    else:
        spec["hostPort"] = f"{spec.pop('host', '')}:{spec.pop('port', '')}"
    return {**obj, "apiVersion": desired, "spec": spec}


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    ca = authority.create("hooks", clock=clock.SystemClock())
    issued = authority.issue(
        ca,
        "hook",
        [],
        usages=["server"],
        ip_addresses=["127.0.0.1"],
        dns_names=["hook.default.svc"],
        clock=clock.SystemClock(),
    )
    pair = tmp_path / "hook.pem"
    pair.write_bytes(issued.certificate_pem + issued.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    made = Hook("", base64.b64encode(ca.certificate_pem).decode())
    application = web.Application()
    application.router.add_post("/convert", made.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    made.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def _definition(hook: Hook, **config: Any) -> Object:
    text = {"type": "string"}
    v1 = crds.version("v1", {"hostPort": text}, selectableFields=[{"jsonPath": ".spec.hostPort"}])
    v2 = crds.version("v2", {"host": text, "port": text}, storage=False, selectableFields=[{"jsonPath": ".spec.host"}])
    client = config or {"url": f"{hook.url}/convert"}
    webhook = {"clientConfig": {**client, "caBundle": hook.ca}, "conversionReviewVersions": ["v1"]}
    return crds.definition("CronTab", v1, v2, conversion={"strategy": "Webhook", "webhook": webhook})


async def test_each_version_is_served_from_what_the_other_was_written_in(api: harness.Api, hook: Hook) -> None:
    await crds.serve(api, _definition(hook))
    await api.create(V1, crds.custom("one", spec={"hostPort": "a:1"}))
    made = await api.create(V2, crds.custom("two", version="v2", spec={"host": "b", "port": "2"}))
    assert (made["apiVersion"], made["spec"]) == (f"{crds.GROUP}/v2", {"host": "b", "port": "2"})
    assert (await api.get(f"{V2}/one")).body["spec"] == {"host": "a", "port": "1"}
    assert (await api.get(f"{V1}/two")).body["spec"] == {"hostPort": "b:2"}
    listed = (await api.get(V2)).body["items"]
    assert [(item["metadata"]["name"], item["spec"]["host"]) for item in listed] == [("one", "a"), ("two", "b")]
    patched = await api.patch(f"{V2}/one", {"spec": {"port": "9"}})
    assert patched.body["spec"] == {"host": "a", "port": "9"}
    assert (await api.get(f"{V1}/one")).body["spec"] == {"hostPort": "a:9"}
    events = await api.watch(f"{V2}?watch=1", 2)
    assert [event["object"]["spec"]["host"] for event in events] == ["a", "b"]
    chosen = (await api.get(f"{V2}?fieldSelector=spec.host%3Db")).body["items"]
    assert [item["metadata"]["name"] for item in chosen] == ["two"]
    chosen = (await api.get(f"{V1}?fieldSelector=spec.hostPort%3Da:9")).body["items"]
    assert [item["metadata"]["name"] for item in chosen] == ["one"]
    assert (await api.call("DELETE", f"{V2}/one")).code == 200
    assert [item["metadata"]["name"] for item in (await api.get(V1)).body["items"]] == ["two"]


async def test_a_version_of_an_object_is_converted_once_and_lists_in_batches(api: harness.Api, hook: Hook) -> None:
    await crds.serve(api, _definition(hook))
    for number in range(150):
        await api.create(V1, crds.custom(f"n{number:03}", spec={"hostPort": f"a:{number}"}))
    hook.asked.clear()
    assert len((await api.get(V2)).body["items"]) == 150
    assert [len(asked["objects"]) for asked in hook.asked] in ([100, 50], [150])
    hook.asked.clear()
    assert len((await api.get(V2)).body["items"]) == 150
    assert (await api.get(f"{V2}/n007")).body["spec"]["port"] == "7"
    assert hook.asked == []


async def test_lists_of_objects_stored_in_different_versions_are_in_one(api: harness.Api, hook: Hook) -> None:
    crd = _definition(hook)
    await crds.serve(api, crd)
    await api.create(V1, crds.custom("one", spec={"hostPort": "a:1"}))
    v1, v2 = crd["spec"]["versions"]
    turned = [{**v1, "storage": False}, {**v2, "storage": True}]
    changed = await api.patch(f"{crds.CRDS}/crontabs.{crds.GROUP}", {"spec": {"versions": turned}})
    assert (changed.code, changed.body["status"]["storedVersions"]) == (200, ["v1", "v2"])
    await api.create(V1, crds.custom("two", spec={"hostPort": "b:2"}))
    for path, wanted in ((V1, [{"hostPort": "a:1"}, {"hostPort": "b:2"}]), (V2, None)):
        body = (await api.get(path)).body
        assert [item["spec"] for item in body["items"]] == (
            wanted or [{"host": "a", "port": "1"}, {"host": "b", "port": "2"}]
        )
        assert {item["apiVersion"] for item in body["items"]} == {body["apiVersion"]}


async def test_each_version_selects_by_its_own_fields_also_what_is_watched_and_deleted(
    api: harness.Api, hook: Hook
) -> None:
    await crds.serve(api, _definition(hook))
    at = api.platform.cache.revision
    by_host = asyncio.create_task(api.watch(f"{V2}?watch=1&resourceVersion={at}&fieldSelector=spec.host%3Da", 4))
    by_both = asyncio.create_task(api.watch(f"{V1}?watch=1&resourceVersion={at}&fieldSelector=spec.hostPort%3Da:1", 2))
    for name, host, port in (("one", "a", "1"), ("two", "a", "2"), ("three", "b", "3")):
        await api.create(V2, crds.custom(name, version="v2", spec={"host": host, "port": port}))
    refused = await api.get(f"{V1}?fieldSelector=spec.host%3Da")
    assert (refused.code, refused.body["message"]) == (400, "field label not supported: spec.host")
    assert (await api.call("DELETE", f"{V1}?fieldSelector=spec.hostPort%3Da:1")).code == 200
    assert (await api.patch(f"{V2}/two", {"spec": {"host": "b"}})).code == 200
    assert (await api.get(f"{V2}?fieldSelector=spec.host%3Da")).body["items"] == []

    def told(events: list[Object]) -> list[tuple[str, str]]:
        return [(event["type"], event["object"]["metadata"]["name"]) for event in events]

    assert told(await by_host) == [("ADDED", "one"), ("ADDED", "two"), ("DELETED", "one"), ("DELETED", "two")]
    assert told(await by_both) == [("ADDED", "one"), ("DELETED", "one")]


def _replace(**changes: Any) -> Callable[[Object], None]:
    def spoil(answer: Object) -> None:
        answer["response"].update(changes)

    return spoil


def _metadata(**changes: Any) -> Callable[[Object], None]:
    def spoil(answer: Object) -> None:
        for obj in answer["response"]["convertedObjects"]:
            obj["metadata"].update(changes)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (_replace(result={"status": "Failure", "message": "no such host"}), "failed: no such host"),
        (_replace(result={}), "failed: response.result.status was '', not 'Success'"),
        (_replace(uid="other"), 'failed: expected response.uid="'),
        (_replace(convertedObjects=[]), "returned 0 objects, expected 1"),
        (_metadata(name="other"), "must have the same name: one != other"),
        (_metadata(uid="other"), "must have the same UID: "),
        (_metadata(labels={"a b": "c"}), "returned invalid metadata"),
        (lambda answer: answer.pop("response"), "failed: no response provided"),
        (lambda answer: answer.update(kind="Pod"), "failed: expected webhook response of"),
    ],
)
async def test_an_answer_that_cannot_be_believed_is_an_error_that_says_why(
    api: harness.Api, hook: Hook, spoil: Callable[[Object], None], text: str
) -> None:
    await crds.serve(api, _definition(hook))
    await api.create(V1, crds.custom("one", spec={"hostPort": "a:1"}))
    hook.spoil = spoil
    answer = await api.get(f"{V2}/one")
    assert answer.code == 500
    assert answer.body["message"].startswith(f"conversion webhook for {crds.GROUP}/v1, Kind=CronTab ")
    assert text in answer.body["message"], answer.body["message"]
    assert (await api.get(f"{V1}/one")).code == 200
    assert (await api.get(V2)).code == 500


async def test_only_labels_and_annotations_may_come_back_changed(api: harness.Api, hook: Hook) -> None:
    await crds.serve(api, _definition(hook))
    made = await api.create(V1, crds.custom("one", spec={"hostPort": "a:1"}))
    hook.spoil = _metadata(labels={"from": "hook"}, generation=99, finalizers=["a.b/c"])
    meta = (await api.get(f"{V2}/one")).body["metadata"]
    assert meta == {**made["metadata"], "labels": {"from": "hook"}}


async def test_no_redirect_is_followed_and_no_stranger_believed(api: harness.Api, hook: Hook) -> None:
    await crds.serve(api, _definition(hook))
    await api.create(V1, crds.custom("one", spec={"hostPort": "a:1"}))
    hook.status = 302
    answer = await api.get(f"{V2}/one")
    assert answer.code == 500
    assert "answered 302" in answer.body["message"]
    hook.status = 200
    stranger = authority.create("stranger", clock=clock.SystemClock()).certificate_pem
    config = {"url": f"{hook.url}/convert", "caBundle": base64.b64encode(stranger).decode()}
    webhook = {"clientConfig": config, "conversionReviewVersions": ["v1"]}
    patch = {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}}
    assert (await api.patch(f"{crds.CRDS}/crontabs.{crds.GROUP}", patch)).code == 200
    hook.asked.clear()
    answer = await api.get(f"{V2}/one")
    assert (answer.code, hook.asked) == (500, [])
    assert "certificate" in answer.body["message"]


async def test_a_webhook_may_be_a_service_of_its_own_cluster(api: harness.Api, hook: Hook) -> None:
    port = int(hook.url.rpartition(":")[2])
    service = {"name": "hook", "namespace": "default", "path": "/convert", "port": 443}
    crd = _definition(hook, service=service)
    await crds.serve(api, crd)
    await api.create(V1, crds.custom("one", spec={"hostPort": "a:1"}))
    assert 'service "hook" not found' in (await api.get(f"{V2}/one")).body["message"]
    await api.create(
        "/api/v1/namespaces/default/services",
        {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "hook"}, "spec": {"ports": [{"port": 443}]}},
    )
    await api.create(
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        {
            "kind": "EndpointSlice",
            "apiVersion": "discovery.k8s.io/v1",
            "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
            "addressType": "IPv4",
            "ports": [{"name": "", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
        },
    )
    answer = await api.get(f"{V2}/one")
    assert answer.body.get("spec") == {"host": "a", "port": "1"}, answer.body


async def test_a_definition_goes_although_its_webhook_does_not_answer(api: harness.Api, hook: Hook) -> None:
    await crds.serve(api, _definition(hook))
    await api.create(V1, crds.custom("one", spec={"hostPort": "a:1"}))
    hook.status = 500
    await api.call("DELETE", f"{crds.CRDS}/crontabs.{crds.GROUP}")
    await crds.gone(api, f"{crds.CRDS}/crontabs.{crds.GROUP}")
