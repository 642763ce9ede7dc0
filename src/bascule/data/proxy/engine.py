"""Services through Envoy where the kernel may not be told: the engine of nodes without root.

``enforce`` returns when Envoy shows the versions of the files as loaded. Addresses are loopback ones, which every user
may bind; ports below the kernel's privileged bound are left out and named.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from bascule.data.network.contract import EngineError
from bascule.data.network.plan import Plan
from bascule.data.proxy import render
from bascule.data.proxy.envoy import Envoy

logger = logging.getLogger(__name__)

LOADED_SECONDS = 10.0
POLL_SECONDS = 0.02
RESTART_PAUSE_SECONDS = 0.5
UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
STATISTICS = "version_text$|(lds|cds).update_rejected$"


def privileged_below() -> int:
    """The lowest port this user may bind."""
    if os.geteuid() == 0:
        return 1
    try:
        return int(UNPRIVILEGED.read_text())
    except (OSError, ValueError):
        return 1024


class ProxyEngine:
    def __init__(self, binary: str, directory: Path, node_name: str, *, any_address: str = "127.0.0.1") -> None:
        self._directory = directory
        self._node_name = node_name
        self._any_address = any_address
        self._envoy = Envoy(binary, directory)
        self._lock = asyncio.Lock()
        self._written: dict[str, bytes] = {}
        self._problems: tuple[str, ...] = ()

    async def enforce(self, plan: Plan) -> None:
        async with self._lock:
            rendered = render.files(
                plan,
                directory=self._directory,
                any_address=self._any_address,
                privileged_below=privileged_below(),
            )
            self._report(rendered.problems)
            changed = self._write(rendered.files)
            running = self._envoy.process_id() is not None
            if not running:
                self._envoy.start()
            if not running:
                changed = set(rendered.files)
            if changed:
                await self._loaded(render.versions(rendered.files, changed))
            self._sweep(rendered.files)

    async def run(self) -> None:
        """Starts Envoy again whenever it ends."""
        while True:
            await self._envoy.gone()
            await asyncio.sleep(RESTART_PAUSE_SECONDS)
            async with self._lock:
                if self._written and self._envoy.process_id() is None:
                    logger.warning("Envoy ended; starting it again from its files")
                    try:
                        self._envoy.start()
                    except EngineError:
                        logger.exception("Envoy cannot be started")

    async def remove(self) -> None:
        async with self._lock:
            self._written = {}
            await self._envoy.stop()

    def _report(self, problems: tuple[str, ...]) -> None:
        for problem in problems if problems != self._problems else ():
            logger.warning("%s", problem)
        self._problems = problems

    def _write(self, files: dict[str, bytes]) -> set[str]:
        """Replaces what changed, each file in one step; the names of those. Raises EngineError."""
        try:
            (self._directory / render.ENDPOINTS).mkdir(parents=True, exist_ok=True, mode=0o700)
            bootstrap = render.bootstrap(self._directory, self._node_name)
            changed = set()
            for name, content in {"bootstrap.json": bootstrap, **files}.items():
                if self._written.get(name) == content:
                    continue
                temporary = self._directory / "new"
                temporary.write_bytes(content)
                os.replace(temporary, self._directory / name)
                self._written[name] = content
                changed.add(name)
        except OSError as error:
            raise EngineError(f"cannot write Envoy's files: {error}; free space on the node's disk") from error
        return changed

    def _sweep(self, files: dict[str, bytes]) -> None:
        """Removes the endpoints of targets that are no more, once nothing refers to them."""
        for path in (self._directory / render.ENDPOINTS).glob("*.json"):
            name = f"{render.ENDPOINTS}/{path.name}"
            if name not in files:
                path.unlink(missing_ok=True)
                self._written.pop(name, None)

    async def _loaded(self, wanted: dict[str, str]) -> None:
        """Waits until Envoy shows those versions. Raises EngineError when it refuses them or stays silent."""
        rejected: int | None = None
        seen: dict[str, object] = {}
        try:
            async with asyncio.timeout(LOADED_SECONDS):
                while True:
                    try:
                        seen = await self._envoy.statistics(STATISTICS)
                    except EngineError:
                        if self._envoy.process_id() is None:
                            self._envoy.start()
                    if all(seen.get(name) == version for name, version in wanted.items()):
                        return
                    count = sum(v for n, v in seen.items() if n.endswith("rejected") and isinstance(v, int))
                    rejected = count if rejected is None else rejected
                    if count > rejected:
                        break
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            pass
        raise EngineError(f"Envoy does not take its new configuration; see {self._directory / 'envoy.log'}")
