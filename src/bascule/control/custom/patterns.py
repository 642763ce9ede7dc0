"""Regular expressions that users write, matched in time linear in the text: RE2, whose syntax is Go's.

Nothing here backtracks, so no pattern of a schema can hold up the server. What compiled once is remembered.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable

import re2

from bascule.control.custom import effort

_REMEMBERED = 4096
_INSTRUCTIONS_MAX = 1 << 20
"""Of all remembered patterns together, 16 bytes each."""
_MEMORY_BYTES = 4 << 20
"""What one pattern may take; a larger one does not compile."""
_STEPS_PER_UNIT = 500
"""Instructions times characters that RE2 does, at worst, in a unit of effort."""
_UNCOUNTED = 10
_COMPILE_COST = 3
_TOO_LARGE_COST = 50_000
_lock = threading.Lock()
_kept: OrderedDict[str, re2._Regexp] = OrderedDict()
_size = [0]
"""Of `_kept`, in instructions."""

# RE2's codes, and what Go says in their place: clients know the latter.
_GO_WORDS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "pattern too large - compile failed": "expression too large",
}


def problem(pattern: str) -> str:
    """Why a pattern is none, in Go's words; empty if it is one."""
    try:
        _compiled(pattern)
    except re2.error as error:
        words = error.args[0]
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        code, _, detail = text.partition(": ")
        if code.startswith("trailing"):
            return "error parsing regexp: trailing backslash at end of expression: ``"
        return f"error parsing regexp: {_GO_WORDS.get(code, code)}: `{detail or pattern}`"
    return ""


@functools.lru_cache(maxsize=_REMEMBERED)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text contains a match. A pattern that does not compile matches nothing.

    The work is spent (see `effort`) before it is done.
    """

    def found(text: str) -> bool:
        try:
            compiled = _compiled(pattern)
        except re2.error:
            return False
        encoded = text.encode(errors="surrogatepass")
        work = len(encoded) * compiled.programsize // _STEPS_PER_UNIT
        if work > _UNCOUNTED:
            effort.spend(work)
        return compiled.search(encoded) is not None

    # Values repeat (names, phases, sections): short ones are remembered.
    remembered = functools.lru_cache(maxsize=512)(found)
    return lambda text: remembered(text) if len(text) < 256 else found(text)


def _compiled(pattern: str) -> re2._Regexp:
    with _lock:
        kept = _kept.get(pattern)
        if kept is not None:
            _kept.move_to_end(pattern)
            return kept
    try:
        made = _compile(pattern)
    except re2.error as error:
        if "too large" in str(error):
            effort.spend(_TOO_LARGE_COST)
        raise
    effort.spend(_COMPILE_COST * made.programsize)
    with _lock:
        if pattern not in _kept:
            _kept[pattern] = made
            _size[0] += made.programsize
        while len(_kept) > _REMEMBERED or _size[0] > _INSTRUCTIONS_MAX:
            _size[0] -= _kept.popitem(last=False)[1].programsize
    return made


def _compile(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY_BYTES
    return re2.compile(pattern.encode(errors="surrogatepass"), options)
