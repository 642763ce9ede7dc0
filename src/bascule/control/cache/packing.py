"""Bodies made small: deflated against a dictionary of typical objects, of which most of any object is a repetition.

A Pod of 6 KB becomes 500 bytes; packing costs some 20 µs, unpacking 5. ``dictionary.json`` is a part of the stored
form: whatever was packed with it can only be unpacked with it, so it must never change. A better one is another form.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

import orjson

_WINDOW_BITS: Final = -14  # Negative: raw, as the store has its own checksum.
_LEVEL: Final = 2
_MEMORY_LEVEL: Final = 5  # Small tables: they are copied for each body.
DICTIONARY: Final = b"".join(map(orjson.dumps, orjson.loads(Path(__file__).with_name("dictionary.json").read_bytes())))
_PRIMED = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)


def pack(body: bytes) -> bytes:
    packer = _PRIMED.copy()
    return packer.compress(body) + packer.flush()


def unpack(packed: bytes, size: int = 0) -> bytes:
    """The inverse of ``pack``, or its first ``size`` bytes; raises zlib.error for what is not its result."""
    return zlib.decompressobj(_WINDOW_BITS, DICTIONARY).decompress(packed, size)
