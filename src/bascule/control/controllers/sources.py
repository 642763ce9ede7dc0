"""The shared informers and the indices the controllers look things up by."""

from collections.abc import Iterable

from bascule.client import informer
from bascule.control.reconcile import manager as managers
from bascule.vocabulary import builtins, objects, resources

OWNER, PLACE, ORPHAN, NODE = "owner", "place", "orphan", "node"
"""By the controlling owner's uid; by (cluster, namespace); the same for what no controller owns; by (cluster,
node name).
"""


def owned(manager: managers.Manager, resource: resources.Resource) -> informer.Informer:
    """An informer of `resource` with the indices `OWNER`, `ORPHAN` and `PLACE`."""
    source = manager.informer(resource)
    source.add_index(OWNER, _owner)
    source.add_index(PLACE, _place)
    source.add_index(ORPHAN, _orphan)
    return source


def pods(manager: managers.Manager) -> informer.Informer:
    """Pods, with the index `NODE` besides."""
    source = owned(manager, builtins.PODS)
    source.add_index(NODE, _node)
    return source


def _owner(obj: objects.Object) -> Iterable[str]:
    reference = objects.controller_of(obj)
    return [reference["uid"]] if reference else []


def _place(obj: objects.Object) -> Iterable[tuple[str, str]]:
    return [(objects.cluster(obj), objects.namespace(obj))]


def _orphan(obj: objects.Object) -> Iterable[tuple[str, str]]:
    return _place(obj) if objects.controller_of(obj) is None else []


def claimable(source: informer.Informer, owner: objects.Object) -> list[objects.Object]:
    """What `owner` owns already or might adopt."""
    place = (objects.cluster(owner), objects.namespace(owner))
    return source.by_index(OWNER, objects.uid(owner)) + source.by_index(ORPHAN, place)


def _node(obj: objects.Object) -> Iterable[tuple[str, str]]:
    node = (obj.get("spec") or {}).get("nodeName")
    return [(objects.cluster(obj), node)] if node else []
