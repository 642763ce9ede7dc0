"""Which code answers which subresource. The rooms of streams are imported with the first stream of their kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import nowhere
from bascule.control.api import platform as platforms
from bascule.control.api.subresources import binding, certificates, eviction, finalize, pod_changes, scale, token
from bascule.control.api.subresources import rows as spoken
from bascule.control.api.verbs import get, patching, updating
from bascule.vocabulary import errors

Serve = Callable[[platforms.Platform, calls.Call], Awaitable[web.StreamResponse]]


async def _logs(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    from bascule.control.api.streaming import logs

    return await logs.serve(platform, call)


async def _session(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    from bascule.control.api.streaming import sessions

    return await sessions.serve(platform, call)


async def _port_forward(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    from bascule.control.api.streaming import port_forward

    return await port_forward.serve(platform, call)


async def _proxy(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    from bascule.control.api.streaming import proxy

    return await proxy.serve(platform, call)


_STATUS: Final[dict[str, Serve]] = {"get": get.get, "update": updating.update, "patch": patching.patch}
_HANDLERS: Final[dict[str, Serve]] = {
    "scale": scale.serve,
    "binding": binding.bind,
    "eviction": eviction.evict,
    "token": token.request,
    "finalize": finalize.update,
    "approval": certificates.approval,
    "ephemeralcontainers": pod_changes.serve,
    "resize": pod_changes.serve,
    "log": _logs,
    "exec": _session,
    "attach": _session,
    "portforward": _port_forward,
    "proxy": _proxy,
}
_CONNECTING: Final = ("exec", "attach", "portforward", "proxy")
"""Neither read nor written: admission is asked before the connection opens."""


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """Answers a request for a subresource that the resource has."""
    name = call.subresource
    verbs = spoken.spoken(call.resource, name).verbs
    if not call.name or (call.verb not in verbs and (name, call.verb) != ("proxy", "")):
        raise nowhere.refused(call.endpoint, call.verb)
    if name == "status":
        return await _STATUS[call.verb](platform, call)
    handler = _HANDLERS.get(name)
    if handler is None:
        raise errors.StatusError(501, "NotImplemented", f"{call.resource.plural}/{name} is not served yet")
    if name in _CONNECTING:
        platform.admission.validate(call.admission("CONNECT"), None)
    return await handler(platform, call)
