"""The registry rows: what a resource is called, where it lives on the wire, and what may be done with it.

Invariant: a registry answers by (group, version, plural) and by (apiVersion, kind), and both name the same row.
A row says nothing about behaviour; that is ``control.kinds``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from bascule.vocabulary.objects import ROOT

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One served resource of one version. ``group`` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str = ""
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    storage_version: str = ""
    """The version objects are stored in when it is not this one (autoscaling/v1 is stored as v2)."""
    stored_as: tuple[str, str] | None = None
    """(group, plural) whose objects these are: events of events.k8s.io are core events."""
    list_name: str = ""
    """The kind of lists where it is not the kind and "List"; custom resources may choose."""

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def qualified(self) -> str:
        """``pods``, ``deployments.apps``: the name in messages and in RBAC talk."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def is_stored(self) -> bool:
        """Whether there are objects of it; others are only asked: reviews, the state of components."""
        return "watch" in self.verbs

    @property
    def list_kind(self) -> str:
        return self.list_name or f"{self.kind}List"

    @property
    def key_group(self) -> str:
        """The group as the first part of a store key."""
        return self.group or "core"

    def path(self, namespace: str = "", name: str = "", subresource: str = "", *, cluster: str = ROOT) -> str:
        """The URL path, e.g. ``/apis/apps/v1/namespaces/default/deployments/web/scale``."""
        parts = [] if cluster == ROOT else ["clusters", cluster]
        parts += ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(parts)


class Registry:
    """Rows, findable by either name. Immutable once made; a server that learns kinds makes a new one."""

    def __init__(self, rows: Iterable[Resource]) -> None:
        self._rows = tuple(rows)
        self._by_plural = {(r.group, r.version, r.plural): r for r in self._rows}
        self._by_kind = {(r.api_version, r.kind): r for r in self._rows}
        if len(self._by_plural) != len(self._rows):
            raise ValueError("two rows of the registry have the same group, version and plural")

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def by_plural(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_plural.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Resource | None:
        return self._by_kind.get((api_version, kind))

    def group_versions(self) -> list[tuple[str, str]]:
        """Every (group, version), in the order of the rows."""
        return list(dict.fromkeys((r.group, r.version) for r in self._rows))

    def versions(self, group: str) -> list[str]:
        return [version for g, version in self.group_versions() if g == group]
