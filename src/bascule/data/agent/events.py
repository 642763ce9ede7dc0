"""Events: what happened to a pod, for people. Repeated ones are counted, not multiplied.

Names end in the moment of the first one, so that events of the same second are listed in the order they happened.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from bascule.bridge import messages
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import objects, timestamps
from bascule.vocabulary.objects import Object

COMPONENT = "kubelet"
"""As every program that reads events knows the agent of a node."""
REMEMBERED = 1000


class Outbox(Protocol):
    def report(self, kind: str, name: str, body: bytes) -> None: ...


class Events:
    def __init__(self, outbox: Outbox, node: str, clock: clocks.Clock) -> None:
        self._outbox = outbox
        self._node = node
        self._clock = clock
        self._seen: dict[tuple[str, ...], tuple[str, str, int]] = {}  # what is said: name, first time, count
        self._last_moment = 0

    def pod(self, pod: Object, reason: str, message: str, *, container: str = "", warning: bool = False) -> None:
        """`container` names the container concerned; messages are the kubelet's, since people search for them."""
        reference = {
            "kind": "Pod",
            "apiVersion": "v1",
            "namespace": objects.namespace(pod),
            "name": objects.name(pod),
            "uid": objects.uid(pod),
        }
        if container:
            reference["fieldPath"] = f"spec.{_list_of(pod, container)}{{{container}}}"
        self._send(objects.cluster(pod), reference, reason, message, warning=warning)

    def node(self, reason: str, message: str, *, warning: bool = False) -> None:
        reference = {"kind": "Node", "apiVersion": "v1", "name": self._node, "uid": self._node}
        self._send(objects.ROOT, reference, reason, message, warning=warning)

    def _send(self, cluster: str, reference: dict[str, str], reason: str, message: str, *, warning: bool) -> None:
        said = (*reference.values(), reason, message)
        namespace = reference.get("namespace") or "default"
        now = timestamps.format(self._clock.now())
        fresh = (f"{reference['name']}.{self._moment():x}", now, 0)
        name, first, count = self._seen.pop(said, fresh)
        self._seen[said] = (name, first, count + 1)
        if len(self._seen) > REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": reference,
            "reason": reason,
            "message": message[:1024],
            "type": "Warning" if warning else "Normal",
            "source": {"component": COMPONENT, "host": self._node},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._node,
            "firstTimestamp": first,
            "lastTimestamp": now,
            "count": count + 1,
        }
        if cluster != objects.ROOT:
            body["metadata"]["annotations"] = {objects.CLUSTER_ANNOTATION: cluster}  # type: ignore[index]
        self._outbox.report(messages.EVENT, f"{cluster}/{namespace}/{name}", msgspec.json.encode(body))

    def _moment(self) -> int:
        """Nanoseconds, never the same twice."""
        self._last_moment = max(self._last_moment + 1, int(self._clock.now().timestamp() * 1e6) * 1000)
        return self._last_moment


def _list_of(pod: Object, container: str) -> str:
    """The field of the spec that lists the container."""
    spec = pod.get("spec") or {}
    for field in ("initContainers", "ephemeralContainers"):
        if any(entry.get("name") == container for entry in spec.get(field) or ()):
            return field
    return "containers"
