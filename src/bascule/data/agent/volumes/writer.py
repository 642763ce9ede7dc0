"""Puts a volume's files on disk so that readers see all of the old or all of the new, never a mixture.

The files live in a directory of their own, `..data` is a link to it that is replaced by a rename, and
the visible names are links through `..data`; a process that keeps the directory open sees updates.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from bascule.data.agent.volumes.payload import File

DATA = "..data"


def write(directory: Path, files: Mapping[str, File], *, group: int | None = None) -> bool:
    """True if anything changed. `group` owns the files, as fsGroup asks."""
    directory.mkdir(parents=True, exist_ok=True)
    current = directory / DATA
    if current.is_dir() and _holds(current, files):
        return False
    number = 0
    while (fresh := directory / f"..{number:06d}").exists():
        number += 1
    fresh.mkdir()
    for path, file in files.items():
        target = fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(file.content)
            os.fchmod(out.fileno(), file.mode | (0o040 if group is not None else 0))
            if group is not None or file.user is not None:
                _give(out.fileno(), file.user, group)
    old = os.readlink(current) if current.is_symlink() else None
    link = directory / "..data_new"
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    link.rename(current)
    _link_names(directory, files)
    if old is not None:
        shutil.rmtree(directory / old, ignore_errors=True)
    return True


def _give(descriptor: int, user: int | None, group: int | None) -> None:
    try:
        os.fchown(descriptor, -1 if user is None else user, -1 if group is None else group)
    except PermissionError:
        return  # without root there is only one user anyway


def _holds(current: Path, files: Mapping[str, File]) -> bool:
    present = {str(path.relative_to(current)) for path in current.rglob("*") if path.is_file()}
    if present != set(files):
        return False
    return all(
        (current / path).read_bytes() == file.content
        and (current / path).stat().st_mode & 0o777 & ~0o040 == file.mode & ~0o040
        for path, file in files.items()
    )


def _link_names(directory: Path, files: Mapping[str, File]) -> None:
    tops = {path.split("/")[0] for path in files}
    for top in tops:
        link = directory / top
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{top}")
    for entry in directory.iterdir():
        if not entry.name.startswith("..") and entry.name not in tops:
            entry.unlink()
