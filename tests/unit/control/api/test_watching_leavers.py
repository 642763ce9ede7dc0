"""Who leaves before the answer has begun leaves nothing behind."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bascule.control.access import user
from bascule.control.api.wire import connections, conversation
from bascule.control.cache import resource
from bascule.vocabulary import builtins, clock
from tests import waiting
from tests.unit.control.api import harness

WATCH = b"GET /api/v1/namespaces/default/configmaps?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\n"


@pytest.mark.parametrize("fields", [b"\r\n", b"Expect: 100-continue\r\n\r\n"], ids=["read here", "read by aiohttp"])
async def test_a_watch_of_nobody(api: harness.Api, monkeypatch: pytest.MonkeyPatch, fields: bytes) -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def prepare(*_: object) -> None:
        begun.set()
        await left.wait()

    lost = conversation.Conversation.connection_lost
    monkeypatch.setattr(resource.ResourceCache, "prepare", prepare)
    monkeypatch.setattr(conversation.Conversation, "connection_lost", _then(lost, left.set))
    records = api.platform.endpoint_of(builtins.CONFIG_MAPS).records
    before = len(records._hub)
    _, writer = await asyncio.open_connection(*api.url.removeprefix("http://").split(":"))
    writer.write(WATCH + fields)
    await begun.wait()
    writer.transport.abort()
    await left.wait()
    await waiting.until(lambda: len(records._hub) == before, timeout_seconds=5, what="the end of the watch")


def _then(first: Callable[..., None], second: Callable[[], None]) -> Callable[..., None]:
    def both(*given: Any) -> None:
        first(*given)
        second()

    return both


@pytest.mark.parametrize("connected", [True, False])
def test_whose_a_connection_was_is_not_kept(connected: bool) -> None:
    authenticator: Any = SimpleNamespace(certificate=lambda *_: user.User("nora", ()))
    known = connections.Identities(authenticator, clock.SystemClock())
    assert known.holder(_Http(_Protocol(connected=connected))) == user.User("nora", ())  # type: ignore[arg-type]
    assert known.has(["nora"]) is connected


class _Protocol:
    def __init__(self, *, connected: bool) -> None:
        self.connected = connected


class _Http:
    def __init__(self, protocol: _Protocol) -> None:
        self.protocol = protocol

    def get_extra_info(self, _: str) -> Any:
        return SimpleNamespace(getpeercert=lambda **_: b"certificate")
