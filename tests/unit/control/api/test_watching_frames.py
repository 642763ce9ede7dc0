"""A watch through a WebSocket, as browsers make it: one event is one text message."""

import asyncio

import aiohttp
import orjson
import pytest

from bascule.control.api.verbs import watching
from bascule.vocabulary import errors
from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
HEADERS = {"Authorization": "Bearer admin"}


async def test_events_come_as_messages_until_the_watch_ends(api: harness.Api) -> None:
    first = await api.create(MAPS, harness.config_map("a"))
    query = f"watch=1&resourceVersion={int(first['metadata']['resourceVersion']) - 1}&timeoutSeconds=1"
    async with asyncio.timeout(20), api.session.ws_connect(f"{api.url}{MAPS}?{query}", headers=HEADERS) as socket:
        told = [orjson.loads((await socket.receive()).data)]
        await socket.send_str("nobody listens to this")
        await api.create(MAPS, harness.config_map("b"))
        told.append(orjson.loads((await socket.receive()).data))
        ended = await socket.receive()
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in told] == [("ADDED", "a"), ("ADDED", "b")]
    assert ended.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)


async def test_who_leaves_is_forgotten(api: harness.Api) -> None:
    records = api.platform.endpoints["", "v1", "configmaps"]
    async with api.session.ws_connect(f"{api.url}{MAPS}?watch=1", headers=HEADERS):
        assert len(records.watches) == 1
    async with asyncio.timeout(10):
        while records.watches:  # noqa: ASYNC110 - the server notices at its next turn
            await asyncio.sleep(0)


async def test_a_failure_is_recorded_and_ends_the_watch(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bytes:
        raise TypeError("no frame")

    monkeypatch.setattr(watching._Stream, "_frame", broken)
    await api.create(MAPS, harness.config_map("a"))
    async with asyncio.timeout(20), api.session.ws_connect(f"{api.url}{MAPS}?watch=1", headers=HEADERS) as socket:
        ended = await socket.receive()
    assert ended.type is not aiohttp.WSMsgType.TEXT
    assert "a watch through a WebSocket failed" in caplog.text


async def test_what_cannot_be_shown_is_told_and_ends_the_watch(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgotten(*_: object) -> bytes:
        raise errors.service_unavailable("converted too long ago", retry_after_seconds=1)

    monkeypatch.setattr(watching._Stream, "_frame", forgotten)
    await api.create(MAPS, harness.config_map("a"))
    async with asyncio.timeout(20), api.session.ws_connect(f"{api.url}{MAPS}?watch=1", headers=HEADERS) as socket:
        told = orjson.loads((await socket.receive()).data)
        ended = await socket.receive()
    assert (told["type"], told["object"]["code"]) == ("ERROR", 503)
    assert ended.type is not aiohttp.WSMsgType.TEXT
