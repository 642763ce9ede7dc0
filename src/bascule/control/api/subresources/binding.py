"""pods/binding: the scheduler's word, given once."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from bascule.control.api import body, pipeline
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.wire import respond
from bascule.control.cache import record
from bascule.control.schema import catalog, types
from bascule.vocabulary import builtins, conditions, errors, objects

_TOPOLOGY: Final = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


async def bind(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """201 with a Status; 409 when the pod is bound already or is being deleted."""
    schema = catalog.schema_of("v1", "Binding") or types.ANYTHING
    wanted = await body.read(call, api_version="v1", kind="Binding", schema=schema)
    if (wanted.get("metadata") or {}).get("name") not in (None, "", call.name):
        raise errors.bad_request("name in URL does not match name in Binding object")
    await assign(platform, call, wanted)
    return respond.success(code=201)


async def assign(platform: platforms.Platform, call: calls.Call, wanted: objects.Object) -> None:
    """Sets the pod's node, copies the binding's annotations, and says so in the pod's conditions."""
    target: dict[str, Any] = wanted.get("target") or {}
    node = target.get("name") or ""
    meta: dict[str, Any] = wanted.get("metadata") or {}
    causes = []
    if target.get("kind") not in (None, "", "Node"):
        causes.append(errors.not_supported("target.kind", target["kind"], ["Node", "<empty>"], in_order=True))
    if not node:
        causes.append(errors.required("target.name"))
    if causes:
        raise errors.invalid("Binding", "", call.name, causes)
    platform.admission.validate(call.admission("CREATE"), wanted)
    labels = {**(meta.get("labels") or {}), **_topology(platform, call, node)}

    def change(pod: objects.Object, stored: record.Record) -> objects.Object:
        if meta.get("uid") and meta["uid"] != stored.uid:
            message = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {stored.uid}"
            raise errors.conflict("pods/binding", call.name, message)
        if pod["metadata"].get("deletionTimestamp"):
            raise errors.conflict(
                "pods/binding", call.name, f"pod {call.name} is being deleted, cannot be assigned to a host"
            )
        spec = pod["spec"]
        if spec.get("nodeName"):
            raise errors.conflict(
                "pods/binding", call.name, f'pod {call.name} is already assigned to node "{spec["nodeName"]}"'
            )
        if spec.get("schedulingGates"):
            raise errors.conflict("pods/binding", call.name, f"pod {call.name} has non-empty .spec.schedulingGates")
        spec["nodeName"] = node
        if meta.get("annotations"):
            pod["metadata"]["annotations"] = {**(pod["metadata"].get("annotations") or {}), **meta["annotations"]}
        if labels:
            pod["metadata"]["labels"] = {**(pod["metadata"].get("labels") or {}), **labels}
        status = pod.setdefault("status", {})
        status.pop("nominatedNodeName", None)
        listed = status["conditions"] = status.get("conditions") or []
        conditions.set_condition(listed, "PodScheduled", "True", "", "", platform.time.now())
        status["conditions"] = [{name: value for name, value in one.items() if value != ""} for one in listed]
        return pod

    # Nobody owns where a pod was put: fields are owned by those who write the pod itself.
    await pipeline.update(platform, call, change, retry=True, operation="Bind")


def _topology(platform: platforms.Platform, call: calls.Call, node: str) -> dict[str, str]:
    """Where the node is, which its pods can then read from their own labels."""
    nodes = platform.endpoint_of(builtins.NODES).records
    for cluster in dict.fromkeys((call.cluster, objects.ROOT)):
        stored = nodes.get(objects.Key(cluster, "", node))
        if stored is not None:
            return {key: stored.labels[key] for key in _TOPOLOGY if key in stored.labels}
    return {}
