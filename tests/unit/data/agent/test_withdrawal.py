"""A pod that ends: first its clients go elsewhere, for a bounded time, then it is told to stop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.bridge import messages
from bascule.data.agent.pods import exposure, model
from tests.unit.data.agent.world import World, make_pod

READY = model.Exposure(named=True, ready=True, patience_seconds=2.0)
KNOWN = model.Exposure(named=True, ready=False, patience_seconds=2.0)


def ending(grace: float = 30) -> World:
    world = World(make_pod("web"))
    world.settle()
    world.pod["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}
    return world


def kills(decision: model.Decision) -> list[float]:
    return [action.grace_seconds for action in decision.actions if isinstance(action, model.KillContainer)]


def test_a_pod_that_no_slice_names_is_stopped_at_once() -> None:
    assert kills(ending().look()) == [30]


def test_the_node_withdraws_first_then_waits_for_the_slices_then_stops() -> None:
    world = ending()
    assert world.look(READY).actions == (model.Withdraw(),)
    world.memory.withdrawn = world.now
    world.memory.busy = {"withdraw"}
    assert world.look(KNOWN).actions == ()  # the node's own part is still under way
    world.memory.busy = set()
    waiting = world.look(READY)
    assert waiting.actions == ()
    assert waiting.wake is not None
    assert (waiting.wake - world.now).total_seconds() == 2
    world.pass_time(0.5)
    assert kills(world.look(KNOWN)) == [29.5]


def test_the_wait_is_bounded() -> None:
    world = ending()
    world.memory.withdrawn = world.now
    world.pass_time(2)
    assert kills(world.look(READY)) == [28]


def test_without_a_bridge_nobody_is_waited_for() -> None:
    world = ending()
    world.memory.withdrawn = world.now
    assert kills(world.look(model.Exposure(named=True, ready=True, patience_seconds=0))) == [30]


def test_a_short_grace_period_is_not_exceeded_and_none_is_none() -> None:
    world = ending(grace=1)
    world.memory.withdrawn = world.now
    world.pass_time(1)
    assert kills(world.look(READY)) == [1]
    assert kills(ending(grace=0).look(READY)) == [0]


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [({}, True), ({"ready": True}, True), ({"ready": False}, False), ({"ready": True, "terminating": True}, False)],
)
def test_exposure_is_read_from_the_slices(conditions: dict[str, Any], ready: bool) -> None:
    def piece(name: str, uid: str) -> messages.Desired:
        body = {"endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": {"uid": uid}}]}
        return messages.Desired("endpointslices", name, "1", json.dumps(body).encode())

    slices = [piece("root/ns/a", "mine"), piece("root/ns/b", "other")]
    assert exposure.of("mine", slices, 2.0) == model.Exposure(named=True, ready=ready, patience_seconds=2.0)
    assert not exposure.of("nobody", slices, 2.0).named
