"""Expected texts kept in files beside their tests; `make bless` rewrites them, and a reviewer reads the difference."""

from __future__ import annotations

import os
from pathlib import Path


def check(path: Path, seen: str) -> None:
    """Compares with the golden file; under BASCULE_BLESS=1 makes the file say what was seen."""
    if os.environ.get("BASCULE_BLESS") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(seen)
        return
    assert path.exists(), f"{path.name} does not exist yet; make bless writes it"
    assert seen == path.read_text(), f"differs from {path.name}; if that is meant, make bless and read the difference"
