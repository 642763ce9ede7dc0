"""Storage and ingress: the default class where none is named, and finalizers that keep storage in use alive."""

from collections.abc import Sequence
from typing import Final

from bascule.control.access.admission import context, request
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


def _newest(classes: Sequence[objects.Object], marks: tuple[str, ...]) -> str:
    """The name of the default class; of several, the one created last, then the first by name."""
    marked = [c for c in classes if any(objects.annotations(c).get(mark) == "true" for mark in marks)]
    marked.sort(key=objects.name)
    marked.sort(key=lambda c: str(objects.metadata(c).get("creationTimestamp") or ""), reverse=True)
    return objects.name(marked[0]) if marked else ""
