"""Where the parts of versions are, in upstream's messages.

What all versions have in common is reported once and above the versions (`spec.validation` rather than
`spec.versions[0].schema`), because upstream hoists it before it validates. Tools and people know those fields.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bascule.control.custom import showing
from bascule.control.kinds import shape
from bascule.vocabulary.objects import Object


class Part(NamedTuple):
    """One part of a version, and its field: `version` is its version's index, or None where all have it in common."""

    version: int | None
    field: str
    value: Any


def parts(spec: Object, key: str) -> list[Part]:
    """A part of the versions: `schema`, `subresources`, `additionalPrinterColumns` or `selectableFields`."""
    versions = shape.items(spec, "versions")
    if not versions:
        return []
    if is_common(versions, key):
        hoisted = "validation" if key == "schema" else key
        return [Part(None, f"spec.{hoisted}", versions[0].get(key))]
    return [Part(at, f"spec.versions[{at}].{key}", version.get(key)) for at, version in enumerate(versions)]


def is_common(versions: list[Object], key: str) -> bool:
    if key == "selectableFields" and not is_common(versions, "schema"):
        return False
    return all((version.get(key) or None) == (versions[0].get(key) or None) for version in versions)


def shown(versions: list[Object]) -> str:
    """The versions as a bad value in a message."""
    keys = ("name", "served", "storage", "deprecated")
    return showing.json([{key: version[key] for key in keys if key in version} for version in versions])
