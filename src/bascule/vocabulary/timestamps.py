"""RFC 3339 as the Kubernetes API writes it: whole seconds for ``Time``, microseconds for ``MicroTime``."""

from __future__ import annotations

from datetime import UTC, datetime


def format(moment: datetime) -> str:
    """``2026-11-22T10:00:00Z``; fractions of a second are cut."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro(moment: datetime) -> str:
    """``2026-11-22T10:00:00.000000Z``, always six digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """A timestamp of either form, with any offset and up to nanoseconds (cut to micro). Raises ValueError."""
    head, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{head}.{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it as 2026-11-22T10:00:00Z")
    return moment.astimezone(UTC)
