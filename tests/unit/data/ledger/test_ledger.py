"""The ledger: all or nothing, never older, never emptied in passing; broken rows and files cost only themselves."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bascule.bridge import messages
from bascule.data.ledger import schema
from bascule.data.ledger.ledger import Ledger
from tests import waiting
from tests.unit.bridge import fakes


def at(generation: int, epoch: int = 1, installation: str = "here") -> messages.Position:
    return messages.Position(installation, epoch, generation)


def update(position: messages.Position, *names: str, removed: tuple[str, ...] = (), **more: bool) -> messages.Update:
    put = tuple(fakes.desired("pods", f"root/ns/{name}", str(position.generation)) for name in names)
    return messages.Update("pods", position, put, tuple(f"root/ns/{name}" for name in removed), **more)


def names(ledger: Ledger) -> list[str]:
    return sorted(item.key.name for item in ledger.all("pods"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_what_was_applied_is_there_after_a_restart(path: Path) -> None:
    ledger = Ledger.open(path)
    assert ledger.position is None
    assert not ledger.synced("pods")
    assert ledger.apply(update(at(5), "a", "b")) == messages.Applied(frozenset({"root/ns/a", "root/ns/b"}))
    assert ledger.apply(update(at(6), "a", removed=("b",))).changed == {"root/ns/a", "root/ns/b"}  # type: ignore[union-attr]
    ledger.remember("restarts/a", b"3")
    ledger.close()
    ledger = Ledger.open(path)
    assert names(ledger) == ["a"]
    assert ledger.position == at(6)
    assert ledger.synced("pods")
    assert ledger.versions("pods") == {"root/ns/a": "6"}
    assert ledger.recall("restarts/a") == b"3"
    assert ledger.memories("restarts/") == {"restarts/a": b"3"}
    ledger.forget("restarts/a")
    assert ledger.recall("restarts/a") is None
    assert not ledger.rebuilt
    ledger.close()


@pytest.mark.parametrize(
    ("wrong", "objection"),
    [
        (update(at(4), "c"), messages.Objection.POSITION),
        (update(at(9, epoch=0), "c"), messages.Objection.POSITION),
        (update(at(9, installation="elsewhere"), "c"), messages.Objection.POSITION),
        (update(at(9), removed=("a", "b")), messages.Objection.UNCONFIRMED),
        (
            messages.Update("pods", at(9), (messages.Desired("pods", "root/ns/c", "1", b"{"),)),
            messages.Objection.CONTENT,
        ),
        (
            messages.Update("pods", at(9), (messages.Desired("pods", "root/ns/c", "1", b"null"),)),
            messages.Objection.CONTENT,
        ),
        (
            messages.Update("pods", at(9), (messages.Desired("pods", "root/ns/c", "1", b'{"metadata":{"name":"d"}}'),)),
            messages.Objection.CONTENT,
        ),
    ],
)
def test_refused_means_unchanged(wrong: messages.Update, objection: messages.Objection) -> None:
    ledger = Ledger.open(":memory:")
    ledger.apply(update(at(5), "a", "b"))
    refused = ledger.apply(wrong)
    assert isinstance(refused, messages.Refused)
    assert refused.objection is objection
    assert refused.reason
    assert names(ledger) == ["a", "b"]
    assert ledger.position == at(5)
    ledger.close()


def test_a_step_without_content_costs_no_disk_and_counts_all_the_same(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.apply(update(at(5), "a"))
    written = ledger._connection.total_changes
    assert ledger.apply(update(at(9))) == messages.Applied(frozenset())
    assert ledger._connection.total_changes == written
    assert isinstance(ledger.apply(update(at(8), "b")), messages.Refused)
    assert isinstance(ledger.apply(update(at(9, epoch=2))), messages.Applied)
    ledger.apply(update(at(12, epoch=2)))
    ledger.close()
    ledger = Ledger.open(path)
    assert ledger.position == at(12, epoch=2)
    ledger.close()


def test_another_kind_of_an_older_epoch_is_refused_too() -> None:
    ledger = Ledger.open(":memory:")
    ledger.apply(update(at(5, epoch=2), "a"))
    older = messages.Update("services", at(9, epoch=1), (fakes.desired("services", "root/ns/s", "1"),))
    assert isinstance(ledger.apply(older), messages.Refused)
    assert isinstance(ledger.apply(older.__class__("services", at(1, epoch=2))), messages.Applied)
    ledger.close()


def test_mass_removal_goes_through_once_confirmed() -> None:
    ledger = Ledger.open(":memory:")
    ledger.apply(update(at(5), "a", "b"))
    assert isinstance(ledger.apply(update(at(6), removed=("a", "b"), confirmed=True)), messages.Applied)
    assert names(ledger) == []
    ledger.close()


def test_a_restored_store_removes_nothing_it_never_knew() -> None:
    ledger = Ledger.open(":memory:")
    ledger.apply(update(at(5), "a", "b"))
    applied = ledger.apply(update(at(6, epoch=2), "a", removed=("b",)))
    assert applied == messages.Applied(frozenset({"root/ns/a"}), frozenset({"root/ns/b"}))
    assert names(ledger) == ["a", "b"]
    assert ledger.strays("pods") == ["root/ns/b"]
    assert ledger.versions("pods") == {"root/ns/a": "6"}
    ledger.close()


def test_reports_are_coalesced_and_acknowledged_by_sequence(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.report("pod-status", "a", b"1")
    [first] = ledger.pending()
    ledger.report("pod-status", "a", b"2")
    ledger.report("event", "a", b"e")
    ledger.acknowledge(first.sequence)
    assert [report.body for report in ledger.pending()] == [b"2", b"e"]
    ledger.close()
    ledger = Ledger.open(path)
    assert [report.body for report in ledger.pending(1)] == [b"2"]
    for report in ledger.pending():
        ledger.acknowledge(report.sequence)
    ledger.report("event", "b", b"f")
    assert ledger.pending()[0].sequence > first.sequence + 1, "sequences are never used twice"
    ledger.close()


async def test_subscribers_take_everything_since_they_last_took() -> None:
    ledger = Ledger.open(":memory:")
    changes = ledger.subscribe()
    ledger.apply(update(at(1), "a"))
    ledger.apply(update(at(2), "a", "b"))
    assert await anext(changes) == {("pods", "root/ns/a"), ("pods", "root/ns/b")}
    ledger.apply(update(at(3), removed=("a",)))
    assert await anext(changes) == {("pods", "root/ns/a")}
    await changes.aclose()  # type: ignore[attr-defined]
    ledger.close()


def test_a_broken_row_is_named_and_the_rest_is_used(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.apply(update(at(5), "a", "b", "c"))
    ledger.close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE desired SET body = CAST('{\"metadata\":{}}' AS BLOB) WHERE name = 'root/ns/b'")
    raw.commit()
    raw.close()
    ledger = Ledger.open(path)
    assert names(ledger) == ["a", "c"]
    assert [(kind, name) for kind, name, _ in ledger.corrupt] == [("pods", "root/ns/b")]
    assert ledger.versions("pods")["root/ns/b"] == "", "claimed as not had, so that it is sent again or removed"
    assert ledger.apply(update(at(6), "b")).changed == {"root/ns/b"}  # type: ignore[union-attr]
    assert ledger.corrupt == []
    ledger.close()


@pytest.mark.parametrize("seed", range(25))
def test_flipped_bytes_are_found_and_never_fatal(path: Path, seed: int) -> None:
    source = random.Random(seed)
    ledger = Ledger.open(path)
    every = [f"pod-{index}" for index in range(200)]
    ledger.apply(update(at(5), *every))
    ledger.remember("restarts", b"7")
    ledger.close()
    content = bytearray(path.read_bytes())
    for _ in range(source.randint(1, 20)):
        content[source.randrange(100, len(content))] ^= 1 << source.randrange(8)
    path.write_bytes(content)
    ledger = Ledger.open(path)
    for item in ledger.all("pods"):
        assert item == fakes.desired("pods", item.name, "5"), "what is used is what was written"
    assert ledger.recall("restarts") in (b"7", None)
    position = ledger.position
    assert isinstance(ledger.apply(update(at(6) if position is None else position, *every)), messages.Applied)
    assert set(names(ledger)) >= set(every)
    ledger.close()


def test_a_destroyed_file_starts_empty_and_says_so(path: Path) -> None:
    path.write_bytes(b"this is no database" * 400)
    ledger = Ledger.open(path)
    assert ledger.rebuilt
    assert ledger.all("pods") == []
    assert not ledger.synced("pods")
    assert path.with_name("ledger.db.broken").exists()
    ledger.close()


def test_two_agents_do_not_share_a_ledger(path: Path) -> None:
    ledger = Ledger.open(path)
    with pytest.raises(schema.LedgerError, match="in use"):
        Ledger.open(path)
    ledger.close()


def test_a_newer_format_is_left_alone(path: Path) -> None:
    Ledger.open(path).close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(schema.LedgerError, match="newer version"):
        Ledger.open(path)


def test_a_full_disk_refuses_and_loses_nothing(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.apply(update(at(5), "a"))
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    big = fakes.desired("pods", "root/ns/big", "1")
    padded = messages.Desired("pods", big.name, "1", big.body[:-1] + b', "x": "' + b"x" * 100_000 + b'"}')
    refused = ledger.apply(messages.Update("pods", at(6), (padded,)))
    assert isinstance(refused, messages.Refused)
    assert refused.objection is messages.Objection.STORAGE
    assert names(ledger) == ["a"]
    ledger.report("pod-status", "a", b"x" * 100_000)
    assert ledger.pending() == []
    ledger._connection.execute("PRAGMA max_page_count = 100000")
    assert [len(report.body) for report in ledger.pending()] == [100_000]
    ledger.close()


_WRITER = """
import sys
from pathlib import Path
from bascule.bridge import messages
from bascule.data.ledger.ledger import Ledger
from tests.unit.bridge import fakes
ledger = Ledger.open(Path(sys.argv[1]))
start = ledger.position.generation if ledger.position else 0
for generation in range(start + 1, start + 100000):
    item = fakes.desired("pods", f"root/ns/p{generation % 7}", str(generation))
    position = messages.Position("here", 1, generation)
    assert isinstance(ledger.apply(messages.Update("pods", position, (item,))), messages.Applied)
    ledger.report("pod-status", "p", str(generation).encode())
    print(generation, flush=True)
"""


def test_nothing_acknowledged_is_lost_to_kill_9(path: Path) -> None:
    last = 0
    for round in range(3):
        acknowledged = path.with_name(f"acknowledged-{round}")
        with acknowledged.open("wb") as output:
            writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=output, cwd=os.getcwd())
        try:
            waiting.until_sync(lambda file=acknowledged: file.read_bytes().count(b"\n") > 20, timeout_seconds=30)
        finally:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        last = int(acknowledged.read_bytes().split(b"\n")[-2])
        ledger = Ledger.open(path)
        assert not ledger.rebuilt
        assert ledger.corrupt == []
        assert ledger.position is not None
        assert ledger.position.generation in (last, last + 1)
        versions = {int(version) for version in ledger.versions("pods").values()}
        assert max(versions) == ledger.position.generation
        assert int(ledger.pending()[0].body) in (last, last + 1)
        ledger.close()


def test_only_the_agents_user_may_read_the_file(tmp_path: Path) -> None:
    held = Ledger.open(tmp_path / "ledger.db")
    try:
        held.remember("key", b"value")
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path.name
    finally:
        held.close()
