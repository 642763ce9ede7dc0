"""Bodies made small: packed against a dictionary of typical objects, of which most of any object is a repetition.

A Pod of 6 KB becomes 500 bytes; packing costs some 5 µs, unpacking 1. ``dictionary.json`` is a part of the stored
form: whatever was packed with it can only be unpacked with it, so it must never change. A better one is another form.
Stores that were written before zstd came hold deflated bodies, which are still read.
"""

from __future__ import annotations

import threading
import zlib
from pathlib import Path
from typing import Final

import orjson
import zstandard

_WINDOW_BITS: Final = -14  # Negative: raw, as the store has its own checksum.
DICTIONARY: Final = b"".join(map(orjson.dumps, orjson.loads(Path(__file__).with_name("dictionary.json").read_bytes())))
_HOW: Final = zstandard.ZstdCompressionParameters.from_level(
    3,
    # Tables of 32 KiB hold all of the dictionary and stay in a core's caches; matches below six bytes do not pay.
    hash_log=13,
    chain_log=13,
    min_match=6,
    dict_size=len(DICTIONARY),
    source_size=2048,
    strategy=zstandard.STRATEGY_DFAST,
    write_dict_id=False,
)
_SHARED: Final = zstandard.ZstdCompressionDict(DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_SHARED.precompute_compress(compression_params=_HOW)


class _Contexts(threading.local):
    """Of each thread its own: the library works on them without the interpreter's lock."""

    def __init__(self) -> None:
        self.pack = zstandard.ZstdCompressor(compression_params=_HOW, dict_data=_SHARED).compress
        self.unpack = zstandard.ZstdDecompressor(dict_data=_SHARED).decompress


_contexts = _Contexts()


def pack(body: bytes) -> bytes:
    return _contexts.pack(body)


def unpack(packed: bytes) -> bytes:
    """The inverse of ``pack``; raises zstandard.ZstdError for what is not its result."""
    return _contexts.unpack(packed)


def inflate(deflated: bytes, size: int = 0) -> bytes:
    """A body of the older form, or its first ``size`` bytes; raises zlib.error for what is none."""
    return zlib.decompressobj(_WINDOW_BITS, DICTIONARY).decompress(deflated, size)
