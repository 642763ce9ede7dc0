"""RFC 3339 as the Kubernetes API writes it: whole seconds for ``Time``, microseconds for ``MicroTime``."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")


def format(moment: datetime) -> str:
    """``2026-11-22T10:00:00Z``; fractions of a second are cut."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def format_micro(moment: datetime) -> str:
    """``2026-11-22T10:00:00.000000Z``, always six digits."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse(text: str) -> datetime:
    """A timestamp of either form, with any offset and up to nanoseconds (cut to micro). Raises ValueError."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not a time of RFC 3339; write it as 2026-11-22T10:00:00Z")
    head, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{head}.{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}"
    return datetime.fromisoformat(text).astimezone(UTC)
