"""Looks at the runtime, once for all pods, when something changed; numbers what it saw.

A snapshot's number is that of its beginning: whoever finished an action waits for a snapshot whose
number is at least `next_number` as of then, and so never acts on what was seen before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bascule.data.agent.pods.model import View
from bascule.data.runtime import contract
from bascule.vocabulary import clock as clocks

_log = logging.getLogger(__name__)

GATHER_SECONDS = 0.02
RELIST_SECONDS = 30.0
RETRY_SECONDS = 1.0


class Observer:
    def __init__(self, runtime: contract.Runtime, seen: Callable[[set[str]], None], clock: clocks.Clock) -> None:
        self._runtime = runtime
        self._seen = seen  # told which pods' views differ from before
        self._clock = clock
        self._asked = asyncio.Event()
        self.next_number = 1
        self.number = 0
        self.views: dict[str, View] = {}
        self.problem = ""
        self._waiting: set[str] = set()  # pods that wait for a newer snapshot, changed or not

    def ask(self, uid: str) -> int:
        """Have a new look; returns the number the asker has to wait for."""
        self._waiting.add(uid)
        self._asked.set()
        return self.next_number

    async def run(self) -> None:
        while True:
            self._asked.clear()
            number, self.next_number = self.next_number, self.next_number + 1
            waiting, self._waiting = self._waiting, set()
            try:
                seen = await self._runtime.observe()
            except (contract.RuntimeFault, OSError) as error:
                if str(error) != self.problem:
                    _log.error("the runtime does not answer", extra={"error": str(error)})
                self.problem = str(error)
                self._waiting |= waiting
                await self._clock.sleep(RETRY_SECONDS)
                continue
            self.problem = ""
            before, self.views = self.views, by_pod(seen)
            self.number = number
            differing = {uid for uid in before.keys() | self.views.keys() if before.get(uid) != self.views.get(uid)}
            self._seen(differing | waiting)
            await self._wait()

    async def _wait(self) -> None:
        """Until something changed or someone asks; changes close together are seen together."""
        tasks = [asyncio.create_task(self._runtime.wait_changed()), asyncio.create_task(self._asked.wait())]
        try:
            await asyncio.wait(tasks, timeout=RELIST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(GATHER_SECONDS)


def by_pod(seen: contract.Observation) -> dict[str, View]:
    sandboxes: dict[str, list[contract.Sandbox]] = {}
    containers: dict[str, list[contract.Container]] = {}
    for box in seen.sandboxes:
        sandboxes.setdefault(box.uid, []).append(box)
    for run in seen.containers:
        containers.setdefault(run.uid, []).append(run)
    return {
        uid: View(tuple(sandboxes.get(uid, ())), tuple(containers.get(uid, ())))
        for uid in sandboxes.keys() | containers.keys()
    }
