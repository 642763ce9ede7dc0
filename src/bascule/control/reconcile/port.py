"""The manager's own HTTP port: `/healthz`, `/readyz`, `/metrics`, `/quarantine`. Loopback unless told otherwise."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bascule.control.reconcile import manager as managers


@asynccontextmanager
async def serving(manager: managers.Manager, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves while entered; yields the address it listens on, `host:port`."""

    async def healthz(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(request: web.Request) -> web.Response:
        waiting = [one.resource.qualified for one in manager.sources if not one.synced]
        if waiting:
            return web.Response(status=503, text=f"not yet synced: {', '.join(waiting)}")
        return web.Response(text="ok")

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=manager.metrics.text(), content_type="text/plain", charset="utf-8")

    async def quarantine(request: web.Request) -> web.Response:
        return web.json_response({"items": manager.quarantined()})

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/quarantine", quarantine)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        yield f"{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()
