"""One HTTP call: headers, deadline, retries, and answers that are refusals turned into `StatusError`.

Invariant: a call ends within its deadline with the decoded answer, a `StatusError` (the server said no) or
`Unreachable` (nothing certain is known). It knows nothing of resources.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from bascule.client import faults, kubeconfig, retry
from bascule.vocabulary import errors

_CALLS_AT_ONCE = 256


@dataclass(frozen=True)
class Request:
    """`path` starts with a slash and is not yet escaped; `body` is encoded already."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    as_user: str | None = None
    as_groups: Sequence[str] = ()


class Transport:
    """Holds the connections to one API server; used inside one event loop; close it."""

    def __init__(
        self,
        connection: kubeconfig.Connection,
        *,
        user_agent: str = "bascule",
        policy: retry.Policy | None = None,
        source: random.Random | None = None,
    ) -> None:
        self.connection = connection
        self._user_agent = user_agent
        self._policy = policy or retry.Policy()
        self._random = source or random.Random()
        self._session: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        for session in (self._session, self._streams):
            if session is not None:
                await session.close()
        self._session = self._streams = None

    def session(self) -> aiohttp.ClientSession:
        """For calls."""
        if self._session is None:
            self._session = self._open(_CALLS_AT_ONCE)
        return self._session

    def streams(self) -> aiohttp.ClientSession:
        """For watches, which keep their connections: however many kinds are followed, calls find one that is free."""
        if self._streams is None:
            self._streams = self._open(0)
        return self._streams

    def _open(self, limit: int) -> aiohttp.ClientSession:
        """`limit` 0: as many connections as are asked for."""
        context = self.connection.ssl_context or False
        connector = aiohttp.TCPConnector(ssl=context, limit=limit, keepalive_timeout=60.0)
        return aiohttp.ClientSession(connector=connector, auto_decompress=True)

    def headers(self, request: Request) -> CIMultiDict[str]:
        headers: CIMultiDict[str] = CIMultiDict({"Accept": request.accept, "User-Agent": self._user_agent})
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if self.connection.token:
            headers["Authorization"] = f"Bearer {self.connection.token}"
        if request.as_user:
            headers["Impersonate-User"] = request.as_user
            for group in request.as_groups:
                headers.add("Impersonate-Group", group)
        return headers

    def url(self, request: Request) -> URL:
        url = URL(self.connection.server + request.path)
        return url.update_query(request.query) if request.query else url

    async def call(self, request: Request, *, timeout_seconds: float) -> bytes:
        """The body of a 2xx answer. Raises `StatusError`, `Unreachable`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._call_with_retries(request)
        except TimeoutError as error:
            raise faults.Unreachable(
                f"{request.method} {request.path}: no answer within {timeout_seconds:g} s"
            ) from error

    async def _call_with_retries(self, request: Request) -> bytes:
        url, headers = self.url(request), self.headers(request)
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self._policy.attempts
            try:
                async with self.session().request(
                    request.method, url, data=request.body, headers=headers, allow_redirects=False
                ) as response:
                    body = await response.read()
                    if response.status < 300:
                        return body
                    pause = retry.after_status(
                        response.status, response.headers.get("Retry-After"), self._policy.longest_seconds
                    )
                    if last or pause is None:
                        raise refusal(response.status, body, response.reason or "")
            except (aiohttp.ClientConnectorError, aiohttp.ClientError, OSError) as error:
                connected = not isinstance(error, aiohttp.ClientConnectorError)
                if last or not retry.after_fault(request.method, connected=connected):
                    raise faults.Unreachable(f"{request.method} {request.path}: {error}") from error
                pause = self._policy.pause_seconds(attempt, self._random)
            await asyncio.sleep(pause)


def encode(body: Any) -> bytes:
    return orjson.dumps(body)


def refusal(code: int, body: bytes, reason: str) -> errors.StatusError:
    """The error an answer stands for; bodies that are no Status (a proxy's page) keep their first words."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return errors.StatusError.from_status({"code": code, **status})
    text = body[:200].decode("utf-8", "replace") or reason
    return errors.StatusError(code, "", f"the server answered {code}: {text}")
