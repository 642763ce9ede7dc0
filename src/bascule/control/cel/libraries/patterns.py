"""Regular expressions, as RE2 has them: matching takes time linear in the text, whatever the pattern."""

from __future__ import annotations

import functools
from typing import Any

import re2

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError

_MEMORY_BYTES = 2 << 20
_TOO_LARGE_COST = 50_000
"""Of finding out that a pattern is too large."""


@functools.lru_cache(maxsize=256)
def compile(pattern: str) -> Any:
    """Raises EvaluationError when it is none."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeError) as error:
        raise EvaluationError(f"error parsing regexp: {_detail(error)}") from error


def _detail(error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    return detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)


@functools.lru_cache(maxsize=256)
def _search(pattern: str) -> Any:
    """Looks for a match in UTF-8, without remembering where: the fastest way to ask."""
    compile(pattern)
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY_BYTES
    return re2.compile(pattern.encode(errors="surrogatepass"), options=options).search


def matches(text: str, pattern: str) -> bool:
    return _search(pattern)(text.encode(errors="surrogatepass")) is not None


def find(text: str, pattern: str) -> str:
    found = compile(pattern).search(text)
    return found[0] if found is not None else ""


def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    found: list[str] = []
    for match in compile(pattern).finditer(text):
        found.append(match[0])
        if len(found) == limit:
            break
    return found


def _cost(text: Any, pattern: Any, *_: Any) -> int:
    """As upstream has it; more for patterns whose programs are far larger than they look."""
    ordinary = costs.matching(text, pattern)
    if not isinstance(text, str) or not isinstance(pattern, str):
        return ordinary
    try:
        instructions = compile(pattern).programsize
    except EvaluationError as error:
        return ordinary + (_TOO_LARGE_COST if "too large" in str(error) else 0)
    return max(ordinary, costs.pattern_work(len(text), instructions))


LIBRARY = Library()
LIBRARY.add("matches", "string . string -> bool", matches, id="matches_string", cost=_cost)
LIBRARY.add("matches", "string, string -> bool", matches, id="matches", cost=_cost)
LIBRARY.add("find", "string . string -> string", find, id="string_find_string", cost=_cost)
LIBRARY.add("findAll", "string . string -> list<string>", find_all, cost=_cost)
LIBRARY.add("findAll", "string . string, int -> list<string>", find_all, cost=_cost)
