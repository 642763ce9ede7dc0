"""Rules of paths and keys inside pods: files of volumes, mounts, profiles."""

from __future__ import annotations

from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def no_back_steps(path: str, value: str) -> Causes:
    if ".." in value.split("/"):
        yield errors.invalid_value(path, value, "must not contain '..'")


def descending(path: str, value: str) -> Causes:
    """Relative, and never upwards."""
    if value.startswith("/"):
        yield errors.invalid_value(path, value, "must be a relative path")
    yield from no_back_steps(path, value)


def unreserved(path: str, value: str) -> Causes:
    """A file inside a volume; names that start with `..` belong to the volume's own machinery."""
    yield from descending(path, value)
    if value.startswith("..") and not value.startswith("../"):
        yield errors.invalid_value(path, value, "must not start with '..'")


def mode(path: str, value: object) -> Causes:
    """A file's permission bits."""
    if type(value) is int and not 0 <= value <= 0o777:
        yield errors.invalid_value(path, value, _MODE)
