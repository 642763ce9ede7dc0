"""No request keeps the others waiting: what the server does in one go of the event loop is short, whatever is asked.

Measured in processor time of the loop's thread, which a busy machine does not lengthen as it does the clock's.
"""

import asyncio
import gc
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from bascule.control.cache import record
from bascule.vocabulary import builtins, objects
from tests.unit.control.api import harness

LONGEST_SECONDS = 0.1
"""Twice what is aimed at, for slow machines."""
PODS, MAPS = "/api/v1/pods", "/api/v1/namespaces/default/configmaps"
COUNT = 1500
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
YAML = {"Accept": "application/yaml"}


@contextmanager
def turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[float, str]]]:
    """Every turn of the server's own tasks: how long, and which."""
    taken: list[tuple[float, str]] = []
    run = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run(handle)
        seconds = time.thread_time() - started
        if seconds > 0.02:
            taken.append((seconds, repr(handle)))

    # What other tests have left behind is not this server's to look through.
    gc.collect()
    gc.freeze()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.Handle, "_run", measured)
            yield taken
    finally:
        gc.unfreeze()


async def drain(api: harness.Api, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
    """The answer's code, without looking into a large body, which would be this test's own long turn."""
    sent = {"Authorization": "Bearer admin"} | headers
    data = io.BytesIO(body) if body is not None else None
    async with api.session.request(method, api.url + path, data=data, headers=sent) as answer:
        async for _ in answer.content.iter_chunked(1 << 16):
            pass
        return answer.status


async def _pods(api: harness.Api) -> None:
    endpoint = api.platform.endpoint_of(builtins.PODS)
    for start in range(0, COUNT, 100):
        made = []
        for number in range(start, start + 100):
            obj = harness.pod(f"p{number}", nodeName=f"n{number % 50}")
            obj["metadata"] |= {
                "namespace": "default",
                "uid": f"u{number}",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            }
            obj["status"] = {"phase": "Running", "podIP": "10.0.0.1"}
            draft = record.draft(obj, endpoint.strategy.selectable_fields(obj))
            made.append(endpoint.records.create(objects.key(obj), draft))
        await asyncio.gather(*made)


def _map(data: dict[str, Any]) -> bytes:
    return orjson.dumps(harness.config_map("large", **data))


MANY = {f"key-{number}": "value" for number in range(30_000)}
READS = {
    "list": (PODS, {}),
    "table": (PODS, TABLE),
    "metadata": (PODS, METADATA),
    "yaml": (f"{PODS}?limit=500", YAML),
    "other version": ("/apis/events.k8s.io/v1/events", {}),
    "by many labels": (PODS + "?labelSelector=" + ",".join(f"!a{n}" for n in range(100)), {}),
    "by field": (f"{PODS}?fieldSelector=status.phase!=Failed", TABLE),
    "watch": (f"{PODS}?watch=1&timeoutSeconds=1", {}),
    "watch of tables": (f"{PODS}?watch=1&timeoutSeconds=1", TABLE),
}
WRITES = {
    "large values": ("POST", MAPS, orjson.dumps(harness.config_map("values", a="x" * 900_000)), "application/json"),
    "many keys": ("POST", MAPS, _map(MANY), "application/json"),
    "too large": ("POST", MAPS, _map({f"k{n}": "x" * 100 for n in range(25_000)}), "application/json"),
    "yaml": (
        "POST",
        MAPS,
        "\n".join(
            ["kind: ConfigMap", "metadata: {name: y}", "data:", *(f"  key-{n}: value" for n in range(10_000))]
        ).encode(),
        "application/yaml",
    ),
    "unknown fields": ("POST", MAPS, orjson.dumps({"metadata": {"name": "u"}, **MANY}), "application/json"),
    "apply": (
        "PATCH",
        f"{MAPS}/applied?fieldManager=m",
        orjson.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": MANY}),
        "application/apply-patch+yaml",
    ),
    "json patch": (
        "PATCH",
        f"{MAPS}/small",
        orjson.dumps([{"op": "add", "path": f"/data/k{n}", "value": "v"} for n in range(9_000)]),
        "application/json-patch+json",
    ),
    "merge patch": ("PATCH", f"{MAPS}/small", orjson.dumps({"data": MANY}), "application/merge-patch+json"),
    "strategic patch": (
        "PATCH",
        f"{MAPS}/small",
        orjson.dumps({"data": MANY}),
        "application/strategic-merge-patch+json",
    ),
    "deep patch": ("PATCH", f"{MAPS}/small", b'{"data":' * 190 + b"1" + b"}" * 190, "application/merge-patch+json"),
    "many containers": (
        "POST",
        "/api/v1/namespaces/default/pods",
        orjson.dumps(harness.pod("many", containers=[{"name": f"c{n}", "image": "x:1"} for n in range(5_000)])),
        "application/json",
    ),
    "all deleted": ("DELETE", "/api/v1/namespaces/default/pods?gracePeriodSeconds=0", None, "application/json"),
}
CODES = {"too large": 422, "json patch": 200, "merge patch": 200, "strategic patch": 200, "deep patch": 422}
CODES["all deleted"] = 200


async def test_reads(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await _pods(api)
    for name, (path, headers) in READS.items():
        with turns(monkeypatch) as taken:
            assert await drain(api, "GET", path, None, headers) == 200, name
        assert not [turn for turn in taken if turn[0] > LONGEST_SECONDS], name


async def test_writes(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.create(MAPS, harness.config_map("small", a="b"))
    await _pods(api)
    for name, (method, path, body, media) in WRITES.items():
        with turns(monkeypatch) as taken:
            code = await drain(api, method, path, body, {"Content-Type": media})
        assert code == CODES.get(name, 201), name
        assert not [turn for turn in taken if turn[0] > LONGEST_SECONDS], name
