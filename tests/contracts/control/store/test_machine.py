"""Any sequence of operations, on every engine, against a model that remembers every state it was ever in."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bascule.control.store import contract, memory
from bascule.control.store.sqlite import restore, store

KEYS = st.sampled_from(["/p/a", "/p/a-b", "/p/b", "/p/b/c", "/q/a"])
PREFIXES = st.sampled_from(["/", "/p/", "/p/b", "/q/", "/none/"])
VALUES = st.binary(max_size=8)
EXPECTED = st.sampled_from(["any", "absent", "right", "wrong"])
OPERATIONS = st.lists(st.tuples(KEYS, st.none() | VALUES, EXPECTED), min_size=1, max_size=3, unique_by=lambda o: o[0])

State = dict[str, tuple[bytes, int]]


class Machine(RuleBasedStateMachine):
    """``states[revision]`` is everything there was at that revision."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name)
        self.files = 0
        self.runner = asyncio.Runner()
        self.store: contract.Store = self.run(self.open())
        self.newest = 0
        self.compacted = 0
        self.epoch = 1
        self.states: dict[int, State] = {0: {}}
        self.followed: dict[int, tuple[contract.Watch, str, State]] = {}

    async def open(self) -> contract.Store:
        raise NotImplementedError

    async def reopen(self) -> None:
        """Closes and opens again, where the engine can."""

    async def restored(self, snapshot: Path) -> contract.Store:
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        self.directory.cleanup()

    def _operation(self, key: str, value: bytes | None, kind: str) -> contract.Operation:
        current = self.states[self.newest].get(key)
        revision = current[1] if current else contract.ABSENT
        expected = {"any": None, "absent": 0, "right": revision, "wrong": revision + 1}[kind]
        return contract.Delete(key, expected) if value is None else contract.Put(key, value, expected)

    def _model(self, operations: list[contract.Operation]) -> bool:
        now = self.states[self.newest]
        for operation in operations:
            current = now.get(operation.key, (b"", contract.ABSENT))[1]
            if operation.expected not in (None, current):
                return False
        after = dict(now)
        for operation in operations:
            after.pop(operation.key, None)
            if isinstance(operation, contract.Put):
                after[operation.key] = (operation.value, self.newest + 1)
        if after != now:
            self.newest += 1
            self.states[self.newest] = after
        return True

    @rule(wanted=OPERATIONS)
    def commit(self, wanted: Any) -> None:
        operations = [self._operation(*one) for one in wanted]
        if self._model(operations):
            assert self.run(self.store.commit(operations)) == self.newest
        else:
            with pytest.raises(contract.Mismatch) as caught:
                self.run(self.store.commit(operations))
            current = self.states[self.newest].get(caught.value.key)
            assert caught.value.current == (current and contract.Entry(caught.value.key, *current))

    @rule(groups=st.lists(OPERATIONS, min_size=2, max_size=4))
    def commit_together(self, groups: Any) -> None:
        """Concurrent commits are done in the order they were asked for."""
        commits, outcomes = [], []
        for wanted in groups:
            operations = [self._operation(*one) for one in wanted]
            outcomes.append(self.newest if self._model(operations) else None)
            commits.append(operations)

        async def together() -> list[Any]:
            return await asyncio.gather(*map(self.store.commit, commits), return_exceptions=True)

        for outcome, expected in zip(self.run(together()), outcomes, strict=True):
            assert outcome == expected if expected is not None else isinstance(outcome, contract.Mismatch)

    @rule(prefix=PREFIXES, limit=st.integers(0, 3), back=st.integers(0, 6))
    def range(self, prefix: str, limit: int, back: int) -> None:
        revision = max(self.newest - back, 0)
        if revision not in self.states:
            return
        if revision < self.compacted:
            with pytest.raises(contract.Compacted):
                self.run(self.store.range(prefix, revision=revision))
            return
        found, start = [], ""
        while start is not None:
            page = self.run(self.store.range(prefix, start=start, limit=limit, revision=revision))
            assert page.revision == revision
            found += page.entries
            start = page.next
        assert found == [
            contract.Entry(key, *entry)
            for key, entry in sorted(self.states[revision].items())
            if key.startswith(prefix)
        ]

    @rule(back=st.integers(0, 6))
    def compact(self, back: int) -> None:
        revision = self.newest - back
        if revision in self.states:
            self.run(self.store.compact(revision))
            self.compacted = max(self.compacted, revision)
            assert self.store.compacted == self.compacted

    @rule(prefix=PREFIXES, back=st.integers(0, 6))
    def watch(self, prefix: str, back: int) -> None:
        after = max(self.newest - back, 0)
        if after < self.compacted or after not in self.states:
            with pytest.raises(contract.Compacted):
                self.run(self.store.watch(prefix, after=after))
            return
        watch = self.run(self.store.watch(prefix, after=after))
        self.files += 1
        self.followed[self.files] = (watch, prefix, dict(self.states[after]))

    @rule()
    def follow(self) -> None:
        """Replaying a watch's batches over the state it began at gives the state now."""
        for watch, prefix, state in self.followed.values():
            for batch in self.run(_waiting(watch)):
                for change in batch.changes:
                    assert change.revision == batch.revision
                    state.pop(change.key, None)
                    if change.value is not None:
                        state[change.key] = (change.value, change.revision)
            now = {key: entry for key, entry in self.states[self.newest].items() if key.startswith(prefix)}
            assert {key: entry for key, entry in state.items() if key.startswith(prefix)} == now

    @rule()
    def restart(self) -> None:
        self.run(self.reopen())
        self.followed.clear()

    @rule()
    def restore(self) -> None:
        self.files += 1
        snapshot = self.path / f"snapshot-{self.files}"
        self.run(self.store.snapshot(snapshot))
        self.run(self.store.close())
        self.store = self.run(self.restored(snapshot))
        assert self.store.revision > self.newest
        kept = self.states[self.newest]
        self.newest = self.compacted = self.store.revision
        self.states = {self.newest: kept}
        self.epoch += 1
        self.followed.clear()

    @invariant()
    def numbers_agree(self) -> None:
        assert (self.store.revision, self.store.compacted, self.store.epoch) == (
            self.newest,
            self.compacted,
            self.epoch,
        )


async def _waiting(watch: contract.Watch) -> list[contract.Batch]:
    """What the watch has now."""
    reading = asyncio.ensure_future(watch.next_batches())
    await asyncio.sleep(0)
    if reading.done():
        return reading.result()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return []


class MemoryMachine(Machine):
    async def open(self) -> contract.Store:
        return memory.MemoryStore()

    async def reopen(self) -> None:
        pass

    async def restored(self, snapshot: Path) -> contract.Store:
        return memory.restore(snapshot)


class SqliteMachine(Machine):
    async def open(self) -> contract.Store:
        self.file = self.path / "state.db"
        return await store.open_store(self.file)

    async def reopen(self) -> None:
        await self.store.close()
        self.store = await store.open_store(self.file)

    async def restored(self, snapshot: Path) -> contract.Store:
        self.file = self.path / f"restored-{self.files}" / "state.db"
        restore.restore(snapshot, self.file)
        return await store.open_store(self.file)


_LIMITS = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    derandomize=True,
)
MemoryMachine.TestCase.settings = settings(_LIMITS, max_examples=60)
SqliteMachine.TestCase.settings = _LIMITS
TestMemory = pytest.mark.slow(MemoryMachine.TestCase)
TestSqlite = pytest.mark.slow(SqliteMachine.TestCase)
