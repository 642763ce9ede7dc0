"""Storage and ingress: the default class where none is named, finalizers that keep storage in use alive, growth."""

from collections.abc import Sequence
from typing import Final

from bascule.control.access.admission import context, quota_usage, request
from bascule.vocabulary import objects

_STORAGE_DEFAULT: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_INGRESS_DEFAULT: Final = ("ingressclass.kubernetes.io/is-default-class",)
_PROTECTION: Final = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


def storage_class(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    spec = context.spec_of(obj)
    named = spec.get("storageClassName") is not None
    if asked.operation != "CREATE" or asked.subresource or named:
        return
    if "volume.beta.kubernetes.io/storage-class" in objects.annotations(obj):
        return
    classes = held.listed("storage.k8s.io", "storageclasses", asked.cluster, None)
    chosen = _newest(classes, _STORAGE_DEFAULT)
    if chosen:
        spec["storageClassName"] = chosen


def ingress_class(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    spec = context.spec_of(obj)
    if asked.operation != "CREATE" or asked.subresource or spec.get("ingressClassName") is not None:
        return
    if "kubernetes.io/ingress.class" in objects.annotations(obj):
        return
    chosen = _newest(held.listed("networking.k8s.io", "ingressclasses", asked.cluster, None), _INGRESS_DEFAULT)
    if chosen:
        spec["ingressClassName"] = chosen


def in_use_protection(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    if asked.operation != "CREATE" or asked.subresource:
        return
    finalizer = _PROTECTION[asked.resource.plural]
    metadata = obj.setdefault("metadata", {})
    if finalizer not in (metadata.get("finalizers") or ()):
        metadata["finalizers"] = [*(metadata.get("finalizers") or ()), finalizer]


def claim_growth(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    """A claim grows only where its class says that volumes do."""
    if obj is None or asked.operation != "UPDATE" or asked.subresource or asked.old is None:
        return
    if _size(obj) <= _size(asked.old):
        return
    name = _class_of(asked.old)
    found = held.source.get("storage.k8s.io", "storageclasses", asked.cluster, "", name) if name else None
    if name != _class_of(obj) or not (found or {}).get("allowVolumeExpansion"):
        text = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
        raise context.forbid(asked, text + "must support resize")


def _class_of(claim: objects.Object) -> str:
    name: str = (claim.get("spec") or {}).get("storageClassName") or ""
    return objects.annotations(claim).get("volume.beta.kubernetes.io/storage-class") or name


def _size(claim: objects.Object) -> int:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return quota_usage.readable(requests).get("storage", 0)


def _newest(classes: Sequence[objects.Object], marks: tuple[str, ...]) -> str:
    """The name of the default class; of several, the one created last, then the first by name."""
    marked = [c for c in classes if any(objects.annotations(c).get(mark) == "true" for mark in marks)]
    marked.sort(key=objects.name)
    marked.sort(key=lambda c: str(objects.metadata(c).get("creationTimestamp") or ""), reverse=True)
    return objects.name(marked[0]) if marked else ""
