"""Working on text: parts, search, replacement, joining. Positions count code points."""

from __future__ import annotations

from typing import Any

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.libraries import formatting

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000"
)
_QUOTED = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise EvaluationError(f"index out of range: {index}")
    return text[index : index + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if not part:
        return start
    if not 0 <= start <= len(text):
        raise EvaluationError(f"index out of range: {start}")
    return text.find(part, start)


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return len(text) if not part else text.rfind(part)
    if not part:
        return start
    if not 0 <= start <= len(text):
        raise EvaluationError(f"index out of range: {start}")
    return text.rfind(part, 0, start + len(part))


def _substring(text: str, start: int, end: int | None = None) -> str:
    last = len(text) if end is None else end
    if not 0 <= start <= len(text):
        raise EvaluationError(f"index out of range: {start}")
    if last > len(text) or last < 0:
        raise EvaluationError(f"index out of range: {last}")
    if start > last:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {last}")
    return text[start:last]


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    if limit == 0:
        return text
    count = len(text) + 1 if not old else text.count(old)
    if limit > 0:
        count = min(count, limit)
    costs.bounded(len(text) + count * max(0, len(new) - len(old)))
    return text.replace(old, new, limit if limit > 0 else -1)


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if limit == 1:
        return [text]
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    if limit < 0 or limit >= len(text):
        return list(text)
    return [*text[: limit - 1], text[limit - 1 :]]


def _join(items: Any, separator: str = "") -> str:
    parts = list(items)
    if not all(type(part) is str for part in parts):
        raise EvaluationError("no such overload")
    costs.bounded(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def _quote(text: str) -> str:
    return '"' + "".join(_QUOTED.get(character, character) for character in text) + '"'


LIBRARY = Library()
_add = LIBRARY.add
_add("contains", "string . string -> bool", lambda a, b: b in a, id="contains_string", cost=costs.containing)
_add("startsWith", "string . string -> bool", str.startswith, id="starts_with_string", cost=costs.first_text)
_add("endsWith", "string . string -> bool", str.endswith, id="ends_with_string", cost=costs.first_text)
_add("charAt", "string . int -> string", _char_at)
_add("indexOf", "string . string -> int", _index_of, cost=costs.traversal)
_add("indexOf", "string . string, int -> int", _index_of, cost=costs.traversal)
_add("lastIndexOf", "string . string -> int", _last_index_of, cost=costs.traversal)
_add("lastIndexOf", "string . string, int -> int", _last_index_of, cost=costs.traversal)
_add("lowerAscii", "string . -> string", lambda text: text.translate(_LOWER), cost=costs.first_text)
_add("upperAscii", "string . -> string", lambda text: text.translate(_UPPER), cost=costs.first_text)
_add("replace", "string . string, string -> string", _replace, cost=costs.replaced)
_add("replace", "string . string, string, int -> string", _replace, cost=costs.replaced)
_add("split", "string . string -> list<string>", _split, cost=costs.first_text_twice)
_add("split", "string . string, int -> list<string>", _split, cost=costs.first_text_twice)
_add("substring", "string . int -> string", _substring, cost=costs.first_text)
_add("substring", "string . int, int -> string", _substring, cost=costs.first_text)
_add("trim", "string . -> string", lambda text: text.strip(_SPACES), cost=costs.first_text)
_add("reverse", "string . -> string", lambda text: text[::-1], cost=costs.first_text)
_add("join", "list<string> . -> string", _join, cost=costs.result_text_twice)
_add("join", "list<string> . string -> string", _join, cost=costs.result_text_twice)
_add("strings.quote", "string -> string", _quote, cost=costs.first_text)
_add("format", "string . list<dyn> -> string", formatting.format, id="ext_format_string", cost=costs.formatted)
