"""API objects as plain JSON documents, and the few ways to look into their metadata.

An object is a ``dict`` as decoded from JSON. Accessors tolerate absent and null parts: what a client left out
reads as empty. Nothing here validates or changes an object.
"""

from typing import Any, NamedTuple

Object = dict[str, Any]

ROOT = "root"
"""The logical cluster that URLs without a ``/clusters/<name>`` prefix speak of."""

CLUSTER_ANNOTATION = "bascule.dev/cluster"
"""Set by the API server on objects outside ``root``, so that wildcard readers know where each belongs."""


class Key(NamedTuple):
    """An object's place within its resource; ``namespace`` is empty for cluster-scoped kinds."""

    cluster: str
    namespace: str
    name: str

    def text(self) -> str:
        """``cluster/namespace/name``, the form the bridge and the ledger use."""
        return f"{self.cluster}/{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """The inverse of ``text``; raises ValueError unless there are exactly three parts."""
        cluster, namespace, name = text.split("/")
        return cls(cluster, namespace, name)


def metadata(obj: Object) -> dict[str, Any]:
    """The metadata, or an empty dict that is not part of the object."""
    return obj.get("metadata") or {}


def name(obj: Object) -> str:
    return metadata(obj).get("name") or ""


def namespace(obj: Object) -> str:
    return metadata(obj).get("namespace") or ""


def uid(obj: Object) -> str:
    return metadata(obj).get("uid") or ""


def labels(obj: Object) -> dict[str, str]:
    return metadata(obj).get("labels") or {}


def annotations(obj: Object) -> dict[str, str]:
    return metadata(obj).get("annotations") or {}


def resource_version(obj: Object) -> int:
    """The version as a number, 0 when absent or not a number."""
    text = metadata(obj).get("resourceVersion") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def generation(obj: Object) -> int:
    return metadata(obj).get("generation") or 0


def deletion_timestamp(obj: Object) -> str | None:
    return metadata(obj).get("deletionTimestamp")


def finalizers(obj: Object) -> list[str]:
    return metadata(obj).get("finalizers") or []


def owner_references(obj: Object) -> list[dict[str, Any]]:
    return metadata(obj).get("ownerReferences") or []


def controller_of(obj: Object) -> dict[str, Any] | None:
    """The owner reference marked ``controller: true``, of which there is at most one."""
    for reference in owner_references(obj):
        if reference.get("controller"):
            return reference
    return None


def cluster(obj: Object) -> str:
    """The logical cluster the object lives in."""
    return annotations(obj).get(CLUSTER_ANNOTATION) or ROOT


def key(obj: Object) -> Key:
    meta = metadata(obj)
    return Key(cluster(obj), meta.get("namespace") or "", meta.get("name") or "")


def owner_reference(owner: Object, *, controller: bool = True) -> dict[str, Any]:
    """A reference from a dependent to ``owner``, which must carry apiVersion, kind, name and uid."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name(owner),
        "uid": uid(owner),
        "controller": controller,
        "blockOwnerDeletion": controller,
    }


def deep_copy(value: Any) -> Any:
    """A copy of a JSON value; several times faster than ``copy.deepcopy``, which must expect cycles."""
    if isinstance(value, dict):
        return {k: deep_copy(v) if isinstance(v, (dict, list)) else v for k, v in value.items()}
    if isinstance(value, list):
        return [deep_copy(v) if isinstance(v, (dict, list)) else v for v in value]
    return value
