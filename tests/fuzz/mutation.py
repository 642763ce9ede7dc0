"""Inputs made from others: cut, doubled, spliced, flipped, and sprinkled with what decoders stumble over."""

from __future__ import annotations

import random
from collections.abc import Sequence

LONGEST_BYTES = 16 * 1024

# fmt: off
TOKENS: tuple[bytes, ...] = (
    b"null", b"true", b"{}", b"[]", b'""', b"-0", b"1e999", b"NaN", b"-1", b"9223372036854775808", b"0x1F",
    b"1_000", b'"$patch":"delete"', b'"$patch":"replace"', b'"$retainKeys":["a"]',
    b'"$setElementOrder/containers":[{}]', b'{"op":"copy","from":"","path":"/a"}',
    b'{"op":"move","from":"/spec","path":"/spec/x"}', b'"f:spec":{}', b'"k:{', b"&a [*a]", b"<<: *a",
    b"!!binary x", b"? ", b"---\n", b"...\n", b"\t", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90",
    b"k8s\x00", b"\n\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", b"%00", b"%2f",
    b"..", b"//", b",", b"!", b"=", b" in (", b")", b";as=Table;g=meta.k8s.io;v=v1", b";q=nan", b"Ki", b"e18",
    b"n", b"+", b"Z", b"24:00", b"T", b"0000", b"e30", b"==",
)
# fmt: on


def mutated(source: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One new input, of bounded length."""
    content = bytearray(source.choice(seeds))
    for _ in range(source.randrange(1, 6)):
        at = source.randrange(len(content) + 1)
        match source.randrange(7):
            case 0:
                content[at:at] = source.choice(TOKENS)
            case 1:
                del content[at : at + source.randrange(1, 16)]
            case 2 if content:
                content[at % len(content)] ^= 1 << source.randrange(8)
            case 3:
                piece = content[at : at + source.randrange(1, 64)]
                content[at:at] = bytes(piece) * source.randrange(1, 5)
            case 4:
                other = source.choice(seeds)
                content[at:] = other[source.randrange(len(other) + 1) :]
            case 5:
                content[at : at + 1] = bytes([source.randrange(256)])
            case _:
                content[at : at + source.randrange(8)] = source.choice(TOKENS)
    return bytes(content[:LONGEST_BYTES])
