"""Where an object lies in the store: ``/<group or "core">/<resource>/<cluster>/<namespace or "-">/<name>``.

Lists are in the order of these texts, in memory as in the store, so that a page may come from either.
"""

from __future__ import annotations

from typing import NamedTuple

from bascule.control.cache import scope
from bascule.vocabulary import objects


class Place(NamedTuple):
    """A store key taken apart."""

    resource: str
    key: objects.Key


def prefix(group: str, plural: str) -> str:
    """What all of a resource's keys begin with; also the resource's name within the cache."""
    return f"/{group or 'core'}/{plural}/"


def bucket(cluster: str, namespace: str) -> str:
    """A namespace's part of a key; sorting by it and then by name is the store's order."""
    return f"{cluster}/{namespace or '-'}/"


def text(resource: str, key: objects.Key) -> str:
    """The store key; ``resource`` as ``prefix`` gives it."""
    return f"{resource}{key.cluster}/{key.namespace or '-'}/{key.name}"


def parse(text: str) -> Place:
    """The inverse of ``text``; raises ValueError for what is no object's key."""
    _, group, plural, cluster, namespace, name = text.split("/", 5)
    return Place(f"/{group}/{plural}/", objects.Key(cluster, "" if namespace == "-" else namespace, name))


def within(resource: str, text: str) -> objects.Key:
    """The object's key, of a text known to be the resource's; raises ValueError for what is no object's key."""
    cluster, namespace, name = text[len(resource) :].split("/", 2)
    return objects.Key(cluster, "" if namespace == "-" else namespace, name)


def order(key: objects.Key) -> tuple[str, str]:
    """Sorts as the store does."""
    return bucket(key.cluster, key.namespace), key.name


def under(resource: str, within: scope.Scope) -> str:
    """The longest prefix that holds all of a scope."""
    if within.cluster is None:
        return resource
    if within.namespace is None:
        return f"{resource}{within.cluster}/"
    return resource + bucket(within.cluster, within.namespace)
