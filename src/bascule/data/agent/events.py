"""Events: what happened to a pod, for people. Repeated ones are counted, not multiplied."""

from __future__ import annotations

import hashlib
from typing import Protocol

import msgspec

from bascule.bridge import messages
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import objects, timestamps
from bascule.vocabulary.objects import Object

COMPONENT = "bascule-agent"
REMEMBERED = 1000


class Outbox(Protocol):
    def report(self, kind: str, name: str, body: bytes) -> None: ...


class Events:
    def __init__(self, outbox: Outbox, node: str, clock: clocks.Clock) -> None:
        self._outbox = outbox
        self._node = node
        self._clock = clock
        self._seen: dict[str, tuple[str, int]] = {}  # name: first time, count

    def pod(self, pod: Object, reason: str, message: str, *, container: str = "", warning: bool = False) -> None:
        """`container` names the container concerned."""
        reference = {
            "kind": "Pod",
            "apiVersion": "v1",
            "namespace": objects.namespace(pod),
            "name": objects.name(pod),
            "uid": objects.uid(pod),
        }
        if container:
            reference["fieldPath"] = f"spec.containers{{{container}}}"
        self._send(objects.cluster(pod), reference, reason, message, warning=warning)

    def node(self, reason: str, message: str, *, warning: bool = False) -> None:
        reference = {"kind": "Node", "apiVersion": "v1", "name": self._node, "uid": self._node}
        self._send(objects.ROOT, reference, reason, message, warning=warning)

    def _send(self, cluster: str, reference: dict[str, str], reason: str, message: str, *, warning: bool) -> None:
        seed = "\0".join((*reference.values(), reason, message)).encode()
        namespace = reference.get("namespace") or "default"
        name = f"{reference['name']}.{hashlib.blake2s(seed, digest_size=8).hexdigest()}"
        now = timestamps.format(self._clock.now())
        first, count = self._seen.pop(name, (now, 0))
        self._seen[name] = (first, count + 1)
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
