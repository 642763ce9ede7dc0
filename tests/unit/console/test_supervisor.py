"""The supervisor with real processes: in order, again after a death, adopted after its own, away on SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.console.local import processes, supervisor
from bascule.console.local.processes import Identity
from tests import waiting

READY = """
import json, signal, sys
name, journal, gate = sys.argv[1:]
def end(*_):
    with open(journal, "a") as file:
        file.write(name + chr(10))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
if gate:
    open(gate).read()
print(json.dumps({"ready": name}), flush=True)
while True:
    signal.pause()
"""


class House:
    """One tower in a directory, its supervisor, and what ran in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = directory / "journal"
        self.seen: set[Identity] = set()

    def process(self, name: str, *, after: tuple[str, ...] = (), gate: str = "") -> supervisor.Process:
        command = (sys.executable, "-S", "-c", READY, name, str(self.journal), gate)
        return supervisor.Process(name, command, after)

    def start(self, *parts: supervisor.Process) -> supervisor.Tower:
        self.tower = supervisor.Tower("test", str(self.directory / "run"), str(self.directory / "logs"), parts)
        (self.directory / "run").mkdir(exist_ok=True)
        self.seen.add(supervisor.start(self.tower))
        return self.tower

    def known(self) -> dict[str, Identity]:
        known = supervisor.read_state(self.tower.state_file)
        self.seen |= set(known.values())
        return known

    def ready(self, name: str, *, other_than: Identity | None = None) -> Identity:
        """Waits until the process runs and has said so."""

        def found() -> Identity | None:
            identity = self.known().get(name)
            fresh = identity is not None and identity.alive and identity != other_than
            return identity if fresh and (name == "supervisor" or self._said(name)) else None

        identity = waiting.until_sync(found, what=f"{name} is ready")
        assert identity is not None
        return identity

    def _said(self, name: str) -> bool:
        line = processes.ready_line(self.tower.out(name))
        return line is not None and line["ready"] == name

    def kill(self, identity: Identity) -> None:
        assert processes.send(identity, signal.SIGKILL)
        asyncio.run(processes.wait_gone(identity))

    def close(self) -> None:
        keeper = self.known().get("supervisor")
        for identity in sorted(self.seen, key=lambda one: one != keeper):
            processes.send(identity, signal.SIGKILL)
            asyncio.run(processes.wait_gone(identity))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_processes_start_in_order(house: House) -> None:
    gate = house.directory / "gate"
    os.mkfifo(gate)
    house.start(house.process("first", gate=str(gate)), house.process("second", after=("first",)))
    waiting.until_sync(lambda: "first" in house.known(), what="the first runs")
    with open(gate, "w"):  # opens once the first process reads: it runs, and is not ready
        assert "second" not in house.known()
    second = house.ready("second")
    assert int(second.started) >= int(house.ready("first").started)
    states = supervisor.states(house.tower)
    assert states["second"] == {"pid": second.pid, "running": True, "ready": {"ready": "second"}}
    assert list(states) == ["supervisor", "first", "second"]


def test_a_dead_process_is_started_again_and_its_neighbour_does_not_notice(house: House) -> None:
    house.start(house.process("a"), house.process("b"))
    a, b = house.ready("a"), house.ready("b")
    house.kill(a)
    again = house.ready("a", other_than=a)
    assert again != a
    assert house.known()["b"] == b
    assert b.alive


def test_a_process_that_cannot_start_is_said_and_tried_again_alone(house: House) -> None:
    broken = supervisor.Process("broken", (sys.executable, "-S", "-c", "import sys; sys.exit('no disk')"))
    house.start(broken, house.process("b"))
    b = house.ready("b")
    log = house.tower.log("test-supervisor")
    waiting.until_sync(lambda: log.read_text().count("broken did not start") >= 2, what="two attempts")
    assert "no disk" in house.tower.log("broken").read_text()
    assert b.alive
    assert supervisor.states(house.tower)["broken"]["ready"] is None


def test_a_new_supervisor_adopts_what_runs(house: House) -> None:
    tower = house.start(house.process("a"), house.process("b", after=("a",)))
    a, b, keeper = house.ready("a"), house.ready("b"), house.ready("supervisor")
    house.kill(keeper)
    assert a.alive
    assert b.alive
    house.start(*tower.processes)
    assert house.ready("supervisor", other_than=keeper) != keeper
    house.kill(b)
    house.ready("b", other_than=b)
    assert house.known()["a"] == a
    assert a.alive


def test_sigterm_stops_all_in_reverse_order(house: House) -> None:
    house.start(house.process("a"), house.process("b", after=("a",)), house.process("c", after=("b",)))
    running = [house.ready(name) for name in ("a", "b", "c")]
    keeper = house.ready("supervisor")
    assert processes.send(keeper, signal.SIGTERM)
    asyncio.run(processes.wait_gone(keeper))
    assert not any(identity.alive for identity in running)
    assert house.journal.read_text().split() == ["c", "b", "a"]
    assert not house.tower.state_file.exists()
    assert not any(state["running"] for state in supervisor.states(house.tower).values())


def test_a_second_start_finds_the_first_supervisor(house: House) -> None:
    house.start(house.process("a"))
    house.ready("a")
    assert supervisor.start(house.tower) == house.ready("supervisor")


def test_a_tower_is_read_back(tmp_path: Path) -> None:
    parts = (
        supervisor.Process("a", ("true",)),
        supervisor.Process("b", ("x", "y"), after=("a",), environment={"K": "V"}, ready=False),
    )
    tower = supervisor.Tower("t", str(tmp_path), str(tmp_path), parts)
    tower.save()
    assert supervisor.Tower.load(tower.spec_file) == tower


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"a": {"pid": 1}}', '{"a": 3}'])
def test_a_damaged_state_file_reads_as_nothing_known(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "state.json"
    if content is not None:
        path.write_text(content)
    assert supervisor.read_state(path) == {}
