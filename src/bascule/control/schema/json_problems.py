"""What is wrong with a text that is no JSON, in the words of upstream's reader: clients show them to people."""

from __future__ import annotations

import re
from typing import Any

import orjson

END = "unexpected end of JSON input"
_PLACES = {
    "unexpected content after document": "after top-level value",
    "unexpected character, expected a JSON value": "looking for beginning of value",
    "unexpected character, expected ':' after key": "after object key",
    "unexpected character, expected a string key": "looking for beginning of object key string",
    "unexpected character, expected ',' or ']'": "after array element",
    "unexpected character, expected ',' or '}'": "after object key:value pair",
    "unexpected control character in string": "in string literal",
}
_INFINITE = "number is infinity when parsed as double"
_NUMBER = re.compile(r"[-+.0-9eE]{1,100}")
_TRAILING_COMMA = "trailing comma is not allowed"
_AFTER_COMMA = {"}": "looking for beginning of object key string", "]": "looking for beginning of value"}


def of(error: orjson.JSONDecodeError, body: bytes) -> str:
    """`invalid character 'x' looking for beginning of value`; what has no such words keeps its own."""
    if not body.strip() or error.msg == "unexpected end of data":
        return END
    if error.msg == _INFINITE:
        number = _NUMBER.match(error.doc, error.pos)
        return f"json: cannot unmarshal number {number[0] if number else ''} into Go value of type float64"
    found, place = error.doc[error.pos : error.pos + 1], _PLACES.get(error.msg, "")
    if error.msg == _TRAILING_COMMA:
        found = error.doc[error.pos + 1 :].lstrip()[:1]
        place = _AFTER_COMMA.get(found, "")
    return f"invalid character {_quoted(found)} {place}" if found and place else str(error)


def kind(value: Any) -> str:
    """What a JSON value is called: `array`, `number`."""
    names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    return names.get(value.__class__, "null")


def _quoted(character: str) -> str:
    """As Go quotes one: in single quotes, which are not escaped as double ones are."""
    if character == "'":
        return "'\\''"
    if character.isprintable():
        return f"'{character}'"
    return {"\n": "'\\n'", "\r": "'\\r'", "\t": "'\\t'"}.get(character, f"'\\x{ord(character):02x}'")
