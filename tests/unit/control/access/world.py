"""A reader over dictionaries, and short ways to say objects, users and requests."""

import base64
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from bascule.control.access import authorization, bootstrap, reader, user
from bascule.control.access.admission import chain, request
from bascule.vocabulary import builtins, clock, errors, objects

ALICE = user.User("alice", (user.AUTHENTICATED,))
MASTER = user.User("root", (user.MASTERS, user.AUTHENTICATED))


class DictReader:
    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[objects.Key, objects.Object]] = {}
        self.revisions: dict[tuple[str, str], int] = {}
        self._versions = itertools.count(1)
        self.happened: dict[tuple[str, str], list[tuple[int, reader.Change]]] = {}

    def put(self, group: str, plural: str, obj: objects.Object, *, cluster: str = objects.ROOT) -> objects.Object:
        version = next(self._versions)
        stored = objects.deep_copy(obj)
        metadata = stored.setdefault("metadata", {})
        metadata["resourceVersion"] = str(version)
        metadata.setdefault("uid", f"uid-{version}")
        if cluster != objects.ROOT:
            metadata.setdefault("annotations", {})[objects.CLUSTER_ANNOTATION] = cluster
        held = self.held.setdefault((group, plural), {})
        self._note(group, plural, version, objects.key(stored), held.get(objects.key(stored)), stored)
        held[objects.key(stored)] = stored
        return stored

    def _note(
        self,
        group: str,
        plural: str,
        version: int,
        key: objects.Key,
        old: objects.Object | None,
        new: objects.Object | None,
    ) -> None:
        self.revisions[group, plural] = version
        change = reader.Change(key, None if old is None else lambda: old, None if new is None else lambda: new)
        self.happened.setdefault((group, plural), []).append((version, change))

    def remove(self, group: str, plural: str, namespace: str, name: str) -> None:
        key = objects.Key(objects.ROOT, namespace, name)
        old = self.held[group, plural].pop(key)
        self._note(group, plural, next(self._versions), key, old, None)

    def changes(self, group: str, plural: str, since: int) -> Sequence[reader.Change] | None:
        return [change for version, change in self.happened.get((group, plural), ()) if version > since]

    def get(self, group: str, plural: str, cluster: str, namespace: str, name: str) -> objects.Object | None:
        return self.held.get((group, plural), {}).get(objects.Key(cluster, namespace, name))

    def list(self, group: str, plural: str, cluster: str, namespace: str | None) -> Sequence[objects.Object]:
        found = self.held.get((group, plural), {}).items()
        return [obj for key, obj in found if key.cluster == cluster and namespace in (None, key.namespace)]

    def revision(self, group: str, plural: str) -> int:
        return self.revisions.get((group, plural), 0)

    def pods_on(self, node: str) -> Sequence[objects.Object]:
        pods = self.held.get(("", "pods"), {}).values()
        return [pod for pod in pods if (pod.get("spec") or {}).get("nodeName") == node]


def bootstrapped(settings: bootstrap.Settings | None = None) -> DictReader:
    """A reader that holds everything a fresh installation has."""
    held = DictReader()
    settings = settings or bootstrap.Settings()
    for obj in bootstrap.desired(settings):
        row = builtins.REGISTRY.by_kind(obj["apiVersion"], obj["kind"])
        assert row is not None, obj["kind"]
        held.put(row.group, row.plural, obj, cluster=settings.cluster)
    return held


def named(name: str, namespace: str = "", **rest: Any) -> objects.Object:
    return {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **rest}


def pod(name: str, namespace: str = "default", **spec: Any) -> objects.Object:
    containers = spec.pop("containers", [{"name": "c", "image": "i"}])
    return {"apiVersion": "v1", "kind": "Pod", **named(name, namespace), "spec": {"containers": containers, **spec}}


def role(name: str, rules: list[dict[str, Any]], namespace: str = "") -> objects.Object:
    return named(name, namespace, rules=rules)


def binding(name: str, role_kind: str, role_name: str, subject: dict[str, Any], namespace: str = "") -> objects.Object:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role_name}
    return named(name, namespace, roleRef=reference, subjects=[subject])


def node_user(name: str) -> user.User:
    return user.User(f"system:node:{name}", (user.NODES, user.AUTHENTICATED))


def asks(
    who: user.User,
    operation: request.Operation,
    row: Any,
    obj: objects.Object,
    **rest: Any,
) -> request.AdmissionRequest:
    cluster = rest.pop("cluster", objects.ROOT)
    return request.AdmissionRequest(who, operation, row, cluster, objects.namespace(obj), objects.name(obj), **rest)


def new_chain(held: DictReader) -> chain.Chain:
    return chain.Chain(held, authorizer=authorization.Authorizer(held), time=clock.ManualClock(), seed=1)


def encoded(**values: str) -> dict[str, str]:
    return {key.replace("_", "-"): base64.b64encode(text.encode()).decode() for key, text in values.items()}


def bootstrapped_once() -> DictReader:
    """A copy of a fresh installation, made quickly."""
    held = DictReader()
    held.held = {key: dict(stored) for key, stored in _FRESH.held.items()}
    held.revisions = dict(_FRESH.revisions)
    held._versions = itertools.count(10_000)
    return held


_FRESH = bootstrapped()


def admit(held: DictReader, row: Any, obj: objects.Object, **rest: Any) -> request.AdmissionRequest:
    """The request to create it, which was completed and let through."""
    asked = asks(rest.pop("who", ALICE), "CREATE", row, obj, **rest)
    steps = new_chain(held)
    steps.mutate(asked, obj)
    steps.validate(asked, obj)
    return asked


def refused(held: DictReader, row: Any, obj: objects.Object, **rest: Any) -> errors.StatusError:
    """Why it may not be created."""
    with pytest.raises(errors.StatusError) as caught:
        admit(held, row, obj, **rest)
    return caught.value
