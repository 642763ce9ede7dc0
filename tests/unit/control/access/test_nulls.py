"""Nulls anywhere in an object are like absence: admission refuses or admits, it never breaks."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.vocabulary import builtins, errors, objects
from tests.unit.control.access import world

FULL: objects.Object = {
    "metadata": {
        "name": "p",
        "namespace": "default",
        "labels": {"a": "b"},
        "annotations": {"a": "b"},
        "finalizers": ["f"],
    },
    "spec": {
        "containers": [
            {
                "name": "c",
                "env": [{"name": "e", "valueFrom": {"secretKeyRef": {"name": "s"}}}],
                "envFrom": [{"configMapRef": {"name": "c"}}],
                "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}},
                "ports": [{"hostPort": 1}],
                "volumeMounts": [{"mountPath": "/x"}],
                "securityContext": {"capabilities": {"add": ["X"], "drop": ["ALL"]}, "seccompProfile": {"type": "x"}},
                "livenessProbe": {"httpGet": {"host": "h"}},
                "lifecycle": {"preStop": {"tcpSocket": {"host": "h"}}},
            }
        ],
        "initContainers": [{"name": "i", "resources": {"requests": {"memory": "1Gi"}}}],
        "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}],
        "securityContext": {"sysctls": [{"name": "x"}], "seLinuxOptions": {"type": "t"}},
        "tolerations": [{"key": "k"}],
        "nodeSelector": {"a": "b"},
        "overhead": {"cpu": "1"},
        "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["x"]}]}},
        "runtimeClassName": "r",
    },
    "status": {"phase": "Running"},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [
        place
        for key, inner in items
        if path or key != "metadata"
        for place in [(*path, key), *places(inner, (*path, key))]
    ] + ([("metadata", key) for key in ("labels", "annotations", "finalizers")] if not path else [])


PLACES = places(FULL)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3), st.sampled_from(["baseline", "restricted"]))
def test_nulls(where: list[tuple[Any, ...]], level: str) -> None:
    held = world.bootstrapped_once()
    namespace = world.named("default")
    namespace["metadata"]["labels"] = {"pod-security.kubernetes.io/warn": level}
    held.put("", "namespaces", namespace)
    held.put("", "limitranges", world.named("l", "default", spec={"limits": [{"type": "Pod", "max": {"cpu": "9"}}]}))
    held.put("", "resourcequotas", world.named("q", "default", spec={"hard": {"requests.cpu": "9"}}))
    held.put("node.k8s.io", "runtimeclasses", world.named("r"))
    obj = objects.deep_copy(FULL)
    for path in where:
        target = obj
        for key in path[:-1]:
            target = target[key] if target is not None else None
        if target is not None:
            target[path[-1]] = None
    # Items of lists are never null once decoded: the schema says what they are.
    _drop_null_items(obj)
    chain = world.new_chain(held)
    asked = world.asks(world.ALICE, "CREATE", builtins.PODS, obj)
    try:
        chain.mutate(asked, obj)
        chain.validate(asked, obj)
        chain.reserve(asked, obj)
    except errors.StatusError:
        pass


def _drop_null_items(value: Any) -> None:
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(inner, list):
            inner[:] = [item for item in inner if item is not None]
        _drop_null_items(inner)
