"""The registry rows of custom resources: a row for each version of a definition, best version first.

Read from the definition without looking at its schemas. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from bascule.control.kinds import shape
from bascule.vocabulary import resources
from bascule.vocabulary.objects import Object

_VERSION: Final = re.compile(r"v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?")
_VERBS: Final = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_STAGES: Final = {None: 0, "beta": 1, "alpha": 2}


def row(spec: Object, names: Object, version: Object, *, storage: str = "") -> resources.Resource:
    """Of one version; `names` are those in use, `storage` the version that objects are kept in."""
    having = shape.mapping(version, "subresources")
    return resources.Resource(
        group=shape.text(spec, "group"),
        version=shape.text(version, "name"),
        plural=shape.text(names, "plural"),
        kind=shape.text(names, "kind"),
        singular=shape.text(names, "singular"),
        namespaced=spec.get("scope") != "Cluster",
        short_names=tuple(shape.texts(names, "shortNames")),
        categories=tuple(shape.texts(names, "categories")),
        subresources=tuple(part for part in ("status", "scale") if type(having.get(part)) is dict),
        storage_version=storage,
        list_name=shape.text(names, "listKind"),
        verbs=_VERBS,
    )


def version_order(name: str) -> tuple[int, int, int, int, str]:
    """Sorts versions as clients expect them: stable before beta before alpha, newer first, anything else last."""
    found = _VERSION.fullmatch(name)
    if found is None:
        return 1, 0, 0, 0, name
    major, stage, minor = found.groups()
    return 0, _STAGES[stage], -int(major), -int(minor or 0), ""
