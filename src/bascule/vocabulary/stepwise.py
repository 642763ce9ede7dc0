"""JSON decoded in steps, between which other threads get their turn.

A parser holds the interpreter from a text's first byte to its last, and takes a dozen times its size besides what it
makes: 2 MB of small objects are 40 ms and 25 MB. A long text is therefore taken apart first, which is quickly done as
nothing is made of its members, and these are decoded a hundred KB at a time. Values and errors are `orjson`'s.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    import msgspec

STEP_BYTES: Final = 128 * 1024
"""What is decoded in one go: some 3 ms at most."""
FEW: Final = 4_000
"""So many lists and objects are made in some ms; texts and numbers are quicker made than taken apart."""
_LEVELS_MAX: Final = 16
"""How deep what is large is looked for: each level is one more look at all below it."""
_MEMBERS_MAX: Final = 500_000
"""More would take more memory apart than together."""


def loads(text: bytes) -> Any:
    """What `orjson.loads` makes of it, which may nest a few levels deeper."""
    if len(text) <= STEP_BYTES or text.count(b"{") + text.count(b"[") <= FEW or text.count(b",") > _MEMBERS_MAX:
        return orjson.loads(text)
    try:
        return _value(text.lstrip(b" \t\r\n"), 0)
    except (ValueError, RecursionError):  # It is no JSON: the words for that are the parser's.
        return orjson.loads(text)


class _Name:
    """A member's, each unlike all others: what is given twice is looked at twice, as it may be no JSON."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


@functools.cache
def _decoders() -> tuple[
    Callable[[bytes | msgspec.Raw], dict[_Name, msgspec.Raw]], Callable[[bytes | msgspec.Raw], list[msgspec.Raw]]
]:
    """Of an object and of a list, whose members stay as they are. Imported with the first long text."""
    import msgspec

    members = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=lambda _, text: _Name(text))
    return members.decode, msgspec.json.Decoder(list[msgspec.Raw]).decode


def _value(text: bytes | msgspec.Raw, level: int) -> Any:
    first = bytes(memoryview(text)[:1])
    if level < _LEVELS_MAX and first == b"{":
        members = _decoders()[0](text)
        names = [name.text for name in members]
        return dict(zip(names, _values(members.values(), level + 1), strict=True))
    if level < _LEVELS_MAX and first == b"[":
        return list(_values(_decoders()[1](text), level + 1))
    return orjson.loads(memoryview(text))


def _values(texts: Iterable[msgspec.Raw], level: int) -> Iterator[Any]:
    """Of each its value, those of many small ones made together."""
    small: list[msgspec.Raw] = []
    size_bytes = 0
    for text in texts:
        length = len(text)
        if size_bytes + length > STEP_BYTES:
            yield from _together(small)
            small, size_bytes = [], 0
        if length > STEP_BYTES:
            yield _value(text, level)
        else:
            small.append(text)
            size_bytes += length + 1
    yield from _together(small)


def _together(texts: list[msgspec.Raw]) -> list[Any]:
    values: list[Any] = orjson.loads(b"[%b]" % b",".join(texts)) if texts else []
    return values
