"""A node that comes back stands again as it says, and one that repeats itself costs nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bascule.bridge import messages
from bascule.control.bridgehead import liveness, mirror, reports, world
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import conditions, errors
from tests import waiting
from tests.unit.control.bridgehead import fakes

READY = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
SAID: dict[str, Any] = {
    "metadata": {"labels": {"zone": "a"}},
    "status": {"capacity": {"cpu": "2"}, "conditions": [READY]},
}


class Bench:
    def __init__(self) -> None:
        self.client = fakes.Client()
        self.world = world.World(self.client, clocks.SystemClock())  # type: ignore[arg-type]
        self.reports = reports.Reports(self.client, self.world, clocks.SystemClock())  # type: ignore[arg-type]

    def see(self, kind: str, obj: dict[str, Any] | None, old: dict[str, Any] | None = None) -> None:
        """The informer hears of it."""
        informer = self.world.informers[kind]
        if obj is not None:
            informer._announce(informer._collection.put(obj))
        elif old is not None:
            informer._announce(informer._collection.drop(world.objects.key(old)))

    def writes(self) -> list[tuple[str, str, Any]]:
        return [(verb, name, body) for verb, _, name, body, _ in self.client.calls if verb != "get"]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.reports.standing.close()


def node(version: int = 1, ready: str = "True", connected: str = "True") -> dict[str, Any]:
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}
    connection = {"type": liveness.CONNECTED, "status": connected, "reason": "", "message": ""}
    return {
        "metadata": {"name": "n1", "labels": {"zone": "a"}, "resourceVersion": str(version)},
        "status": {"capacity": {"cpu": "2"}, "conditions": [READY | since | {"status": ready}, connection | since]},
    }


def said(body: dict[str, Any] = SAID) -> messages.Report:
    return messages.Report(1, "node-status", "root//n1", json.dumps(body).encode())


async def test_what_stands_already_is_not_written_again(bench: Bench) -> None:
    bench.see("nodes", node())
    await bench.reports.write("n1", said())
    assert bench.client.calls == []
    changed = copy.deepcopy(SAID)
    changed["status"]["capacity"] = {"cpu": "4"}
    bench.client.answers["patch"] = [{"metadata": {"resourceVersion": "7"}}]
    await bench.reports.write("n1", said(changed))
    assert [name for _, name, _ in bench.writes()] == ["n1"]
    # What was written has not been seen yet: the copy that says otherwise is from before.
    bench.client.answers["get"] = [node(7) | {"status": changed["status"]}]
    bench.client.answers["patch"] = [{"metadata": {"resourceVersion": "8"}}]
    await bench.reports.write("n1", said())
    assert bench.writes()[-1][2]["status"]["capacity"] == {"cpu": "2"}


async def test_a_node_taken_for_lost_stands_again_as_it_says(bench: Bench) -> None:
    bench.see("nodes", node())
    await bench.reports.write("n1", said())
    bench.see("nodes", lost := node(2, ready="Unknown", connected="False"))
    await waiting.until(bench.writes)
    written = bench.writes()[0][2]["status"]["conditions"]
    ready, connected = conditions.find(written, "Ready"), conditions.find(written, liveness.CONNECTED)
    assert ready is not None
    assert (ready["status"], ready["lastTransitionTime"] > "2026-01-02") == ("True", True)
    assert connected is not None  # in the same write, or it would be taken for lost again
    assert connected["status"] == "True"
    bench.see("nodes", node(3))
    bench.reports.standing.silent("n1")
    before = len(bench.client.calls)
    bench.see("nodes", lost | {"metadata": lost["metadata"] | {"resourceVersion": "4"}})
    assert len(bench.client.calls) == before, "upheld though the node is not heard"


async def test_a_resource_that_others_advertise_becomes_allocatable(bench: Bench) -> None:
    bench.see("nodes", node())
    await bench.reports.write("n1", said())
    advertised = node(2)
    advertised["status"] |= {
        "capacity": {"cpu": "2", "example.com/lamp": "3"},
        "allocatable": {"cpu": "2", "example.com/gone": "1"},
    }
    bench.see("nodes", advertised)
    await waiting.until(bench.writes)
    written = bench.writes()[0][2]["status"]
    assert written["allocatable"] == {"example.com/lamp": "3", "example.com/gone": None}
    bench.see("nodes", standing := node(9))
    standing["status"]["capacity"] = standing["status"]["allocatable"] = {"cpu": "2", "example.com/lamp": "3"}
    before = len(bench.writes())
    await bench.reports.write("n1", said())
    assert len(bench.writes()) == before


async def test_a_deleted_node_that_is_connected_registers_again(bench: Bench) -> None:
    bench.see("nodes", node())
    await bench.reports.write("n1", said())
    bench.client.answers["get"] = [errors.not_found("nodes", "n1")]
    bench.client.answers["create"] = [{"metadata": {"name": "n1", "resourceVersion": "9"}}]
    bench.see("nodes", None, node())
    await waiting.until(lambda: [write for write in bench.writes() if write[0] == "patch"])
    assert bench.writes()[0][:2] == ("create", "n1")
    assert bench.writes()[0][2]["metadata"]["labels"] == {"zone": "a"}
    bench.see("nodes", node(10))


async def test_a_pods_status_that_stands_is_not_written_again(bench: Bench) -> None:
    status = {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}
    foreign = {"type": "Nice", "status": "False"}
    pod = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "3"},
        "spec": {"nodeName": "n1"},
        "status": status | {"qosClass": "BestEffort", "conditions": [foreign, {"type": "Ready", "status": "True"}]},
    }
    bench.see("pods", pod)
    report = messages.Report(1, "pod-status", "root/ns/p", json.dumps({"uid": "u"} | status).encode())
    await bench.reports.write("n1", report)
    assert bench.client.calls == []
    later = messages.Report(2, "pod-status", "root/ns/p", json.dumps({"uid": "u", "phase": "Failed"}).encode())
    bench.client.answers["patch"] = [{"metadata": {"resourceVersion": "5"}}]
    await bench.reports.write("n1", later)
    await bench.reports.write("n1", report)  # Running again, before Failed has come back: it must be written
    assert [body["status"]["phase"] for _, _, body in bench.writes()] == ["Failed", "Running"]


@pytest.mark.parametrize(
    ("present", "reported", "covered"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, True),
        ({"a": 1, "b": 2}, {"b": None}, False),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({}, {"conditions": [{"type": "Ready"}]}, False),
        (None, {"a": 1}, False),
    ],
)
def test_covers(present: Any, reported: Any, covered: bool) -> None:
    assert mirror.covers(present, reported) is covered
