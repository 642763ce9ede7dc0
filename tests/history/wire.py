"""Requests to a server that may be killed and come back elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import orjson

from bascule.vocabulary import objects
from tests.history import record

MEDIA = {
    "merge": "application/merge-patch+json",
    "apply": "application/apply-patch+yaml",
    "json": "application/json",
}
GONE = (aiohttp.ClientError, ConnectionError, TimeoutError)
"""What a client meets when the server dies under it."""


class Answer(NamedTuple):
    code: int
    body: Any


class Wire:
    """`url` may change: where the server is now."""

    def __init__(self, session: aiohttp.ClientSession, url: str, **headers: str) -> None:
        self.url = url
        self._session = session
        self._headers = headers

    async def ask(self, method: str, path: str, body: Any = None, media: str = "json") -> Answer:
        """Raises one of GONE when the server is not there, or leaves before it has answered."""
        headers = {**self._headers, "Content-Type": MEDIA[media]}
        content = orjson.dumps(body) if body is not None else None
        async with self._session.request(method, self.url + path, data=content, headers=headers) as answer:
            return Answer(answer.status, orjson.loads(await answer.read()))

    async def shown(self, path: str, accept: str) -> Any:
        """What a GET answers that must succeed."""
        async with self._session.get(self.url + path, headers={**self._headers, "Accept": accept}) as answer:
            body = await answer.read()
            assert answer.status == 200, body
            return orjson.loads(body)

    @asynccontextmanager
    async def following(self, path: str, accept: str) -> AsyncIterator[AsyncIterator[Any]]:
        """The lines of a watch as they come; leaving cuts the connection."""
        headers = {**self._headers, "Accept": accept}
        async with self._session.get(self.url + path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.headers["Content-Type"] == "application/json"
            yield _lines(answer)
            answer.close()


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    while line := await answer.content.readline():
        if not line.endswith(b"\n"):
            return  # Cut in the middle.
        yield orjson.loads(line)


def key(obj: record.Object) -> record.Key:
    return objects.key(obj)


def version(obj: record.Object) -> int:
    return int(obj["metadata"]["resourceVersion"])
