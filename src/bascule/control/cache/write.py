"""One object's part in a commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from bascule.control.cache import record
from bascule.vocabulary import objects


class Write(NamedTuple):
    """``draft`` None deletes. ``expected``: None any, 0 absent, or the version to replace.

    ``final`` is what a deletion shows as its last content, where that is not the content before it; needs a version.
    """

    resource: str
    key: objects.Key
    draft: record.Draft | None
    expected: int | None
    final: record.Draft | None = None


Commit = Callable[[Sequence[Write]], Awaitable[list[record.Record | None]]]
