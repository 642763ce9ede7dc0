"""What nodes say of themselves, standing in the API for as long as they are connected.

A Node is registered when it is not there, and written when it differs. While the node is connected, somebody else's
conclusion about it (`Ready` unknown) or the deletion of its Node is answered with what the node last said; so that
whatever was concluded in its absence ends with its return. A node that repeats itself costs no write.
What somebody else adds to its capacity, a resource with a prefix, becomes allocatable, as a kubelet would say.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from bascule.client import api, faults
from bascule.control.bridgehead import acting, liveness, mirror, world
from bascule.vocabulary import builtins, conditions, errors, objects, timestamps
from bascule.vocabulary import clock as clocks

AGAIN_SECONDS = 0.5
"""Between two answers to somebody who keeps saying otherwise."""

_log = logging.getLogger(__name__)


class Standing:
    def __init__(self, client: api.Client, known: world.World, clock: clocks.Clock) -> None:
        self._client = client
        self._world = known
        self._clock = clock
        self._mirror = mirror.Mirror()
        self._said: dict[str, dict[str, Any]] = {}
        self._saying: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        known.informers["nodes"].on_change(self._changed)

    async def say(self, node: str, body: dict[str, Any]) -> None:
        """Returns once it stands in the API. Raises StatusError and Unreachable."""
        self._said[node] = body
        self._saying.add(node)
        try:
            await self._write(node, body)
        finally:
            self._saying.discard(node)
        present = self._world.object("nodes", f"{objects.ROOT}//{node}")
        if self._mirror.reflects(("nodes", node), present):  # else what is seen is from before, and more will come
            self._changed("", None, present)

    def silent(self, node: str) -> None:
        """The node is no longer connected here: nothing is upheld in its name."""
        self._said.pop(node, None)
        if (task := self._tasks.get(node)) is not None:
            task.cancel()

    async def close(self) -> None:
        self._said.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _changed(self, type: str, old: objects.Object | None, new: objects.Object | None) -> None:
        present = new or old
        if present is None or objects.cluster(present) != objects.ROOT:
            return
        node = objects.name(present)
        said = self._said.get(node)
        if said is None or node in self._tasks or node in self._saying:
            return
        if new is None or _gainsaid(new, said):
            self._tasks[node] = asyncio.create_task(self._uphold(node))

    async def _uphold(self, node: str) -> None:
        try:
            while (said := self._said.get(node)) is not None:
                present = self._world.object("nodes", f"{objects.ROOT}//{node}")
                if present is not None and not _gainsaid(present, said):
                    return
                try:
                    await self._write(node, said)
                    _log.info("what node %s says of itself stands again", node)
                except (errors.StatusError, faults.Unreachable) as error:
                    _log.info("what node %s says of itself cannot be written yet: %s", node, error)
                await self._clock.sleep(AGAIN_SECONDS)
        finally:
            self._tasks.pop(node, None)

    async def _write(self, node: str, body: dict[str, Any]) -> None:
        metadata: dict[str, Any] = {
            "name": node,
            "labels": objects.labels(body),
            "annotations": objects.annotations(body),
        }
        what = ("nodes", node)
        known = self._world.object("nodes", f"{objects.ROOT}//{node}")
        fresh = self._mirror.reflects(what, known)
        if known is None or not fresh:
            known = await self._present(node, metadata, body)
        changes = {
            field: missing
            for field in ("labels", "annotations")
            if (missing := _differing(metadata[field], objects.metadata(known).get(field) or {}))
        }
        if changes:
            self._mirror.begin(what)
            known = await self._client.patch(builtins.NODES, node, {"metadata": changes}, **acting.as_node(node))
        status = self._status(known, body)
        if not mirror.covers(known.get("status") or {}, status):
            self._add_connected(known, status)
            if isinstance(status.get("addresses"), list):
                status["addresses"] = [{"$patch": "replace"}, *status["addresses"]]
            self._mirror.begin(what)
            known = await self._client.patch(
                builtins.NODES, node, {"status": status}, kind="strategic", subresource="status", **acting.as_node(node)
            )
        self._mirror.wrote(what, known)

    async def _present(self, node: str, metadata: dict[str, Any], body: dict[str, Any]) -> objects.Object:
        """The Node as the store has it; registered where it has none."""
        try:
            return await self._client.get(builtins.NODES, node, **acting.as_node(node))
        except errors.StatusError as error:
            if error.code != 404:
                raise
        created = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": body.get("spec") or {}}
        registered: objects.Object = await self._client.create(builtins.NODES, created, **acting.as_node(node))
        _log.info("node %s registered", node)
        return registered

    def _status(self, known: objects.Object, body: dict[str, Any]) -> dict[str, Any]:
        """The status to write: what keeps its state keeps the time of its transition."""
        status = dict(body.get("status") or {})
        if "conditions" in status:
            told = [dict(condition) for condition in status["conditions"] or ()]
            status["conditions"] = self._stamped(known, told)
        if extended := _extended(known, body):
            status["allocatable"] = (status.get("allocatable") or {}) | extended
        return status

    def _add_connected(self, known: objects.Object, status: dict[str, Any]) -> None:
        """That the node is heard, in the same write, lest it be taken for lost again by a condition from before."""
        connected = conditions.find((known.get("status") or {}).get("conditions"), liveness.CONNECTED)
        if connected is not None and connected.get("status") != "True":
            reason, message = "BridgeConnected", "the node is connected to the bridge"
            told = {"type": liveness.CONNECTED, "status": "True", "reason": reason, "message": message}
            status["conditions"] = [*(status.get("conditions") or ()), *self._stamped(known, [told])]

    def _stamped(self, known: objects.Object, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        present = (known.get("status") or {}).get("conditions")
        now = timestamps.format(self._clock.now())
        for condition in told:
            before = conditions.find(present, condition["type"])
            same = before is not None and before.get("status") == condition.get("status")
            kept = before.get("lastTransitionTime") if before is not None and same else None
            condition |= {"lastTransitionTime": kept or now, "lastHeartbeatTime": now}
        return told


def _gainsaid(present: objects.Object, said: dict[str, Any]) -> bool:
    """Whether a condition has another status in the API than the node said, or a resource is not allocatable yet."""
    if _extended(present, said):
        return True
    known = (present.get("status") or {}).get("conditions")
    for condition in (said.get("status") or {}).get("conditions") or ():
        found = conditions.find(known, condition.get("type"))
        if found is None or found.get("status") != condition.get("status"):
            return True
    return False


def _extended(present: objects.Object, said: dict[str, Any]) -> dict[str, str | None]:
    """What `allocatable` lacks of the resources that others advertise, and what they no longer do (None)."""
    status = present.get("status") or {}
    capacity, allocatable = status.get("capacity") or {}, status.get("allocatable") or {}
    own = (said.get("status") or {}).get("capacity") or {}
    added = {name: amount for name, amount in capacity.items() if "/" in name and allocatable.get(name) != amount}
    gone = {name: None for name in allocatable if "/" in name and name not in capacity}
    return {name: amount for name, amount in (added | gone).items() if name not in own}


def _differing(wanted: dict[str, str], present: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if present.get(key) != value}
