"""Puts plans in force through ``nft``, incrementally, and puts them back when someone flushes them.

Invariant: the kernel holds the last enforced plan. A failed increment is followed by a full replacement in one
transaction; where that fails too, the former rules stay and the caller is told. Needs root (CAP_NET_ADMIN).
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections import deque

from bascule.data.network import contract
from bascule.data.network.nftables import guard, layout
from bascule.data.network.plan import Plan

logger = logging.getLogger(__name__)

TRANSACTION_TIMEOUT_SECONDS = 60.0
REASSERT_PAUSE_SECONDS = 0.2
"""After someone else's commit, this much quiet before we look: a ruleset reload is a burst of commits."""


class NftablesEngine:
    """One table named for its node. Plans are enforced one at a time."""

    def __init__(self, table: str, addresses: layout.Addresses, *, nft: str = "nft") -> None:
        self.table = table
        self._addresses = addresses
        self._nft = shutil.which(nft) or f"/usr/sbin/{nft}"
        self._ids = layout.Ids()
        self._plan: Plan | None = None
        self._lock = asyncio.Lock()
        self._own_process_ids: deque[int] = deque(maxlen=64)
        self.reassertions = 0

    async def enforce(self, plan: Plan) -> None:
        async with self._lock:
            before = self._plan
            if before is not None:
                transaction = layout.difference(self.table, before, plan, self._ids)
                try:
                    if transaction:
                        await self._commit(transaction)
                    self._accept(plan)
                    return
                except contract.EngineError as error:
                    logger.warning("an increment was refused, replacing the whole table: %s", error)
            await self._replace(plan)

    async def run(self) -> None:
        watch = guard.Guard()
        try:
            while True:
                await watch.changed(set(self._own_process_ids))
                await asyncio.sleep(REASSERT_PAUSE_SECONDS)
                async with self._lock:
                    if self._plan is not None and not await self._intact():
                        self.reassertions += 1
                        logger.warning("table %s was changed by another program; putting it back", self.table)
                        try:
                            await self._replace(self._plan)
                        except contract.EngineError:
                            logger.exception("could not put table %s back; trying at the next change", self.table)
        finally:
            watch.close()

    async def remove(self) -> None:
        async with self._lock:
            self._plan = None
            await self._commit(f"add table ip {self.table}\ndelete table ip {self.table}\n")

    async def _replace(self, plan: Plan) -> None:
        ids = layout.Ids()
        await self._commit(layout.full(self.table, plan, ids, self._addresses))
        self._ids = ids
        self._accept(plan)

    def _accept(self, plan: Plan) -> None:
        self._plan = plan
        self._ids.keep_only(plan.targets)

    async def _intact(self) -> bool:
        """Whether the kernel still lists as many elements, map by map, and as many hooks as our last commit left."""
        assert self._plan is not None
        code, listed, _ = await self._run(("-j", "list", "table", "ip", self.table))
        if code != 0:
            return False
        items = json.loads(listed)["nftables"]
        held = [item.get("map") or item.get("set") for item in items]
        counts = {part["name"]: len(part.get("elem") or ()) for part in held if part}
        wanted = layout.elements(self._plan, self._ids)
        hooks = sum("hook" in item.get("chain", {}) for item in items)
        in_chains = [item["rule"]["chain"] for item in items if "rule" in item]
        fixed = sum(not chain.startswith(layout.PICKING) for chain in in_chains)
        picking = {chain for chain in in_chains if chain.startswith(layout.PICKING)}
        return (
            hooks == layout.HOOKS
            and fixed == layout.FIXED_RULES
            and picking >= layout.chains(self._plan).keys() | layout.remembering(self._plan).keys()
            and all(counts.get(name, -1) == len(entries) for name, entries in wanted.items())
        )

    async def _commit(self, transaction: str) -> None:
        code, _, errors = await self._run(("-f", "-"), transaction)
        if code != 0:
            raise contract.EngineError(f"nft refused the transaction for table {self.table}: {errors.strip()[:500]}")

    async def _run(self, arguments: tuple[str, ...], text: str = "") -> tuple[int, str, str]:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(self._nft, *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise contract.EngineError(f"cannot run {self._nft}: {error}; install the package nftables") from error
        self._own_process_ids.append(process.pid)
        try:
            async with asyncio.timeout(TRANSACTION_TIMEOUT_SECONDS):
                output, errors = await process.communicate(text.encode())
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise contract.EngineError(f"nft took longer than {TRANSACTION_TIMEOUT_SECONDS:g} s") from error
        return process.returncode or 0, output.decode(), errors.decode()
