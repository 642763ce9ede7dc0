"""How many lists and objects a JSON body holds, found without making them.

A parser holds the interpreter from a body's first byte to its last, and what it takes is in the containers: three
MiB of `[],` keep everybody waiting for a quarter of a second. What has more of them than any object is refused before
it is parsed. Bodies that could not hold so many cost two searches for a byte; the others are gone through string by
string, in steps that let other threads in. Whether a body is JSON at all is not asked here.
"""

from __future__ import annotations

from typing import Final

from bascule.vocabulary import errors

LISTS_MAX: Final = 100_000
OBJECTS_MAX: Final = 250_000
"""Of an object with as many fields as one may have, and its managed fields, which the bytes of a body bound."""


def check(body: bytes, depth_max: int) -> None:
    """413 for a body of more lists or objects than that, not counting brackets within strings.

    400 where those that are still open by then nest deeper than `depth_max`.
    """
    if body.count(b"[") <= LISTS_MAX and body.count(b"{") <= OBJECTS_MAX:
        return
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # No quote is left that does not begin or end a string.
    lists = objects = closed = at = 0
    while at >= 0:
        begin = plain.find(b'"', at)
        end = len(plain) if begin < 0 else begin
        lists += plain.count(b"[", at, end)
        objects += plain.count(b"{", at, end)
        closed += plain.count(b"]", at, end) + plain.count(b"}", at, end)
        if lists > LISTS_MAX or objects > OBJECTS_MAX:
            if lists + objects - closed > depth_max:
                raise too_deep(depth_max)
            raise errors.too_large(f"a body may have {LISTS_MAX} lists and {OBJECTS_MAX} objects")
        at = -1 if begin < 0 else plain.find(b'"', begin + 1) + 1 or -1


def too_deep(depth_max: int) -> errors.StatusError:
    return errors.bad_request(f"the body is nested deeper than {depth_max} levels; flatten it")
