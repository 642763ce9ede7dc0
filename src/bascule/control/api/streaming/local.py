"""nodes/proxy: what the node's agent itself answers, by way of its tunnel. Other ports of a node are not reachable."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import backend, bridge, leaving, logs, target
from bascule.vocabulary import builtins, errors

_AGENT_PORTS: Final = ("", "10250")
_JSON: Final = ("/pods", "/runningpods", "/configz", "/stats/summary")
_NOBODY: Final = "-"


async def serve(platform: platforms.Platform, call: calls.Call, raw_path: str) -> web.StreamResponse:
    """GET of the agent's own documents, and of containers' logs."""
    asked = backend.named(call.name, "node")
    if platform.reader.get("", builtins.NODES.plural, call.cluster, "", asked.name) is None:
        raise errors.not_found(call.resource.qualified, asked.name)
    if asked.port not in _AGENT_PORTS:
        raise errors.service_unavailable(
            f"error trying to reach service: only the agent of node {asked.name} can be reached, not port {asked.port}"
        )
    if call.request().method not in ("GET", "HEAD"):
        raise errors.method_not_allowed()
    address = target.address(platform, asked.name)
    path = unquote(raw_path) or "/"
    if path.startswith("/containerLogs/"):
        return await _log(platform, call, asked.name, path)
    place = bridge.Place(address, asked.name, call.cluster, _NOBODY, _NOBODY, _NOBODY)
    query = [("path", path.rstrip("/") or "/")]
    async with platform.bridge.streamed("node", place, query, absent=errors.path_not_found()) as upstream:
        return await logs.copied(call.request(), upstream, "application/json" if path in _JSON else "text/plain")


async def _log(platform: platforms.Platform, call: calls.Call, node: str, path: str) -> web.StreamResponse:
    parts = path.split("/")[2:]
    if len(parts) != 3 or not all(parts):
        raise errors.bad_request("a container's log is at /containerLogs/<namespace>/<pod>/<container>")
    namespace, name, container = parts
    pod = platform.reader.get("", builtins.PODS.plural, call.cluster, namespace, name)
    if pod is None or (pod.get("spec") or {}).get("nodeName") != node:
        raise errors.not_found("pods", name)
    query = logs.checked(name, call.parameters)
    place = target.place(platform, pod, target.container(pod, container))
    async with platform.bridge.streamed("logs", place, query) as upstream:
        return await leaving.unless_left(call.request(), logs.copied(call.request(), upstream, "text/plain"))
