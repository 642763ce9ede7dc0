"""What a pod refers to, looked up in the ledger. Synchronous and cheap; absence is a `ConfigFault`."""

from __future__ import annotations

from typing import Any, Protocol

from bascule.bridge import messages
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object


class ConfigFault(Exception):
    """What the pod refers to is missing or wrong; the pod waits until it is there.

    `awaited`: it is missing, which may only mean that it is still on its way.
    """

    def __init__(self, message: str, *, reason: str = "CreateContainerConfigError", awaited: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.awaited = awaited
        self.message = message


class Store(Protocol):
    def get(self, kind: str, name: str) -> messages.Desired | None: ...
    def all(self, kind: str) -> list[messages.Desired]: ...


class Sources:
    """The view of the ledger from one pod."""

    def __init__(self, store: Store, pod: Object, node: str) -> None:
        self._store = store
        self.cluster = objects.cluster(pod)
        self.namespace = objects.namespace(pod)
        self.node = node

    def find(self, kind: str, name: str) -> Object | None:
        found = self._store.get(kind, f"{self.cluster}/{self.namespace}/{name}")
        return found.object() if found is not None else None

    def need(self, kind: str, name: str, *, optional: bool) -> Object | None:
        """The object, None where it is optional and absent."""
        found = self.find(kind, name)
        if found is None and not optional:
            one = kind[:-1]
            raise ConfigFault(f'{one} "{name}" not found', awaited=True)
        return found

    def services(self) -> list[Object]:
        prefix = f"{self.cluster}/{self.namespace}/"
        default = f"{self.cluster}/default/kubernetes"
        return [
            desired.object()
            for desired in self._store.all("services")
            if desired.name.startswith(prefix) or desired.name == default
        ]

    def token(self, pod_uid: str, audience: str) -> str | None:
        """The pod's service-account token for an audience ("" is the API server's own)."""
        found = self.find("tokens", pod_uid)
        for entry in (found or {}).get("tokens") or ():
            if (entry.get("audience") or "") == audience:
                return str(entry["token"])
        return None

    def allocatable(self) -> dict[str, Any]:
        found = self._store.get("nodes", f"root//{self.node}")
        status: dict[str, Any] = (found.object().get("status") or {}) if found is not None else {}
        return status.get("allocatable") or {}


def data_of(obj: Object) -> dict[str, bytes]:
    """A ConfigMap's or Secret's contents as bytes."""
    import base64

    out: dict[str, bytes] = {}
    secret = obj.get("kind") == "Secret" or "type" in obj
    for key, value in (obj.get("data") or {}).items():
        out[key] = base64.b64decode(value) if secret else value.encode()
    for key, value in (obj.get("binaryData") or {}).items():
        out[key] = base64.b64decode(value)
    return out
