"""Definitions and their objects keep nobody waiting, however large they are and however many: as `test_turns`."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest

from bascule.control.api.custom import compiled, described, lifecycle, offer, pieces
from bascule.control.cache import record
from bascule.vocabulary import objects
from tests.unit.control.api import crds, harness, test_turns
from tests.unit.control.api.crds import GROUP

PATH = f"{crds.CRDS}/crontabs.{GROUP}"
OBJECTS = f"/apis/{GROUP}/v1/namespaces/default/crontabs"
MERGE, APPLY, JSON = "application/merge-patch+json", "application/apply-patch+yaml", "application/json"
FIELDS = 8_000
COUNT = 1_200


def _large() -> dict[str, Any]:
    """Every field with a default of its own, which is the dearest to check."""
    field = {"type": "object", "properties": {"a": {"type": "integer"}}}
    return crds.definition(
        "CronTab", crds.version("v1", {f"field{n}": field | {"default": {"a": n}} for n in range(FIELDS)})
    )


async def _asked(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Any = None, media: str = JSON
) -> int:
    """The answer's code; what it sets off must be over within its time, too."""
    sent = orjson.dumps(body) if body is not None else None
    with test_turns.turns(monkeypatch) as taken:
        code = await test_turns.drain(api, method, path, sent, {"Content-Type": media})
        for _ in range(10):
            await asyncio.sleep(0.01)
    assert not [turn for turn in taken if turn[0] > test_turns.LONGEST_SECONDS], (method, path)
    return code


async def test_a_large_definition(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    large = _large()
    obj = crds.custom("a", spec={})
    assert await _asked(api, monkeypatch, "POST", crds.CRDS, large) == 201
    await crds.until(api, PATH, "Established", "True")
    assert await _asked(api, monkeypatch, "POST", OBJECTS, obj) == 201
    assert await _asked(api, monkeypatch, "PATCH", PATH, {"metadata": {"labels": {"a": "b"}}}, MERGE) == 200
    assert await _asked(api, monkeypatch, "PATCH", f"{PATH}?fieldManager=m&force=true", large, APPLY) == 200
    for path in (f"/openapi/v3/apis/{GROUP}/v1", "/openapi/v2", crds.CRDS, OBJECTS, f"{OBJECTS}/a"):
        assert await _asked(api, monkeypatch, "GET", path) == 200
    assert await _asked(api, monkeypatch, "DELETE", PATH) == 200
    await crds.gone(api, PATH)


async def test_a_definition_is_decoded_and_compiled_in_threads_alone(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And compiled once, for all who come meanwhile; not at all for what only describes it."""
    compiling: list[bool] = []
    decoded: list[bool] = []

    def on_loop() -> bool:
        try:
            return asyncio.get_running_loop() is not None
        except RuntimeError:
            return False

    def compile_(*arguments: Any, _original: Any = compiled.compile) -> Any:
        compiling.append(on_loop())
        return _original(*arguments)

    def schema_of(*arguments: Any, _original: Any = pieces.schema_of) -> Any:
        decoded.append(on_loop())
        return _original(*arguments)

    def decode(stored: record.Record, _original: Any = record.Record.decode) -> Any:
        assert not (stored.key.name == f"crontabs.{GROUP}" and on_loop())
        return _original(stored)

    monkeypatch.setattr(compiled, "compile", compile_)
    monkeypatch.setattr(pieces, "schema_of", schema_of)
    properties = {f"f{n}": {"type": "string", "description": "x" * 50} for n in range(2000)}
    crd = crds.definition("CronTab", crds.version("v1", properties))
    with monkeypatch.context() as patched:
        patched.setattr(record.Record, "decode", decode)
        await crds.serve(api, crd)
        assert (await api.get("/openapi/v2")).code == (await api.get(f"/openapi/v3/apis/{GROUP}/v1")).code == 200
        assert (compiling, decoded) == ([], [False, False])
        answers = await asyncio.gather(*(api.get(OBJECTS) for _ in range(5)))
    assert [answer.code for answer in answers] == [200] * 5
    assert compiling == [False]


async def test_documents_of_many_definitions_are_made_a_definition_at_a_time(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def make(row: Any, schema: Any, _original: Any = pieces.version_3) -> Any:
        made.append(row.plural)
        return _original(row, schema)

    monkeypatch.setitem(described._MAKERS, "v3", make)
    monkeypatch.setattr(described, "_WHOLE_MAX_BYTES", 10_000)
    names = [f"Kind{n}" for n in range(30)]
    for name in names:
        await crds.serve(api, crds.definition(name))
    path = f"/openapi/v3/apis/{GROUP}/v1"
    answer = await api.get(path)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert len(made) == len(names)
    schemas = answer.body["components"]["schemas"]
    assert {f"com.example.stable.v1.{name}" for name in names} < set(schemas)
    assert "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" in schemas
    assert f"/apis/{GROUP}/v1/namespaces/{{namespace}}/kind7s" in answer.body["paths"]
    assert (await api.get(path, headers={"If-None-Match": answer.headers["ETag"]})).code == 304
    change = {"spec": {"versions": [crds.version("v1", {"new": {"type": "string"}})]}}
    assert (await api.patch(f"{crds.CRDS}/kind7s.{GROUP}", change)).code == 200
    again = await api.get(path)
    assert made[len(names) :] == ["kind7s"]
    changed = again.body["components"]["schemas"].pop("com.example.stable.v1.Kind7")
    assert list(changed["properties"]["spec"]["properties"]) == ["new"]
    assert again.headers["ETag"] != answer.headers["ETag"]
    del schemas["com.example.stable.v1.Kind7"]
    assert again.body["components"]["schemas"] == schemas


async def test_long_parts_of_documents_are_sent_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(described, "_SENT_BYTES", 10)
    parts = [b"a" * 25, b"", b"b", b"c" * 4, b"d" * 5, b"e" * 100, b"f"]

    async def joined() -> AsyncGenerator[bytes, None]:
        for part in parts:
            yield part

    sent = [piece async for piece in described._gathered(joined())]
    assert b"".join(sent) == b"".join(parts)
    assert max(map(len, sent)) == 10
    assert len(sent) < 17


async def test_definitions_are_settled_one_in_a_turn(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = 0
    settled: list[int] = []

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def settle(of: lifecycle.Lifecycle, key: objects.Key, _original: Any = lifecycle.Lifecycle._settle) -> None:
        settled.append(turn)
        await _original(of, key)

    monkeypatch.setattr(lifecycle.Lifecycle, "_settle", settle)
    counting = asyncio.create_task(count())
    names = [f"Kind{n}" for n in range(10)]
    await asyncio.gather(*(crds.serve(api, crds.definition(name)) for name in names))
    counting.cancel()
    assert len(settled) >= len(names)
    assert len(settled) == len(set(settled))


async def test_objects_after_a_change_of_the_schema(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await crds.serve(api, crds.definition())
    await api.create(OBJECTS, crds.custom("first", spec={"image": "a"}))
    found = api.platform.custom.find("root", GROUP, "crontabs")
    assert found is not None
    endpoint = found.endpoints["v1"]
    for start in range(0, COUNT, 100):
        drafts = [
            (endpoint.records, name, await endpoint.form.draft({**crds.custom(name), "metadata": _meta(name)}))
            for name in (f"c{start + n}" for n in range(100))
            if endpoint.form is not None
        ]
        await asyncio.gather(*(records.create(_key(name), draft) for records, name, draft in drafts))
    change = {"spec": {"versions": [crds.version("v1", {"image": {"type": "string"}, "new": {"type": "string"}})]}}
    change["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["default"] = {"new": "n"}
    assert (await api.patch(PATH, change)).code == 200
    for headers in ({}, test_turns.TABLE, test_turns.YAML, test_turns.METADATA):
        for path in (OBJECTS, f"{OBJECTS}?watch=1&timeoutSeconds=1"):
            if headers in (test_turns.YAML, test_turns.METADATA) and "watch" in path:
                continue
            with test_turns.turns(monkeypatch) as taken:
                assert await test_turns.drain(api, "GET", path, None, headers) == 200
            assert not [turn for turn in taken if turn[0] > test_turns.LONGEST_SECONDS], (path, headers)
    listed = await api.get(OBJECTS)
    assert listed.headers["Transfer-Encoding"] == "chunked"
    assert {str(item["spec"]) for item in listed.body["items"]} == {"{'image': 'a'}", "{'new': 'n'}"}


async def test_objects_are_as_stored_after_a_change_of_words(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    await api.create(OBJECTS, crds.custom("a", spec={"image": "a"}))
    words = {"image": {"type": "string", "description": "new", "maxLength": 9}, "replicas": {"type": "integer"}}
    assert (await api.patch(PATH, {"spec": {"versions": [crds.version("v1", words)]}})).code == 200
    assert (await api.get(f"{OBJECTS}/a")).body["spec"] == {"image": "a"}
    found = api.platform.custom.find("root", GROUP, "crontabs")
    assert isinstance(found, offer.Offer)
    assert found.generation == 2
    assert found.endpoints["v1"].shows_stored(found.endpoints["v1"].records.list().records)


def _meta(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": "default", "uid": f"u{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}


def _key(name: str) -> objects.Key:
    return objects.Key("root", "default", name)
