"""How objects look to a node, and which changes are news to it."""

from __future__ import annotations

from typing import Any

from bascule.bridge.session import guard
from bascule.control.bridgehead import shape


def _pod(version: str = "1", **status: Any) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": version}
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status}


def test_a_nodes_own_report_is_no_news_to_it() -> None:
    first = shape.desired("pods", _pod("1"))
    reported = shape.desired("pods", _pod("2", phase="Running", conditions=[{"type": "Ready", "status": "True"}]))
    assert reported.version == first.version
    gated = shape.desired("pods", _pod("3", conditions=[{"type": "example.com/gate", "status": "True"}]))
    assert gated.version != first.version
    changed = _pod("4")
    changed["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert shape.desired("pods", changed).version != first.version


def test_a_node_is_not_told_of_its_own_conditions() -> None:
    node = {"metadata": {"name": "n1", "resourceVersion": "1"}, "status": {"allocatable": {"cpu": "1"}}}
    later = {
        "metadata": {"name": "n1", "resourceVersion": "9", "annotations": {"bascule.dev/tunnel": "x"}},
        "status": {"allocatable": {"cpu": "1"}, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert shape.desired("nodes", node).version == shape.desired("nodes", later).version
    tainted = later | {"spec": {"unschedulable": True}}
    assert shape.desired("nodes", tainted).version != shape.desired("nodes", later).version


def test_what_is_sent_is_what_it_claims_to_be() -> None:
    namespace = {
        "metadata": {"name": "ns", "labels": {"a": "b"}, "annotations": {"x": "y"}},
        "spec": {"finalizers": []},
    }
    for desired in (
        shape.desired("pods", _pod()),
        shape.desired("namespaces", namespace),
        shape.tokens(_pod(), [{"audience": "", "token": "t"}]),
    ):
        assert guard.content_objection(desired) is None
    assert shape.desired("namespaces", namespace).object()["metadata"]["labels"] == {"a": "b"}
    assert "annotations" not in shape.desired("namespaces", namespace).object()["metadata"]


def test_withdrawn_endpoints_are_urgent() -> None:
    def slice_(*ready: bool) -> dict[str, Any]:
        return {"endpoints": [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": r}} for n, r in enumerate(ready)]}

    assert shape.withdraws(slice_(True, True), slice_(True, False))
    assert shape.withdraws(slice_(True, True), slice_(True))
    assert shape.withdraws(slice_(True), None)
    assert not shape.withdraws(slice_(True), slice_(True, True))
    assert not shape.withdraws(None, slice_(True))
