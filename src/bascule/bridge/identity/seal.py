"""A note that files were examined and found sound: what they held, what was wanted of them, and how long it is good.

It saves work, and proves nothing: whoever can write it can write the files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from bascule.bridge.identity import faults, files

_FORM: Final = "1"
"""Of the note and of what is examined: another one has everything examined again."""


def put(note: Path, sealed: Iterable[Path], wanted: Sequence[str], until: datetime) -> None:
    said = {"digest": _digest(sealed, wanted), "until": until.timestamp()}
    files.write(note, orjson.dumps(said), mode=files.KEY_MODE)


def until(note: Path, sealed: Iterable[Path], wanted: Sequence[str], now: datetime) -> datetime | None:
    """Until when the note is good; None when it is not."""
    try:
        said = orjson.loads(files.read(note))
        good = datetime.fromtimestamp(said["until"], UTC)
        return good if now < good and said["digest"] == _digest(sealed, wanted) else None
    except (faults.IdentityError, ValueError, TypeError, KeyError, OverflowError):
        return None


def _digest(sealed: Iterable[Path], wanted: Sequence[str]) -> str:
    digest = hashlib.sha256(orjson.dumps([_FORM, *wanted]))
    for path in sealed:
        digest.update(orjson.dumps([path.name, hashlib.sha256(files.read(path)).hexdigest()]))
    return digest.hexdigest()
