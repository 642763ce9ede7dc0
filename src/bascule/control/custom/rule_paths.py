"""A rule's ``fieldPath``: a path of names below the rule's place, that the schema must know."""

from __future__ import annotations

import re

from bascule.control.custom import structural

_PIECE = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]]+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


class PathError(ValueError):
    """The path leads nowhere."""


def normalized(path: str, node: structural.Node) -> str:
    """The path as causes show it (``spec.items``, ``labels[a.b]``). Raises PathError."""
    pieces = _PIECE.findall(path)
    out, at = "", 0
    while at < len(pieces):
        opening = pieces[at]
        if opening == "." and at + 1 < len(pieces):
            name, at = pieces[at + 1], at + 2
        elif opening == "[" and at + 2 < len(pieces) and pieces[at + 2] == "]":
            name, at = _quoted(pieces[at + 1]), at + 3
        elif opening in ".[":
            raise PathError("unexpected end of JSON path")
        else:
            raise PathError(f"expected [ or . but got: {opening}")
        if node.properties:
            found = node.properties.get(name)
            out += f".{name}"
        else:
            found = node.additional
            out += f"[{name}]"
        if found is None:
            raise PathError("does not refer to a valid field")
        node = found
    return out.removeprefix(".")


def _quoted(piece: str) -> str:
    if len(piece) < 2 or piece[0] != "'" or piece[-1] != "'":
        raise PathError(f"expected single quoted string but got {piece}")

    def unescaped(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise PathError(f"invalid string literal: invalid escape char {match[0]}")
        return _ESCAPES[match[1]]

    return _ESCAPE.sub(unescaped, piece[1:-1])
