"""The bridgehead's HTTPS server: tunnels for the API server, joining for nodes, the drawbridge for the operator.

A client certificate is asked for, not demanded: joining nodes have none, and are told nothing but the CA. Every
other path says whose certificate it wants.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import prometheus_client
from aiohttp import web

from bascule.bridge import transport
from bascule.bridge.identity import files, pki
from bascule.control.bridgehead import joining, tunnelling

JOIN_SIZE_BYTES_MAX = 64 << 10

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Bridge(Protocol):
    """What an operator can see and do."""

    def raise_(self) -> None: ...

    def lower(self) -> None: ...

    def state(self) -> Mapping[str, Any]: ...


def application(
    bridge: Bridge,
    tunnel: tunnelling.Tunnelling,
    joins: joining.Joining,
    registry: prometheus_client.CollectorRegistry,
    *,
    ca: Path,
    addresses: list[str],
) -> web.Application:
    app = web.Application(client_max_size=JOIN_SIZE_BYTES_MAX)

    async def show(_: web.Request) -> web.Response:
        return web.json_response(bridge.state())

    async def raise_(_: web.Request) -> web.Response:
        bridge.raise_()
        return web.json_response(bridge.state())

    async def lower(_: web.Request) -> web.Response:
        bridge.lower()
        return web.json_response(bridge.state())

    async def authority(_: web.Request) -> web.Response:
        return web.Response(body=files.read(ca), content_type="application/x-pem-file")

    async def join(request: web.Request) -> web.Response:
        return await _join(request, joins, addresses)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=prometheus_client.generate_latest(registry), content_type="text/plain")

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    operator = _only(lambda name, groups: "system:masters" in groups)
    server = _only(lambda name, groups: name == pki.API_USER or "system:masters" in groups)
    app.router.add_get("/bridge", operator(show))
    app.router.add_post("/bridge/raise", operator(raise_))
    app.router.add_post("/bridge/lower", operator(lower))
    tunnel_path = "/tunnel/{node}/{verb}/{cluster}/{namespace}/{pod}"
    app.router.add_get(tunnel_path, server(tunnel.handle))
    app.router.add_get(tunnel_path + "/{container}", server(tunnel.handle))
    app.router.add_get("/join/ca", authority)
    app.router.add_post("/join", join)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthy)
    return app


def tls(credentials: transport.Credentials) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(credentials.ca))
    context.load_cert_chain(credentials.certificate, credentials.key)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def _join(request: web.Request, joins: joining.Joining, addresses: list[str]) -> web.Response:
    try:
        asked = await request.json()
        node, token, csr = str(asked["node"]), str(asked["token"]), str(asked["request"])
        lifetime_seconds = int(asked["lifetime_seconds"]) if "lifetime_seconds" in asked else None
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, UnicodeDecodeError):
        return web.json_response({"message": "a join names node, token and request, as JSON"}, status=400)
    try:
        certificate = await joins.join(node, token, csr.encode(), lifetime_seconds)
    except joining.Denied as error:
        _log.warning("node %s may not join: %s", node, error)
        return web.json_response({"message": str(error)}, status=error.code)
    _log.info("node %s has a certificate", node)
    return web.json_response({"certificate": certificate.decode(), "bridge": addresses})


def _only(allowed: Callable[[str, list[str]], bool]) -> Callable[[_Handler], _Handler]:
    def guard(handler: _Handler) -> _Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            name, groups = _client(request)
            if not name and not groups:
                return web.json_response({"message": "a client certificate is needed here"}, status=401)
            if not allowed(name, groups):
                return web.json_response({"message": f"{name} may not do this"}, status=403)
            return await handler(request)

        return guarded

    return guard


def _client(request: web.Request) -> tuple[str, list[str]]:
    """Common name and organizations of the client's verified certificate."""
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    name, groups = "", []
    for part in (certificate or {}).get("subject", ()):
        for key, value in part:
            if key == "commonName":
                name = value
            elif key == "organizationName":
                groups.append(value)
    return name, groups
