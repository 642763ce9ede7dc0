"""What access may read: the API server's caches, as a synchronous protocol.

Objects handed out are shared: readers never mutate them. `revision` lets a caller keep what it derived for as long as
nothing of that resource changed.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bascule.vocabulary import objects


class Change(NamedTuple):
    """`old` and `new` make the object as it was and as it is; None where there was or is none."""

    key: objects.Key
    old: Callable[[], objects.Object] | None
    new: Callable[[], objects.Object] | None


class Reader(Protocol):
    """`group` is "" for the core group; `namespace` is "" for cluster-scoped resources."""

    def get(self, group: str, plural: str, cluster: str, namespace: str, name: str) -> objects.Object | None:
        """The current object, or None. Never raises for a missing one."""

    def list(self, group: str, plural: str, cluster: str, namespace: str | None) -> Sequence[objects.Object]:
        """All objects of one namespace, or of the whole cluster with None."""

    def revision(self, group: str, plural: str) -> int:
        """A number that differs whenever anything of this resource (in any cluster) has changed."""

    def changes(self, group: str, plural: str, since: int) -> Sequence[Change] | None:
        """Every change after a `revision`, in order; None when that is too long ago to tell."""

    def pods_on(self, node: str) -> Sequence[objects.Object]:
        """The pods of all clusters whose `spec.nodeName` is this node; served from an index."""
