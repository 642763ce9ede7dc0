"""Deciding and reporting, as tables and as properties over arbitrary histories."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.data.agent.pods import model
from bascule.data.runtime import contract
from bascule.vocabulary import conditions
from tests.unit.data.agent.world import World, make_pod


def reason(world: World, kind: str) -> tuple[str, str]:
    found = conditions.find(world.status()["conditions"], kind)
    assert found is not None
    return found["status"], found.get("reason", "")


def test_init_containers_run_in_order_before_the_others() -> None:
    world = World(make_pod("app", init=("one", "two")))
    world.settle()
    assert world.started == ["one"]
    assert world.status()["phase"] == "Pending"
    assert world.status()["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert reason(world, "Initialized") == ("False", "ContainersNotInitialized")
    world.end("one-1", 0)
    world.settle()
    world.end("two-2", 0)
    world.settle()
    assert world.started == ["one", "two", "app"]
    assert world.status()["phase"] == "Running"
    assert reason(world, "Ready") == ("True", "")


def test_a_failed_init_container_is_tried_again_unless_never() -> None:
    world = World(make_pod("app", init=("one",)))
    world.settle()
    world.end("one-1", 1)
    world.settle()
    assert world.started == ["one", "one"]
    never = World(make_pod("app", init=("one",), restartPolicy="Never"))
    never.settle()
    never.end("one-1", 1)
    never.settle()
    assert never.started == ["one"]
    assert never.status()["phase"] == "Failed"


def test_a_sidecar_starts_first_runs_beside_and_ends_last() -> None:
    world = World(make_pod("app", sidecars=("proxy",), restartPolicy="Never"))
    world.settle()
    assert world.started == ["proxy", "app"]
    world.end("app-2", 0)
    decision = world.look()
    assert [action.name for action in decision.actions if isinstance(action, model.KillContainer)] == ["proxy"]
    world.settle()
    assert world.status()["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("policy", "code", "again", "phase"),
    [
        ("Always", 0, True, "Running"),
        ("Always", 1, True, "Running"),
        ("OnFailure", 0, False, "Succeeded"),
        ("OnFailure", 1, True, "Running"),
        ("Never", 0, False, "Succeeded"),
        ("Never", 1, False, "Failed"),
    ],
)
def test_restart_policies(policy: str, code: int, again: bool, phase: str) -> None:
    world = World(make_pod("main", restartPolicy=policy))
    world.settle()
    world.end("main-1", code)
    world.settle()
    assert world.started == ["main"] * (2 if again else 1)
    assert world.status()["phase"] == phase


def test_back_off_doubles_to_five_minutes_and_is_forgotten() -> None:
    world = World(make_pod())
    world.settle()
    waited = []
    for _ in range(7):
        world.end(world.run_named("main").id, 1)
        before = world.now
        wake = world.look().wake
        if wake is not None:
            state = world.status()["containerStatuses"][0]["state"]
            assert state["waiting"]["reason"] == "CrashLoopBackOff"
            world.now = wake
        world.settle()
        waited.append((world.now - before).total_seconds())
    assert waited == [0, 10, 20, 40, 80, 160, 300]
    world.pass_time(601)
    world.end(world.run_named("main").id, 1)
    world.settle()
    assert model.is_live(world.run_named("main"))


def test_deletion_stops_in_order_and_finishes_once_all_is_down() -> None:
    world = World(make_pod("app", sidecars=("proxy",)))
    world.settle()
    world.pod["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 7}
    (kill,) = world.look().actions
    assert isinstance(kill, model.KillContainer)
    assert (kill.name, kill.grace_seconds) == ("app", 7.0)
    world.settle()
    assert world.finished
    assert not [box for box in world.view.sandboxes if box.ready]


def test_a_deadline_ends_the_pod() -> None:
    world = World(make_pod(activeDeadlineSeconds=60))
    world.settle()
    wake = world.look().wake
    assert wake is not None
    assert (wake - world.now).total_seconds() == 60
    world.now = wake
    world.settle()
    world.settle()
    final = world.status()
    assert (final["phase"], final["reason"]) == ("Failed", "DeadlineExceeded")
    assert not world.view.live()
    assert not world.finished, "its object stays for its owner to see"


def test_a_lost_sandbox_is_replaced_and_everything_in_it_started_again() -> None:
    world = World(make_pod("app", init=("one",)))
    world.settle()
    world.end("one-1", 0)
    world.settle()
    world.end("app-2", 137)
    world.do(model.StopSandbox("box0"))
    world.settle()
    assert world.started == ["one", "app", "one"]
    world.end("one-3", 0)
    world.settle()
    assert world.run_named("app").sandbox_id == "box1"
    assert world.status()["containerStatuses"][0]["restartCount"] == 1


def test_a_reboot_restarts_by_policy() -> None:
    world = World(make_pod())
    world.settle()
    world.lose_everything()
    world.settle()
    assert world.run_named("main").attempt == 1
    never = World(make_pod(restartPolicy="Never"))
    never.settle()
    never.lose_everything()
    never.settle()
    assert never.status()["phase"] == "Failed"
    assert never.started == ["main"]


def test_an_unhealthy_container_is_restarted() -> None:
    world = World(make_pod())
    world.settle()
    world.memory.health["main-1"].unhealthy = "failed liveness probe"
    world.settle()
    assert world.started == ["main", "main"]


def test_readiness_gates_hold_ready_back() -> None:
    world = World(make_pod(readinessGates=[{"conditionType": "example.com/lb"}]))
    world.settle()
    assert reason(world, "Ready") == ("False", "ReadinessGatesNotReady")
    assert reason(world, "ContainersReady") == ("True", "")
    world.pod["status"] = {"conditions": [{"type": "example.com/lb", "status": "True"}]}
    assert reason(world, "Ready") == ("True", "")


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("end"), st.integers(0, 5), st.sampled_from([0, 1, 137])),
        st.tuples(st.just("wait"), st.sampled_from([1, 15, 700]), st.just(0)),
        st.tuples(st.just("step"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("sandbox dies"), st.just(0), st.just(0)),
        st.tuples(st.just("reboot"), st.just(0), st.just(0)),
        st.tuples(st.just("agent dies"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(
    policy=st.sampled_from(["Always", "OnFailure", "Never"]),
    init=st.sampled_from([(), ("i1",), ("i1", "i2")]),
    sidecars=st.sampled_from([(), ("s1",)]),
    events=EVENTS,
)
def test_any_history_keeps_the_rules_and_a_deleted_pod_ends(
    policy: str, init: tuple[str, ...], sidecars: tuple[str, ...], events: list[tuple[str, int, int]]
) -> None:
    world = World(make_pod("a", "b", init=init, sidecars=sidecars, restartPolicy=policy))
    done: dict[str, int] = {}  # starts of main containers by the time they succeeded
    for kind, number, code in events:
        live = world.view.live()
        if kind == "end" and live:
            run = live[number % len(live)]
            if code == 0 and run.name in ("a", "b"):
                done.setdefault(run.name, world.started.count(run.name))
            world.end(run.id, code)
        elif kind == "wait":
            world.pass_time(number)
        elif kind == "step":
            actions = world.look().actions
            world.status()
            if actions:
                world.do(actions[number % len(actions)])  # asserts one live run for each name
        elif kind == "sandbox dies" and (box := world.view.sandbox()) is not None:
            for run in live:
                world.end(run.id, 137)
            world.do(model.StopSandbox(box.id))
        elif kind == "reboot":
            world.lose_everything()
        elif kind == "agent dies":
            world.status()
            world.memory = model.Memory(previous=world.memory.previous)
    if policy == "Never":
        assert world.started.count("a") <= 1
        assert world.started.count("b") <= 1
    if policy == "OnFailure":
        assert {name: world.started.count(name) for name in done} == done
    world.pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.settle()
    assert world.finished
    assert not world.view.live()
    assert all(run.state is not contract.State.RUNNING for run in world.view.containers)
