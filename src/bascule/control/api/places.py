"""Where the objects of a path like `/api/v1/namespaces/default/pods` are, when they can be had without waiting."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from bascule.control.api import endpoint as endpoints
from bascule.control.api import route
from bascule.vocabulary import names

_REMEMBERED: Final = 1024


class Place(NamedTuple):
    """A kind's objects in one namespace of one cluster, or of none."""

    endpoint: endpoints.Endpoint
    cluster: str
    namespace: str


class Places:
    """Of kinds that are built in, in memory, and served as they are stored."""

    def __init__(self, served: Mapping[tuple[str, str, str], endpoints.Endpoint]) -> None:
        self._served = served
        self._find = lru_cache(maxsize=_REMEMBERED)(self._found)

    def find(self, path: str) -> Place | None:
        """The place that the path without the last name is; None where there is anything else to be thought of."""
        return self._find(path) if len(path) <= route.REMEMBERED_LENGTH else None

    def _found(self, path: str) -> Place | None:
        if path.endswith("/"):
            return None
        try:
            found = route.parse(path)
        except route.UnknownPath:
            return None
        endpoint = self._served.get((found.group, found.version, found.plural))
        if endpoint is None or endpoint.cache is None or endpoint.form is not None or endpoint.warning:
            return None
        if found.name or found.watch or found.cluster == route.EVERY_CLUSTER or "get" not in endpoint.resource.verbs:
            return None
        if endpoint.resource.namespaced != found.namespaced:
            return None
        if found.namespaced and names.is_path_segment(found.namespace):
            return None
        return Place(endpoint, found.cluster, found.namespace)
