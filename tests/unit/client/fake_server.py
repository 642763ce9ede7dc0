"""A scripted API server for client tests: each request is recorded and answered by the next handler."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
from aiohttp import web

from bascule.client import api, kubeconfig

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Script:
    """What the server answers; `requests` is what it was asked, bodies read."""

    def __init__(self, *handlers: Handler) -> None:
        self.handlers = list(handlers)
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        handler = self.handlers.pop(0) if len(self.handlers) > 1 else self.handlers[0]
        return await handler(request)


def json(document: object, status: int = 200, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(document, status=status, headers=named)

    return handler


async def broken(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def stream(*events: dict, hold: asyncio.Event | None = None) -> Handler:
    """A watch that sends these events and ends, or stays open until `hold` is set."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events:
            await response.write(orjson.dumps(event) + b"\n")
        if hold is not None:
            await hold.wait()
        return response

    return handler


@asynccontextmanager
async def serving(script: Script, **options) -> AsyncIterator[api.Client]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    connection = kubeconfig.Connection(f"http://{host}:{port}", None, options.pop("token", None))
    try:
        async with api.Client(connection, **options) as client:
            yield client
    finally:
        await runner.cleanup()
