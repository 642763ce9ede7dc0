"""Whether the store has gone back in time: a node knows of a newer revision of the same epoch than the store has.

Then what the store lacks may be what it has forgotten, and stays suspect when its revisions have caught up. So it is
remembered on disk, and ends only with a new epoch, which is what a proper restore begins.
"""

from __future__ import annotations

import logging
from pathlib import Path

from bascule.bridge import messages
from bascule.bridge.identity import files

_log = logging.getLogger(__name__)


class Regression:
    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "control" / "store-went-back"
        self._seen = self._read()

    def holds(self, installation: str, epoch: int) -> bool:
        return self._seen is not None and self._seen[:2] == (installation, epoch)

    def found(self, seen: messages.Position, revision: int) -> None:
        """A node has seen `seen`; the store is at `revision` only."""
        _log.error(
            "the store has gone back in time: it is at revision %d, a node has seen %s. Nothing is removed from any "
            "node in this epoch any more. Restore the newest copy there is as a new epoch",
            revision,
            seen.text(),
        )
        self._seen = seen
        try:
            files.write(self._file, seen.text().encode())
        except OSError as error:
            _log.error("this cannot be remembered over a restart: %s", error)

    def _read(self) -> messages.Position | None:
        try:
            return messages.Position.parse(self._file.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.error("%s cannot be read: %s", self._file, error)
            return None
