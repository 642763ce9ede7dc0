"""A node corrects what it is told about its own pods, and nothing else."""

from __future__ import annotations

from typing import Any

from bascule.data.network.local import Observed, corrected


def piece(*endpoints: dict[str, Any]) -> dict[str, Any]:
    metadata = {"namespace": "d", "name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}
    return {"metadata": metadata, "endpoints": list(endpoints)}


def endpoint(uid: str, address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "targetRef": {"kind": "Pod", "uid": uid}, "conditions": conditions}


def one(told: dict[str, Any], pods: dict[str, Observed], service: dict[str, Any] | None = None) -> list[Any]:
    (made,) = corrected([service] if service else [], [piece(told)], pods)
    return list(made["endpoints"])


def test_a_dead_pod_is_withdrawn_and_a_moved_one_is_followed() -> None:
    (dead,) = one(endpoint("u", "10.1.0.1", ready=True), {"u": Observed("10.1.0.1", ready=False)})
    assert dead["conditions"]["ready"] is False
    (moved,) = one(endpoint("u", "10.1.0.1", ready=False), {"u": Observed("10.1.0.9", ready=True)})
    assert (moved["addresses"], moved["conditions"]["ready"]) == (["10.1.0.9"], True)


def test_a_terminating_pod_stays_withdrawn_and_serves_as_long_as_it_is_ready() -> None:
    told = endpoint("u", "10.1.0.1", ready=False, terminating=True)
    (ending,) = one(told, {"u": Observed("10.1.0.1", ready=True)})
    assert ending["conditions"] == {"ready": False, "serving": True, "terminating": True}


def test_a_pod_without_an_address_has_no_endpoint() -> None:
    assert one(endpoint("u", "10.1.0.1", ready=True), {"u": Observed("", ready=False)}) == []


def test_other_nodes_pods_are_taken_as_told() -> None:
    told = endpoint("other", "10.2.0.1", ready=True)
    assert one(told, {"u": Observed("10.1.0.1", ready=False)}) == [told]


def test_published_addresses_stay_published_where_they_now_are() -> None:
    service = {"metadata": {"namespace": "d", "name": "web"}, "spec": {"publishNotReadyAddresses": True}}
    (made,) = one(endpoint("u", "10.1.0.1", ready=True), {"u": Observed("10.1.0.9", ready=False)}, service)
    assert (made["addresses"], made["conditions"]) == (["10.1.0.9"], {"ready": True})


def test_nothing_to_correct_is_nothing_copied() -> None:
    untouched = piece(endpoint("u", "10.1.0.1"))
    assert next(corrected([], [untouched], {})) is untouched
