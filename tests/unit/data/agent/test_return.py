"""A node that comes back says everything again, and what it refuses is said where people look."""

from __future__ import annotations

import argparse
import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bascule.bridge import messages
from bascule.bridge.identity import authority, files, nodes
from bascule.data.agent import joining, options
from bascule.data.runtime.hollow.driver import HollowRuntime
from bascule.vocabulary import clock as clocks
from tests import waiting
from tests.unit.data.agent.kit import Bench, pod, running


def acknowledge_everything(bench: Bench) -> None:
    for report in bench.ledger.pending(10_000):
        bench.ledger.acknowledge(report.sequence)


async def test_everything_is_said_again_on_a_new_connection(tmp_path: Path) -> None:
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.tell("pods", pod(), pod("other"))
        for name in ("web", "other"):
            await bench.until(lambda name=name: bench.status(name).get("phase") == "Running")
        before = bench.status()
        acknowledge_everything(bench)
        assert bench.ledger.pending() == []
        bench.node.on_connected()
        assert bench.status() == before
        assert bench.status("other")["phase"] == "Running"
        assert list(bench.reports(messages.NODE_STATUS)) == ["root//n1"]


async def test_a_node_whose_node_was_deleted_registers_again(tmp_path: Path) -> None:
    async with running(HollowRuntime(), tmp_path) as bench:
        await bench.until(lambda: bench.reports(messages.NODE_STATUS))
        await bench.tell("nodes", {"metadata": {"name": "n1"}})
        acknowledge_everything(bench)
        await bench.tell("nodes", removed=("root//n1",))
        assert bench.reports(messages.NODE_STATUS)["root//n1"]["metadata"]["labels"]


async def test_a_refusal_is_an_event_of_the_node_once_a_minute(tmp_path: Path) -> None:
    clock = clocks.ManualClock()
    async with running(HollowRuntime(), tmp_path, clock) as bench:
        for _ in range(3):
            bench.node.on_refused("pods", "state of epoch 1 refused: epoch 2 is known")
        [event] = bench.reports(messages.EVENT).values()
        assert (event["count"], event["reason"], event["type"]) == (1, "DesiredStateRefused", "Warning")
        assert event["involvedObject"]["name"] == "n1"
        await clock.advance(61)
        bench.node.on_refused("pods", "state of epoch 1 refused: epoch 2 is known")
        [event] = bench.reports(messages.EVENT).values()
        assert event["count"] == 2


@pytest.mark.parametrize(("text", "seconds"), [("7d", 604_800), ("36h", 129_600), ("90m", 5_400), ("45s", 45)])
def test_durations(text: str, seconds: int) -> None:
    assert options.duration_seconds(text) == seconds
    with pytest.raises(argparse.ArgumentTypeError, match="write for example 7d"):
        options.duration_seconds(text + "!")


async def test_an_expired_node_joins_again_with_a_new_token_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bascule.bridge import join

    past = clocks.ManualClock(clocks.SystemClock().now() - timedelta(days=400))
    ca = authority.create("ca", clock=clocks.SystemClock())
    issued = authority.issue(ca, "system:node:n1", ["system:nodes"], usages=["client"], clock=past)
    files.write_key(tmp_path / "node.key", issued.key_pem)
    files.write(tmp_path / "node.crt", issued.certificate_pem)
    tokens = tmp_path / "token"
    tokens.write_text("used-up")
    asked: list[tuple[str, int]] = []

    async def asking(*arguments: object, lifetime_seconds: int, **rest: object) -> None:
        asked.append((str(arguments[2]), lifetime_seconds))
        if arguments[2] != "new":
            raise join.JoinError("the token was used", exit_code=join.DENIED)
        fresh = authority.issue(ca, "system:node:n1", ["system:nodes"], usages=["client"], clock=clocks.SystemClock())
        files.write_key(tmp_path / "node.key", fresh.key_pem)
        files.write(tmp_path / "node.crt", fresh.certificate_pem)

    monkeypatch.setattr(join, "join", asking)
    monkeypatch.setattr(joining, "RETRY_SECONDS", 0.01)
    given = ["--node-name", "n1", "--join-token-file", str(tokens), "--bridge", "here:1", "--offline-grace", "10d"]
    chosen = options.parser().parse_args(given)
    await joining.join_once(chosen, "n1", tmp_path)  # an expired identity is one: the node begins its work
    task = asyncio.create_task(joining._join_again(chosen, "n1", tmp_path))
    try:
        await waiting.until(lambda: asked)
        tokens.write_text("new")
        await waiting.until(lambda: not _identity(tmp_path).expired(clocks.SystemClock()))
        assert asked == [("used-up", 21 * 86_400), ("new", 21 * 86_400)]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _identity(directory: Path) -> nodes.NodeIdentity:
    identity = nodes.load(directory)
    assert identity is not None
    return identity
