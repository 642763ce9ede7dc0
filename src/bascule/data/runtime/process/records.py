"""What the process driver keeps on disk: one directory for each sandbox and each container.

A record is complete or absent (written aside, then renamed). State is derived, never stored: a
container is running while its shim, named by pid and start time, is alive; it has exited once
`exit.json` exists; a shim that vanished without one was killed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bascule.data.runtime import contract

KILLED = 137


def moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def write(path: Path, value: dict[str, Any]) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(value))
    fresh.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """The record, or None when there is none or it cannot be read."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def start_time(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def is_alive(pid: int, started: int) -> bool:
    """Whether that very process lives; a zombie does not."""
    if start_time(pid) != started:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def save_sandbox(root: Path, sandbox: contract.Sandbox, log_directory: str) -> None:
    directory = root / "sandboxes" / sandbox.id
    directory.mkdir(parents=True)
    record = asdict(sandbox) | {"created_at": sandbox.created_at.timestamp(), "log_directory": log_directory}
    write(directory / "sandbox.json", record)


def sandboxes(root: Path) -> Iterator[tuple[contract.Sandbox, str]]:
    """Each sandbox with its log directory."""
    for path in sorted((root / "sandboxes").glob("*/sandbox.json")):
        record = read(path)
        if record is None:
            continue
        logs = record.pop("log_directory")
        created = datetime.fromtimestamp(record.pop("created_at"), UTC)
        yield contract.Sandbox(created_at=created, **record), logs


def mark_stopped(root: Path, sandbox_id: str) -> None:
    path = root / "sandboxes" / sandbox_id / "sandbox.json"
    record = read(path)
    if record is not None and record["ready"]:
        write(path, record | {"ready": False})


def save_container(directory: Path, container: contract.Container, spec: dict[str, Any]) -> None:
    """`spec` is what the shim reads."""
    fresh = directory.with_name("." + directory.name)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / "root").mkdir()
    for link, target in spec.pop("links"):
        place = fresh / "root" / link.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to(target)
    write(fresh / "spec.json", spec)
    record = asdict(container) | {"created_at": container.created_at.timestamp()}
    write(fresh / "container.json", record)
    fresh.rename(directory)


def container(directory: Path) -> contract.Container | None:
    """The container with its present state."""
    record = read(directory / "container.json")
    if record is None:
        return None
    created = datetime.fromtimestamp(record.pop("created_at"), UTC)
    record |= {"state": contract.State.CREATED, "annotations": tuple(map(tuple, record["annotations"]))}
    base = contract.Container(created_at=created, **record)
    state = read(directory / "state.json")
    ended = read(directory / "exit.json")
    if state is None and ended is None:
        return base
    started = moment(state["started_ns"]) if state else None
    if ended is None and state is not None and is_alive(state["shim"], state["shim_start"]):
        return replace(base, state=contract.State.RUNNING, started_at=started)
    if ended is None:  # the shim may have written its last word between the two looks
        ended = read(directory / "exit.json")
    if ended is None:
        file = directory / "state.json"
        ended = {"exit_code": KILLED, "finished_ns": file.stat().st_mtime_ns, "reason": "Error"}
    code = ended["exit_code"]
    reason = ended.get("reason") or ("Completed" if code == 0 else "Error")
    return replace(
        base,
        state=contract.State.EXITED,
        started_at=started,
        finished_at=moment(ended["finished_ns"]),
        exit_code=code,
        reason=reason,
        message=ended.get("message", ""),
    )


def containers(root: Path) -> Iterator[contract.Container]:
    directory = root / "containers"
    if not directory.is_dir():
        return
    for entry in sorted(os.scandir(directory), key=lambda item: item.name):
        if not entry.name.startswith(".") and (found := container(Path(entry.path))) is not None:
            yield found
