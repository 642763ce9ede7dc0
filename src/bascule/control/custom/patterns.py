"""Regular expressions that users write, matched in time linear in the text: RE2, whose syntax is Go's.

Nothing here backtracks, so no pattern of a schema can hold up the server. What compiled once is remembered.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import re2

_REMEMBERED = 4096
_MEMORY_BYTES = 32 << 20
"""What one pattern may take; a larger one does not compile."""

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
    """Whether a text contains a match. A pattern that does not compile matches nothing."""
    try:
        search = _compiled(pattern).search
    except re2.error:
        return lambda text: False

    # Values repeat (names, phases, sections): short ones are remembered.
    @functools.lru_cache(maxsize=512)
    def remembered(text: str) -> bool:
        return search(text.encode(errors="surrogatepass")) is not None

    def matches(text: str) -> bool:
        return remembered(text) if len(text) < 256 else search(text.encode(errors="surrogatepass")) is not None

    return matches


@functools.lru_cache(maxsize=_REMEMBERED)
def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY_BYTES
    return re2.compile(pattern.encode(errors="surrogatepass"), options)
