"""The deprecated componentstatuses: the store as this server has it, the others by whether they are connected.

Names are upstream's: who asks for them looks for `etcd-0`, the store here, `controller-manager` and `scheduler`.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api import shape, table
from bascule.control.api.wire import respond
from bascule.vocabulary import errors, objects

_STORE: Final = "etcd-0"
_HOLDERS: Final = {
    "controller-manager": frozenset({"bascule:controllers", "system:kube-controller-manager"}),
    "scheduler": frozenset({"system:kube-scheduler"}),
}
"""Whose connections tell that a component is there."""


async def read(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """GET and LIST."""
    found = {name: _status(platform, name) for name in (*_HOLDERS, _STORE)}
    if call.verb == "get":
        if call.name not in found:
            raise call.not_found()
        return await shape.single(platform, call, orjson.dumps(found[call.name]))
    if call.verb != "list":
        raise errors.method_not_allowed()
    return respond.value(
        _listed(platform, call, [*found.values()]), encoding=call.accept.encoding, warnings=call.warnings
    )


def _status(platform: platforms.Platform, name: str) -> objects.Object:
    condition = {"type": "Healthy", "status": "True", "message": "ok"}
    if name != _STORE and not platform.is_connected(_HOLDERS[name]):
        condition = {"type": "Healthy", "status": "False", "error": "no such process is connected"}
    return {
        "kind": "ComponentStatus",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "conditions": [condition],
    }


def _listed(platform: platforms.Platform, call: calls.Call, items: list[objects.Object]) -> dict[str, Any]:
    accept, kind = call.accept, call.endpoint.strategy
    if accept.shape == "table":
        included, now = table.include(call.parameters.get("includeObject", "")), platform.time.now()
        rows = [table.row(kind, item, now, included=included, version=accept.version) for item in items]
        return table.table(table.columns(kind), rows, {}, accept.version)
    if accept.shape == "metadata":
        return table.partial_list([table.partial(item, accept.version) for item in items], {}, accept.version)
    return {"kind": call.resource.list_kind, "apiVersion": "v1", "metadata": {}, "items": items}
