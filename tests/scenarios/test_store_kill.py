"""A store whose process is killed again and again: what was acknowledged is there, and no revision comes twice.

The ledger of acknowledged writes is outside the killed process: it is what the parent read from its pipe.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest

from bascule.control.store import contract
from bascule.control.store.sqlite import store

ROUNDS = 20
_WRITER = """
import asyncio, itertools, os, pathlib, sys
from bascule.control.store import contract
from bascule.control.store.sqlite import store

async def write(opened, round, writer):
    for n in itertools.count():
        key = f"/{writer}/{n % 50}"
        value = f"{round} {writer} {n} ".encode() * 50
        operations = [contract.Put(key, value), contract.Put(f"/twin{key}", value)]
        if n % 7 == 3:  # Deletes what the step before wrote, so that it takes a revision.
            key = f"/{writer}/{(n - 1) % 50}"
            operations = [contract.Delete(key), contract.Delete(f"/twin{key}")]
            value = b""
        revision = await opened.commit(operations)
        os.write(1, f"{revision} {key} {value[:30].decode().strip()}\\n".encode())

async def main(file, round):
    opened = await store.open_store(pathlib.Path(file))
    compact = asyncio.create_task(compaction(opened))
    await asyncio.gather(*(write(opened, round, writer) for writer in range(16)))

async def compaction(opened):
    while True:
        await asyncio.sleep(0.005)
        await opened.compact(max(0, opened.revision - 200))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


async def _killed_amid_writes(file: Path, number: int, chance: random.Random) -> list[str]:
    """What the writer acknowledged before it was killed at some moment."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, str(file), str(number), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    ledger: list[str] = []
    wanted = chance.randrange(1, 800)
    try:
        while len(ledger) < wanted:
            line = await asyncio.wait_for(writer.stdout.readline(), 30)
            assert line.endswith(b"\n"), "the writer ended by itself"
            ledger.append(line.decode())
        await asyncio.sleep(chance.random() * 0.003)
    finally:
        writer.kill()
        rest = await writer.stdout.read()
        await writer.wait()
    whole = rest[: rest.rfind(b"\n") + 1]
    return ledger + whole.decode().splitlines(keepends=True)


@pytest.mark.slow
@pytest.mark.scenario
async def test_nothing_acknowledged_is_lost_and_no_revision_repeats(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    chance = random.Random(20)
    seen: set[int] = set()
    newest = 0
    for number in range(ROUNDS):
        ledger = await _killed_amid_writes(file, number, chance)
        last: dict[str, tuple[int, str]] = {}
        for line in ledger:
            revision_text, key, *value = line.split(maxsplit=2)
            revision = int(revision_text)
            assert revision not in seen, "a revision was given out twice"
            assert revision > newest, "revisions went back"
            seen.add(revision)
            last[key] = max(last.get(key, (0, "")), (revision, " ".join(value).strip()))
        opened = await store.open_store(file)
        try:
            assert not opened.corrupt
            await _check(opened, last)
            newest = opened.revision
        finally:
            await opened.close()
    assert len(seen) > ROUNDS * 10


async def _check(opened: contract.Store, last: dict[str, tuple[int, str]]) -> None:
    """Each acknowledged write, or one that came after it, is there: and each commit whole."""
    assert opened.revision >= max(revision for revision, _ in last.values())
    entries = {entry.key: entry for entry in (await opened.range("/")).entries}
    for key, (revision, value) in last.items():
        entry, twin = entries.get(key), entries.get(f"/twin{key}")
        assert (entry and (entry.value, entry.revision)) == (twin and (twin.value, twin.revision))
        if entry is None:
            # Deleted: by the acknowledged write, or by a later one whose acknowledgement was cut off.
            assert value == "" or opened.revision > revision
        else:
            assert entry.revision >= revision
            if entry.revision == revision:
                assert entry.value.startswith(value.encode())
