"""The C library's heap, told to give large blocks back to the system as soon as they are free.

By itself it learns from the first large block that such come again, and keeps the room of all that follow: after a
definition of 2 MB there are 30 MB that nobody uses.
"""

from __future__ import annotations

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 1024 * 1024


def give_back() -> None:
    """For the whole process, from now on. Where the C library is not glibc's, nothing happens."""
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        adjust(_MMAP_THRESHOLD, _LARGE_BYTES)
        adjust(_TRIM_THRESHOLD, _LARGE_BYTES)
