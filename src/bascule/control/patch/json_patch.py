"""JSON patch (RFC 6902), all operations, with bounds against patches made to exhaust the server.

The document is never changed: containers along a patched path are copied once, everything else is shared.
A patch that cannot be applied is 422, one that is no patch at all 400, one too long or growing too much 413.
"""

from __future__ import annotations

from typing import Any

from bascule.vocabulary import errors

OPERATIONS_MAX = 10_000


def apply(document: Any, operations: list[Any]) -> Any:
    """The document after all operations, in order. Raises StatusError (400, 413, 422)."""
    raise NotImplementedError(errors)
