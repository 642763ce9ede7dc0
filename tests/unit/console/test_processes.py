"""One process: known by pid and start time, ready when it says so, ended for sure, and its last words kept."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bascule.console.local import processes
from bascule.console.local.processes import Identity, StartError

Spawn = Callable[..., Identity]
FOREVER = "import signal; signal.pause()"


@pytest.fixture
async def spawn(tmp_path: Path) -> AsyncIterator[Spawn]:
    """Starts ``python -c code``; what still runs at the end is killed."""
    made: list[Identity] = []

    def start(code: str, **more: dict[str, str]) -> Identity:
        made.append(
            processes.spawn((sys.executable, "-S", "-c", code), out=tmp_path / "out", log=tmp_path / "log", **more)
        )
        return made[-1]

    yield start
    for identity in made:
        processes.send(identity, signal.SIGKILL)
        await processes.wait_gone(identity)


async def test_ready_means_that_it_said_so(tmp_path: Path, spawn: Spawn) -> None:
    ready = "print('{\"ready\": \"%s\"}' % os.environ['WHO'], flush=True)"
    code = f"import os, signal; print('hello'); {ready}; signal.pause()"
    identity = spawn(code, environment={"WHO": "me"})
    line = await processes.wait_ready(identity, tmp_path / "out", tmp_path / "log", timeout_seconds=10)
    assert line == {"ready": "me"}
    assert identity.alive
    assert os.getsid(identity.pid) == identity.pid


async def test_one_that_ends_first_leaves_its_last_words(tmp_path: Path, spawn: Spawn) -> None:
    identity = spawn("import sys; sys.exit('the disk is full')")
    with pytest.raises(StartError, match="ended before it was ready") as failed:
        await processes.wait_ready(identity, tmp_path / "out", tmp_path / "log", timeout_seconds=10)
    assert "the disk is full" in str(failed.value)


async def test_one_that_says_nothing_is_given_up(tmp_path: Path, spawn: Spawn) -> None:
    identity = spawn(FOREVER)
    with pytest.raises(StartError, match=r"not ready within 0\.05 s"):
        await processes.wait_ready(identity, tmp_path / "out", tmp_path / "log", timeout_seconds=0.05)


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot start no-such-program: No such file"):
        processes.spawn(("no-such-program",), out=tmp_path / "out", log=tmp_path / "log")


async def test_stop_asks_first(spawn: Spawn) -> None:
    identity = spawn(FOREVER)
    await processes.stop(identity)
    assert not identity.alive
    await processes.stop(identity)


async def test_stop_kills_what_does_not_listen(tmp_path: Path, spawn: Spawn) -> None:
    ready = "print('{\"ready\": 1}', flush=True)"
    code = f"import signal; signal.signal(15, signal.SIG_IGN); {ready}\nwhile True: signal.pause()"
    identity = spawn(code)
    await processes.wait_ready(identity, tmp_path / "out", tmp_path / "log", timeout_seconds=10)
    await processes.stop(identity, timeout_seconds=0.05)
    assert not identity.alive


async def test_a_reused_pid_is_somebody_else(spawn: Spawn) -> None:
    identity = spawn(FOREVER)
    other = Identity(identity.pid, str(int(identity.started) - 1))
    assert not other.alive
    assert not processes.send(other, signal.SIGKILL)
    await asyncio.wait_for(processes.wait_gone(other), 5)
    assert identity.alive


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Identity.of(child.pid) is None
    child.wait()
    assert Identity.of(child.pid) is None


def test_a_process_knows_itself() -> None:
    own = Identity.of(os.getpid())
    assert own is not None
    assert own.alive


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, None),
        ("", None),
        ('{"ready": "a"}', None),
        ('{"ready": "a"}\n', {"ready": "a"}),
        (
            'warning\n{"other": 1}\n{broken\n[1]\n{"ready": "a", "address": "x"}\n{"ready": "b"}\n',
            {"ready": "a", "address": "x"},
        ),
    ],
)
def test_the_ready_line_is_the_first_whole_line_that_says_ready(
    tmp_path: Path, text: str | None, line: dict[str, str] | None
) -> None:
    if text is not None:
        (tmp_path / "out").write_text(text)
    assert processes.ready_line(tmp_path / "out") == line


def test_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert processes.last_words(log) == ""
    log.write_bytes(b"\xff\n" + "".join(f"{n}\n" for n in range(9)).encode())
    assert processes.last_words(log, lines=2) == "  7\n  8"
    assert json.dumps(processes.last_words(log, lines=99))
