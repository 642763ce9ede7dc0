"""URLs, parsed as upstream's (an absolute URL, or an absolute path) and asked for their parts."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.values import Opaque, register

NAME = "kubernetes.URL"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%a-z]+\]|[^\[\]:\s<>\"^`{}|\\]*)(?::(\d*))?")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SAFE_PATH = "/$&+,:;=@-_.~!*'()"


class Url(Opaque):
    """A URL in its parts."""

    __slots__ = ("host", "path", "query", "scheme", "text")
    name = NAME

    def __init__(self, text: str, scheme: str, host: str, path: str, query: str) -> None:
        self.text, self.scheme, self.host, self.path, self.query = text, scheme, host, path, query

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


register(Url, NAME)


def parse(text: str) -> Url:
    """Raises EvaluationError when it is none."""
    rest, _, query = text.partition("#")[0].partition("?")
    match = _SCHEME.match(rest)
    scheme = match[1].lower() if match is not None else ""
    rest = rest[match.end() :] if match is not None else rest
    problem = ""
    if not text or any(ord(character) < 32 or ord(character) == 127 for character in text):
        problem = "invalid control character in URL" if text else "empty url"
    elif not scheme and not rest.startswith("/"):
        problem = "invalid URI for request"
    elif _PERCENT.search(rest):
        problem = "invalid URL escape"
    host, path = "", rest
    if scheme and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        path, host = slash + path, authority.rpartition("@")[2]
        if _HOST.fullmatch(host) is None:
            problem = "invalid character in host name"
    elif scheme and not rest.startswith("/"):
        problem = "invalid URI for request"
    if problem:
        raise EvaluationError(f'URL parse error during conversion from string: parse "{text}": {problem}')
    return Url(text, scheme, host, path, query)


def _is_url(text: str) -> bool:
    try:
        parse(text)
    except EvaluationError:
        return False
    return True


def _hostname(url: Url) -> str:
    match = _HOST.fullmatch(url.host)
    return match[1].strip("[]") if match is not None else ""


def _port(url: Url) -> str:
    match = _HOST.fullmatch(url.host)
    return (match[2] or "") if match is not None else ""


def _query(url: Url) -> dict[str, list[str]]:
    pairs = (piece.partition("=") for piece in url.query.split("&") if piece and ";" not in piece)
    found: dict[str, list[str]] = {}
    for key, _, value in pairs:
        found.setdefault(urllib.parse.unquote_plus(key), []).append(urllib.parse.unquote_plus(value))
    return found


def _escaped_path(url: Url) -> str:
    return urllib.parse.quote(urllib.parse.unquote(url.path), safe=_SAFE_PATH) if "%" not in url.path else url.path


LIBRARY = Library()
_add: Any = LIBRARY.add
_add("url", f"string -> {NAME}", parse, cost=costs.first_text)
_add("isURL", "string -> bool", _is_url, cost=costs.first_text)
_add("getScheme", f"{NAME} . -> string", lambda url: url.scheme)
_add("getHost", f"{NAME} . -> string", lambda url: url.host)
_add("getHostname", f"{NAME} . -> string", _hostname)
_add("getPort", f"{NAME} . -> string", _port)
_add("getEscapedPath", f"{NAME} . -> string", _escaped_path)
_add("getQuery", f"{NAME} . -> map<string, list<string>>", _query)
