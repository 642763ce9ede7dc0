"""A definition without what is large in it: what is kept beside the stored bytes, so that few ever decode the schemas.

What names it, which versions there are, whether they are served, its status. Schemas, columns, the webhook's bundle and
who owns which field are left out.
"""

from __future__ import annotations

from typing import Final

import orjson

from bascule.control.kinds import shape
from bascule.vocabulary.objects import Object

FIELD: Final = "@outline"
"""The name under which a record has it, as its fields are texts."""
APPROVED: Final = "api-approved.kubernetes.io"
_OF_METADATA: Final = ("name", "uid", "generation", "deletionTimestamp", "finalizers")
_OF_SPEC: Final = ("group", "names", "scope", "preserveUnknownFields")
_OF_VERSIONS: Final = ("name", "served", "storage", "subresources")


def of(crd: Object) -> Object:
    """The outline; it shares its parts with the definition, which may hold anything."""
    metadata, spec = shape.mapping(crd, "metadata"), shape.mapping(crd, "spec")
    about: Object = {key: metadata[key] for key in _OF_METADATA if key in metadata}
    approved = shape.mapping(metadata, "annotations").get(APPROVED)
    if approved is not None:
        about["annotations"] = {APPROVED: approved}
    declared: Object = {key: spec[key] for key in _OF_SPEC if key in spec}
    declared["versions"] = [
        {key: version[key] for key in _OF_VERSIONS if key in version} for version in shape.items(spec, "versions")
    ]
    return {"metadata": about, "spec": declared, "status": shape.mapping(crd, "status")}


def text(crd: Object) -> str:
    """As a record keeps it."""
    return orjson.dumps(of(crd)).decode()
