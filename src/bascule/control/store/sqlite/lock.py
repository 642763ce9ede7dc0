"""One process at a time: a lock file beside the database, held as long as the store is open.

The kernel releases the lock when its holder dies, so a stale file never stands in the way.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bascule.control.store import contract


class Lock:
    def __init__(self, database: Path) -> None:
        self._file = database.with_name(database.name + ".lock")
        self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise contract.StoreLocked(
                f"{database} is open in another process (pid {holder}): "
                "stop that one first, or give this one a data directory of its own"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)
