"""Identity files on disk: written whole or not at all, keys readable by their owner only."""

import os
import secrets
from pathlib import Path

from bascule.bridge.identity import faults

KEY_MODE = 0o600
PUBLIC_MODE = 0o644


def write(path: Path, content: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """Replaces `path` atomically and durably; the mode holds from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def write_key(path: Path, content: bytes) -> None:
    write(path, content, mode=KEY_MODE)


def read(path: Path) -> bytes:
    """Raises IdentityError, with what to do, when the file is missing or unreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise faults.IdentityError(f"{path} is missing; start with `bascule up`, which creates it") from error
    except OSError as error:
        raise faults.IdentityError(f"{path} cannot be read ({error.strerror}); check its owner and mode") from error


def read_optional(path: Path) -> bytes | None:
    return read(path) if path.exists() else None


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
