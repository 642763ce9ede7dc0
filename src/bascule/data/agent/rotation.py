"""Keeps container logs from filling the disk: set aside at 10 MiB, at most five files for each run."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from bascule.data.agent.host import Host
from bascule.data.agent.pods import model
from bascule.data.agent.pods.worker import Worker
from bascule.data.runtime import contract, logs
from bascule.vocabulary import objects

_log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
LARGEST_BYTES = 10 * 1024 * 1024
OLD_FILES = 4


async def rotate(host: Host, workers: Iterable[Worker], largest_bytes: int = LARGEST_BYTES) -> int:
    """One round; how many logs were set aside."""
    count = 0
    for worker in list(workers):
        key = objects.key(worker.pod)
        folder = host.log_directory(key.namespace, key.name, worker.uid)
        for run in worker.view.containers:
            path = folder / run.name / f"{run.attempt}.log"
            try:
                if not model.is_live(run) or path.stat().st_size <= largest_bytes:
                    continue
                logs.rotate(path, time.time_ns(), keep=OLD_FILES)
                await host.runtime.reopen_log(run.id)
                count += 1
            except (OSError, contract.RuntimeFault) as error:
                _log.debug("log not rotated", extra={"log": str(path), "error": str(error)})
    return count
