"""The drawbridge itself: raised on purpose, no node is let in; the setting outlives this process."""

from __future__ import annotations

from pathlib import Path

from bascule.bridge.identity import files

RAISED = "the bridge is raised"


class Gate:
    """Raised exactly while the file exists."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "control" / "bridge-raised"
        self.raised = self._file.exists()

    def raise_(self) -> None:
        files.write(self._file, b"raised by an operator; `bascule bridge lower` lets nodes in again\n")
        self.raised = True

    def lower(self) -> None:
        self._file.unlink(missing_ok=True)
        self.raised = False
