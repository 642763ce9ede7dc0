"""What only the SQLite engine can meet: damage, locks, versions, full disks, files of others."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys

import pytest

from bascule.control.store import contract
from bascule.control.store.contract import Delete, Put
from bascule.control.store.sqlite import group, restore, schema, store


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state.db"


async def filled(file, count=5):
    opened = await store.open_store(file)
    for n in range(count):
        await opened.commit([Put(f"/{n}", b"value-%d" % n)])
    return opened


def damage(file, statement, *values):
    connection = sqlite3.connect(file)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


async def test_everything_is_there_after_closing_and_opening(file):
    opened = await filled(file)
    await opened.commit([Delete("/4")])
    installation = opened.installation
    await opened.close()
    again = await store.open_store(file)
    assert (again.revision, again.installation, again.epoch) == (6, installation, 1)
    assert [entry.key for entry in (await again.range("/")).entries] == ["/0", "/1", "/2", "/3"]
    assert [entry.key for entry in (await again.range("/", revision=5)).entries][-1] == "/4"
    await again.close()


async def test_a_revision_is_not_used_again_when_its_deletion_was_forgotten(file):
    opened = await filled(file)
    await opened.commit([Delete("/4")])
    await opened.compact(6)
    await opened.close()
    again = await store.open_store(file)
    assert again.revision == 6
    assert await again.commit([Put("/a", b"")]) == 7
    await again.close()


async def test_compaction_leaves_only_what_lives(file):
    opened = await filled(file)
    await asyncio.gather(*(opened.commit([Put("/0", b"%d" % n)]) for n in range(2500)))
    await opened.commit([Delete("/4")])
    await opened.compact(opened.revision)
    await opened.close()
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM log").fetchone() == (4,)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET value = x'00' || substr(value, 2) WHERE key = '/2'",
        "UPDATE log SET key = '/22' WHERE key = '/2'",
        "UPDATE log SET previous = 17 WHERE key = '/2'",
        "UPDATE log SET value = 'text' WHERE key = '/2'",
        "UPDATE log SET value = NULL WHERE key = '/2'",
        "UPDATE log SET checksum = checksum + 1 WHERE key = '/2'",
        "DELETE FROM log WHERE key = '/2'",
    ],
)
async def test_a_damaged_row_is_set_aside_and_the_rest_is_served(file, statement, caplog):
    await (await filled(file)).close()
    damage(file, statement)
    opened = await store.open_store(file)
    assert [entry.key for entry in (await opened.range("/")).entries] == ["/0", "/1", "/3", "/4"]
    assert await opened.get("/2") is None
    assert [(row.key, row.revision) for row in opened.corrupt] == [("/2", 3)]
    assert "/2 at revision 3 is damaged" in caplog.text
    # The key can be written again, and what was set aside stays known.
    assert await opened.commit([Put("/2", b"new", expected=contract.ABSENT)]) == 6
    assert (await opened.get("/2")).value == b"new"
    await opened.close()
    again = await store.open_store(file)
    assert [row.key for row in again.corrupt] == ["/2"]
    assert len((await again.range("/")).entries) == 5
    await again.close()


async def test_damage_in_history_makes_a_watch_begin_anew(file):
    await (await filled(file)).close()
    damage(file, "UPDATE log SET value = x'00' WHERE key = '/2'")
    opened = await store.open_store(file)
    with pytest.raises(contract.Compacted):
        await opened.watch("/", after=1)
    watch = await opened.watch("/", after=3)
    assert (await anext(watch)).revision == 4
    await opened.close()


async def test_flipped_bytes_anywhere_in_the_file_never_give_wrong_values(file, tmp_path):
    opened = await store.open_store(file)
    wanted = {f"/{n:03}": os.urandom(600) for n in range(100)}
    await opened.commit([Put(key, value) for key, value in wanted.items()])
    await opened.close()
    whole = file.read_bytes()
    found_damage = 0
    for at in range(8192 * 4 + 50, len(whole), 4999):
        copy = tmp_path / f"copy-{at}.db"
        copy.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            damaged = await store.open_store(copy)
        except contract.StoreError:
            found_damage += 1
            continue
        try:
            page = await damaged.range("/")
            assert all(wanted[entry.key] == entry.value for entry in page.entries)
            found_damage += len(page.entries) < len(wanted)
        except contract.StoreError:
            found_damage += 1
        finally:
            await damaged.close()
    assert found_damage > 5


async def test_a_second_process_is_told_who_has_the_store(file):
    opened = await filled(file)
    with pytest.raises(contract.StoreLocked, match=rf"pid {os.getpid()}\): stop that one first"):
        await store.open_store(file)
    code = (
        "import asyncio, pathlib, sys; from bascule.control.store.sqlite import store;"
        "asyncio.run(store.open_store(pathlib.Path(sys.argv[1])))"
    )
    second = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code, str(file)], capture_output=True, text=True
    )
    assert second.returncode == 1
    assert f"open in another process (pid {os.getpid()})" in second.stderr
    await opened.close()
    await (await store.open_store(file)).close()


async def test_a_newer_store_is_left_alone(file):
    await (await filled(file)).close()
    damage(file, f"PRAGMA user_version = {schema.VERSION + 1}")
    before = file.read_bytes()
    with pytest.raises(contract.StoreTooNew, match="start the newer version"):
        await store.open_store(file)
    assert file.read_bytes() == before


async def test_what_is_no_store_is_refused(file):
    file.write_bytes(b"something else entirely, and long enough to be looked at" * 100)
    with pytest.raises(contract.StoreError, match="cannot be opened as a store"):
        await store.open_store(file)
    file.unlink()
    damage(file, "CREATE TABLE other (a)")
    with pytest.raises(contract.StoreError, match="some other program"):
        await store.open_store(file)


async def test_a_full_disk_fails_the_write_loses_nothing_and_passes(file):
    opened = await filled(file)
    connection = opened._writer._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    big = [opened.commit([Put(f"/big-{n}", b"x" * 100_000)]) for n in range(3)]
    outcomes = await asyncio.gather(*big, return_exceptions=True)
    assert all(isinstance(outcome, contract.StoreFull) for outcome in outcomes)
    assert "Free some space" in str(outcomes[0])
    assert len((await opened.range("/")).entries) == 5
    connection.execute("PRAGMA max_page_count = 100000").fetchone()
    assert await opened.commit([Put("/big", b"x" * 100_000)]) == 6
    await opened.close()


async def test_restore_refuses_to_write_over_a_store(file, tmp_path):
    opened = await filled(file)
    await opened.snapshot(tmp_path / "snapshot")
    await opened.close()
    with pytest.raises(contract.StoreError, match="exists"):
        restore.restore(tmp_path / "snapshot", file)
    with pytest.raises(contract.StoreError, match="no snapshot"):
        restore.restore(tmp_path / "none", tmp_path / "new" / "state.db")
    (tmp_path / "bad").write_bytes(b"not a snapshot" * 1000)
    with pytest.raises(contract.StoreError, match="cannot be opened"):
        restore.restore(tmp_path / "bad", tmp_path / "new" / "state.db")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["state.db.lock"]


async def test_restore_goes_above_what_was_last_seen(file, tmp_path):
    opened = await filled(file)
    await opened.snapshot(tmp_path / "snapshot")
    await opened.close()
    new = tmp_path / "new" / "state.db"
    restore.restore(tmp_path / "snapshot", new, above_epoch=7, above_revision=5 * contract.RESTORE_STEP)
    restored = await store.open_store(new)
    assert (restored.epoch, restored.revision) == (8, 5 * contract.RESTORE_STEP + 1)
    await restored.close()


async def test_a_cancelled_commit_is_still_done(file):
    opened = await filled(file)
    writing = asyncio.ensure_future(opened.commit([Put("/late", b"")]))
    await asyncio.sleep(0)
    writing.cancel()
    await opened.commit([Put("/later", b"")])
    assert await opened.get("/late") is not None
    await opened.close()


async def test_closing_finishes_what_was_asked_before(file):
    opened = await store.open_store(file)
    writes = [asyncio.ensure_future(opened.commit([Put(f"/{n}", b"")])) for n in range(100)]
    await asyncio.sleep(0)
    await opened.close()
    assert await asyncio.gather(*writes) == list(range(1, 101))


async def test_commits_that_follow_each_other_turn_by_turn_share_a_transaction(file, monkeypatch):
    opened, sizes, apply = await filled(file, 0), [], group.apply

    def counted(connection, commits, revision):
        sizes.append(len(commits))
        return apply(connection, commits, revision)

    monkeypatch.setattr(group, "apply", counted)

    async def after(turns, name):
        for _ in range(turns):
            await asyncio.sleep(0)
        return await opened.commit([Put(name, b"v")])

    assert await after(0, "/alone") == 1
    together = await asyncio.gather(*(after(number // 2, f"/{number}") for number in range(8)))
    assert sorted(together) == list(range(2, 10))
    assert sizes == [1, 8]
    await opened.close()


async def test_a_transaction_takes_no_more_commits_than_it_should(file, monkeypatch):
    opened, sizes, apply = await filled(file, 0), [], group.apply

    def counted(connection, commits, revision):
        sizes.append(len(commits))
        return apply(connection, commits, revision)

    monkeypatch.setattr(group, "apply", counted)
    many = await asyncio.gather(*(opened.commit([Put(f"/{number}", b"v")]) for number in range(1200)))
    assert many == list(range(1, 1201))
    assert max(sizes) == 512
    assert sum(sizes) == 1200
    await opened.close()
