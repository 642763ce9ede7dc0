"""Makes objects small before an informer keeps them: no managedFields, repeated short strings stored once."""

from sys import intern
from typing import Any

from bascule.vocabulary import objects

_LONGEST_INTERNED = 64


def compact(obj: objects.Object) -> objects.Object:
    """The usual transform: changes and returns `obj`, which the caller has just decoded and owns."""
    metadata = obj.get("metadata") or {}
    metadata.pop("managedFields", None)
    _intern_values(obj)
    for field in ("namespace", "generateName"):
        if isinstance(metadata.get(field), str):
            metadata[field] = intern(metadata[field])
    _intern_values(metadata.get("labels"))
    for reference in metadata.get("ownerReferences") or ():
        _intern_values(reference)
    _intern_values(obj.get("spec"))
    _intern_values(obj.get("status"))
    return obj


def _intern_values(mapping: Any) -> None:
    if isinstance(mapping, dict):
        for key, value in mapping.items():
            if type(value) is str and len(value) <= _LONGEST_INTERNED:
                mapping[key] = intern(value)
