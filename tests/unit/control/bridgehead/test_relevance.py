"""What a node needs, kept incrementally, equals what it needs computed from nothing."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st

from bascule.control.bridgehead import relevance
from bascule.control.bridgehead.relevance import Item


def pod(name: str, node: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"}, "spec": {"nodeName": node, **spec}}


def test_everything_a_pod_names_is_needed() -> None:
    spec = {
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [
            {"configMap": {"name": "cm-volume"}},
            {"secret": {"secretName": "secret-volume"}},
            {
                "projected": {
                    "sources": [
                        {"configMap": {"name": "cm-projected"}},
                        {"secret": {"name": "secret-projected"}},
                        {"serviceAccountToken": {"path": "token"}},
                    ]
                }
            },
        ],
        "initContainers": [
            {"envFrom": [{"configMapRef": {"name": "cm-from"}}, {"secretRef": {"name": "secret-from"}}]}
        ],
        "containers": [
            {
                "env": [
                    {"valueFrom": {"configMapKeyRef": {"name": "cm-key", "key": "k"}}},
                    {"valueFrom": {"secretKeyRef": {"name": "secret-key", "key": "k"}}},
                    {"name": "plain", "value": "v"},
                ]
            }
        ],
    }
    found = set(relevance.references(pod("p", "n1", **spec)))
    secrets = ("pull", "secret-volume", "secret-projected", "secret-from", "secret-key")
    assert found == {
        Item("pods", "root/ns/p"),
        Item("namespaces", "root//ns"),
        Item("tokens", "root/ns/uid-p"),
        *(Item("configmaps", f"root/ns/{name}") for name in ("cm-volume", "cm-projected", "cm-from", "cm-key")),
        *(Item("secrets", f"root/ns/{name}") for name in secrets),
    }


def test_services_are_needed_everywhere_and_a_node_only_by_itself() -> None:
    known = relevance.Relevance()
    assert known.audience(Item("services", "root/ns/s")) is None
    assert known.wants("n1", Item("nodes", "root//n1"))
    assert not known.wants("n2", Item("nodes", "root//n1"))
    assert known.names("n1", "nodes") == ["root//n1"]


_PODS = st.dictionaries(
    st.sampled_from("abcd"),
    st.tuples(st.sampled_from(["", "n1", "n2"]), st.frozensets(st.sampled_from(["x", "y", "z"]))),
)


@hypothesis.given(st.lists(_PODS, max_size=6))
@hypothesis.settings(max_examples=80, deadline=None, derandomize=True, database=None)
def test_incremental_equals_from_nothing(history: list[dict[str, tuple[str, frozenset[str]]]]) -> None:
    known = relevance.Relevance()
    told: dict[str, set[Item]] = {"n1": set(), "n2": set()}
    present: set[str] = set()
    for state in history:
        for name in present - state.keys():
            _tell(told, known.pod(f"root/ns/{name}", None))
        for name, (node, secrets) in state.items():
            volumes = [{"secret": {"secretName": secret}} for secret in sorted(secrets)]
            _tell(told, known.pod(f"root/ns/{name}", pod(name, node, volumes=volumes)))
        present = set(state)
        for node in told:
            wanted = {
                Item(kind, text)
                for name, (where, secrets) in state.items()
                if where == node
                for kind, text in (
                    ("pods", f"root/ns/{name}"),
                    ("namespaces", "root//ns"),
                    *(("secrets", f"root/ns/{secret}") for secret in secrets),
                )
            }
            assert told[node] == wanted
            for kind in ("pods", "namespaces", "secrets"):
                assert set(known.names(node, kind)) == {item.name for item in wanted if item.kind == kind}
            assert all(known.wants(node, item) for item in wanted)
    for name in present:
        known.pod(f"root/ns/{name}", None)
    assert not known._counts
    assert not known._nodes


def _tell(told: dict[str, set[Item]], needs: list[relevance.Need]) -> None:
    for need in needs:
        assert (need.item in told[need.node]) != need.wanted, "told twice"
        (told[need.node].add if need.wanted else told[need.node].remove)(need.item)
