"""The inputs that are kept: a folder for each target, a file for each input, named by its content's hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).parent / "corpus"


def inputs(target: str) -> list[bytes]:
    """In the order of their names, so that a seed of the random source makes the same run everywhere."""
    return [path.read_bytes() for path in sorted((ROOT / target).glob("*"))]


def keep(target: str, content: bytes) -> Path:
    path = ROOT / target / hashlib.sha256(content).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
