"""The source as tokens: operators, names, and literals with their values."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from bascule.control.cel.errors import Issue
from bascule.control.cel.values import INT_MAX, UINT_MAX, Uint

RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"}
    | {"package", "namespace", "null", "return", "true", "var", "void", "while"}
)
"""Words that cannot name a variable; all but the keywords may still name a field."""

KEYWORDS = frozenset({"true", "false", "null", "in"})

_TOKEN = re.compile(
    r"""
      (?P<space>[\t\n\f\r\ ]+|//[^\n]*)
    | (?P<string>[bB]?[rR]?(?:\"\"\"|'''|"|')|[rR][bB](?:\"\"\"|'''|"|'))
    | (?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<uint>(?:0x[0-9a-fA-F]+|\d+)[uU])
    | (?P<int>0x[0-9a-fA-F]+|\d+)
    | (?P<ident>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<escaped>`[A-Za-z0-9_./\- ]+`)
    | (?P<op>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"`?])|([xX][0-9a-fA-F]{2})|(u[0-9a-fA-F]{4})|(U[0-9a-fA-F]{8})|([0-3][0-7]{2}))"
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Token(NamedTuple):
    """``kind`` is the operator itself, or one of ident, escaped, int, uint, float, string, bytes, end."""

    kind: str
    text: str
    position: int
    value: Any = None


def tokens(source: str) -> tuple[list[Token], list[Issue]]:
    """All tokens, the last of kind ``end``, and what could not be read."""
    found: list[Token] = []
    issues: list[Issue] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            position = _unreadable(source, position, issues)
            continue
        kind, text = match.lastgroup or "", match[0]
        if kind == "string":
            token = _string(source, position, text, issues)
            if token is None:
                break
            found.append(token)
            position += len(token.text)
            continue
        if kind != "space":
            found.append(Token(text if kind == "op" else kind, text, position, _number(kind, text, position, issues)))
        position = match.end()
    found.append(Token("end", "<EOF>", len(source)))
    return found, issues


def _unreadable(source: str, position: int, issues: list[Issue]) -> int:
    """Like upstream, one report takes what follows along when it cannot be told apart (``| ``, ``& ``, ``= ``)."""
    text = source[position]
    if text in "|&=" and position + 1 < len(source):
        text += source[position + 1]
    issues.append(Issue(position, f"Syntax error: token recognition error at: '{text}'"))
    return position + len(text)


def _number(kind: str, text: str, position: int, issues: list[Issue]) -> Any:
    if kind == "int":
        value = int(text, 16 if text[:2] == "0x" else 10) if len(text) < 40 else INT_MAX + 2
        if value > INT_MAX + 1:  # one more may follow a minus; the parser says whether it does
            issues.append(Issue(position, "invalid int literal"))
            return 0
        return value
    if kind == "uint":
        value = int(text[:-1], 16 if text[:2] == "0x" else 10) if len(text) < 40 else UINT_MAX + 1
        if value > UINT_MAX:
            issues.append(Issue(position, "invalid uint literal"))
            return Uint(0)
        return Uint(value)
    if kind == "float":
        number = float(text)
        if number == float("inf"):
            issues.append(Issue(position, "invalid double literal"))
            return 0.0
        return number
    if kind == "escaped":
        return text[1:-1]
    return None


def _string(source: str, position: int, opening: str, issues: list[Issue]) -> Token | None:
    quote = opening.lstrip("bBrR")
    prefix = opening[: len(opening) - len(quote)].lower()
    raw, start = "r" in prefix, position + len(opening)
    end = start
    while not source.startswith(quote, end):
        if end >= len(source) or (len(quote) == 1 and source[end] in "\r\n"):
            rest = source[position : min(end + 1, len(source))]
            shown = rest.replace("\n", "\\n").replace("\r", "\\r")
            issues.append(Issue(position, f"Syntax error: token recognition error at: '{shown}'"))
            return None
        end += 2 if source[end] == "\\" and not raw else 1
    text, body = source[position : end + len(quote)], source[start:end]
    body = body.replace("\r\n", "\n")
    if "b" in prefix:
        return Token("bytes", text, position, body.encode() if raw else _bytes(body, position, issues))
    return Token("string", text, position, body if raw else _text(body, position, issues))


def _pieces(body: str, position: int, issues: list[Issue]) -> list[tuple[str, re.Match[str] | None]]:
    """Literal runs and escapes, in turn."""
    pieces: list[tuple[str, re.Match[str] | None]] = []
    at = 0
    while at < len(body):
        backslash = body.find("\\", at)
        if backslash < 0:
            pieces.append((body[at:], None))
            break
        pieces.append((body[at:backslash], None))
        match = _ESCAPE.match(body, backslash)
        if match is None:
            issues.append(Issue(position, "unable to unescape string"))
            break
        pieces.append(("", match))
        at = match.end()
    return pieces


def _code(match: re.Match[str]) -> int:
    if match[5]:
        return int(match[5], 8)
    return int((match[2] or match[3] or match[4])[1:], 16)


def _text(body: str, position: int, issues: list[Issue]) -> str:
    out: list[str] = []
    for literal, match in _pieces(body, position, issues):
        if match is None:
            out.append(literal)
        elif match[1]:
            out.append(_SIMPLE.get(match[1], match[1]))
        else:
            code = _code(match)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                issues.append(Issue(position, "unable to unescape string"))
                code = 0xFFFD
            out.append(chr(code))
    return "".join(out)


def _bytes(body: str, position: int, issues: list[Issue]) -> bytes:
    out = bytearray()
    for literal, match in _pieces(body, position, issues):
        if match is None:
            out += literal.encode("utf-8", "replace")
        elif match[1]:
            out += _SIMPLE.get(match[1], match[1]).encode()
        elif match[3] or match[4]:
            issues.append(Issue(position, "unable to unescape string"))
        else:
            out.append(_code(match))
    return bytes(out)
