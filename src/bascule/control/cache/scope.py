"""Which part of a resource a reader asks for."""

from __future__ import annotations

from typing import NamedTuple

from bascule.vocabulary import objects


class Scope(NamedTuple):
    """None is any: ``Scope("root", None)`` is a whole cluster, ``Scope("root", "default")`` one namespace of it.

    Cluster-scoped kinds live in namespace ``""``; both None and ``""`` find them.
    """

    cluster: str | None = objects.ROOT
    namespace: str | None = None

    def holds(self, key: objects.Key) -> bool:
        return (self.cluster is None or self.cluster == key.cluster) and (
            self.namespace is None or self.namespace == key.namespace
        )


EVERYWHERE = Scope(None, None)
