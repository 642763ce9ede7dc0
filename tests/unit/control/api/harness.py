"""A whole API server inside the test's own event loop: memory store, plain HTTP, users by bearer name."""

from __future__ import annotations

import io
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import orjson

from bascule.bridge.identity import authority, certificates, service_account_keys
from bascule.control.access import user
from bascule.control.api import assembly, dispatch
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import bridge
from bascule.control.api.wire import server
from bascule.control.store import contract, memory
from bascule.vocabulary import clock, errors

Object = dict[str, Any]
_CA = authority.create("test-ca", clock=clock.SystemClock())
_KEYS = service_account_keys.KeySet(certificates.new_key())


class Answer(NamedTuple):
    code: int
    body: Any
    headers: Any

    @property
    def warnings(self) -> list[str]:
        """The texts of its Warning headers, as they were before they were quoted."""
        return [orjson.loads(line.removeprefix("299 - ")) for line in self.headers.getall("Warning", [])]


class NamedUsers:
    """`Authorization: Bearer admin` is a master, any other word a user of that name; tokens with dots are real.

    Nodes are in their group, as their certificates say.
    """

    def __init__(self, real: Any) -> None:
        self._real = real

    def authenticate(self, *, authorization: str | None, cluster: str) -> user.User:
        word = (authorization or "").removeprefix("Bearer ")
        if word.count(".") in (1, 2) or not word:
            return self._real.authenticate(authorization=authorization, cluster=cluster)
        if word == "admin":
            return user.User("admin", (user.MASTERS, user.AUTHENTICATED))
        if word == "wrong":
            raise errors.unauthorized()
        nodes = (user.NODES,) if word.startswith(user.NODE_PREFIX) else ()
        return user.User(word, (*nodes, user.AUTHENTICATED))

    def review(self, *arguments: Any) -> Any:
        return self._real.review(*arguments)


class Api:
    """What a test sees: the platform inside, and requests from outside."""

    def __init__(
        self, platform: platforms.Platform, session: aiohttp.ClientSession, url: str, dispatcher: dispatch.Dispatcher
    ) -> None:
        self.platform = platform
        self.dispatcher = dispatcher
        self.session = session
        self.url = url

    async def call(
        self, method: str, path: str, body: Any = None, *, who: str = "admin", headers: dict[str, str] | None = None
    ) -> Answer:
        """Any request; `body` is encoded as JSON unless it is bytes."""
        sent = {"Authorization": f"Bearer {who}"} if who else {}
        if body is not None and not isinstance(body, bytes):
            sent["Content-Type"] = "application/json"
            body = orjson.dumps(body)
        if body is not None:
            body = io.BytesIO(body)
        async with self.session.request(method, self.url + path, data=body, headers=sent | (headers or {})) as answer:
            content = await answer.read()
            kind = answer.headers.get("Content-Type", "")
            value = orjson.loads(content) if kind.startswith("application/json") else content
            return Answer(answer.status, value, answer.headers)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def create(self, path: str, obj: Object, **options: Any) -> Object:
        """A POST that must succeed."""
        answer = await self.call("POST", path, obj, **options)
        assert answer.code == 201, answer
        return answer.body

    async def patch(self, path: str, body: Any, kind: str = "merge", **options: Any) -> Answer:
        media = {
            "merge": "application/merge-patch+json",
            "json": "application/json-patch+json",
            "strategic": "application/strategic-merge-patch+json",
            "apply": "application/apply-patch+yaml",
        }[kind]
        sent = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.call("PATCH", path, sent, headers={"Content-Type": media}, **options)

    async def watch(self, path: str, count: int) -> list[Object]:
        """The first events of a watch."""
        events: list[Object] = []
        async with self.session.get(self.url + path, headers={"Authorization": "Bearer admin"}) as answer:
            assert answer.status == 200, await answer.text()
            while len(events) < count and (line := await answer.content.readline()):
                events.append(orjson.loads(line))
        return events


@asynccontextmanager
async def running(store: contract.Store | None = None, **bounds: float) -> AsyncIterator[Api]:
    """`bounds`: `connections_max` and `head_seconds` of `accepting.Connections`."""
    platform = await assembly.assemble(
        store or memory.MemoryStore(),
        settings=platforms.Settings(),
        keys=_KEYS,
        ca=lambda: _CA,
        ca_pem=_CA.certificate_pem,
        bridge=bridge.Bridge(None),
        time=clock.SystemClock(),
        source=random.Random(7),
    )
    platform.authenticator = NamedUsers(platform.authenticator)  # type: ignore[assignment]
    await assembly.create_defaults(platform)
    serving = server.Server(platform, **bounds)  # type: ignore[arg-type]
    (listener,) = server.listen(["127.0.0.1"], 0)
    await serving.start([listener], None)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with aiohttp.ClientSession() as session:
        yield Api(platform, session, url, serving.dispatcher)
    await serving.stop()


def config_map(name: str = "", **data: str) -> Object:
    metadata = {"name": name} if name else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pod(name: str, **spec: Any) -> Object:
    container = {"name": "main", "image": "busybox:1"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], **spec},
    }
