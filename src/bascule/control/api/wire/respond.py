"""Bytes to the client: bodies with their headers, warnings, compression, and errors as `Status`.

Compression is for large answers only (above 128 KiB, level 1, in a thread), as upstream; watches never pass here.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import orjson
from aiohttp import web
from multidict import CIMultiDict

from bascule.control.api.wire import answer, negotiate
from bascule.vocabulary import errors, objects

COMPRESS_ABOVE_BYTES: Final = 128 * 1024
_WARNINGS_MAX_BYTES: Final = 4096


def dump(value: Any, encoding: negotiate.Encoding = "json") -> bytes:
    """The value as it goes over the wire; JSON ends in a newline as upstream's does."""
    if encoding == "yaml":
        import yaml  # Not before somebody asks for it.

        text: str = yaml.dump(value, Dumper=_dumper(), default_flow_style=False, allow_unicode=True, sort_keys=True)
        return text.encode()
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


@cache
def _dumper() -> Any:
    """Which writes `"n"` where other readers of YAML take a lone `n` for a truth value."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        pass

    Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))
    return Dumper


YAML_ABOVE_BYTES: Final = 512 * 1024
"""Larger answers in YAML are written as JSON, which YAML allows: laid out, a deep object takes many times the room."""


def is_yaml(encoded: bytes) -> bool:
    """Whether JSON may stand as it is where YAML is wanted: nothing in it but what YAML calls printable."""
    return encoded.isascii() and b"\x7f" not in encoded


def raw(body: bytes, *, code: int = 200, media: str = negotiate.JSON, warnings: Iterable[str] = ()) -> answer.Answer:
    """An answer whose bytes are ready."""
    made = answer.Answer(body, code=code, media=media)
    if warnings:
        _warn(made.headers, warnings)
    return made


def value(
    content: Any, *, code: int = 200, encoding: negotiate.Encoding = "json", warnings: Iterable[str] = ()
) -> answer.Answer:
    """An answer that is encoded here."""
    media = negotiate.YAML if encoding == "yaml" else negotiate.JSON
    return raw(dump(content, encoding), code=code, media=media, warnings=warnings)


def failure(
    error: errors.StatusError, warnings: Iterable[str] = (), *, encoding: negotiate.Encoding = "json"
) -> answer.Answer:
    """The error's Status, with Retry-After where it carries one.

    What a client sent may come back in the message and end in somebody's terminal: nothing in it commands one.
    """
    status = error.status()
    if not status["message"].isprintable():
        status["message"] = "".join(map(_shown, status["message"]))
    response = value(status, code=error.code, encoding=encoding, warnings=warnings)
    seconds = (error.details or {}).get("retryAfterSeconds")
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    if error.code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _shown(character: str) -> str:
    harmless = character.isprintable() or character in "\n\t"
    return character if harmless else character.encode("unicode_escape").decode()


def success(
    details: objects.Object | None = None, code: int = 200, *, encoding: negotiate.Encoding = "json"
) -> answer.Answer:
    """A `Status` that says Success."""
    status: objects.Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details:
        status["details"] = details
    if code != 200:
        status["code"] = code
    return value(status, code=code, encoding=encoding)


def text(content: str, code: int = 200) -> answer.Answer:
    response = raw(content.encode(), code=code, media="text/plain; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def compressed(response: web.Response, accept_encoding: str) -> web.Response:
    """The response gzipped in place, where it is large and the client takes it."""
    body = response.body
    if not isinstance(body, bytes) or len(body) <= COMPRESS_ABOVE_BYTES or not takes_gzip(accept_encoding):
        return response
    response.body = await asyncio.to_thread(gzip.compress, body, 1)
    response.headers["Content-Encoding"] = "gzip"
    response.headers.add("Vary", "Accept-Encoding")
    return response


def takes_gzip(accept_encoding: str) -> bool:
    """Whether it is named as it is, as upstream asks: not with a weight."""
    return "gzip" in accept_encoding and "gzip" in map(str.strip, accept_encoding.split(","))


def _warn(headers: CIMultiDict[str], warnings: Iterable[str]) -> None:
    size_bytes = 0
    for text_ in dict.fromkeys(warnings):
        clean = "".join(c if c.isprintable() else " " for c in text_).replace("\\", "\\\\").replace('"', '\\"')
        size_bytes += len(clean)
        if size_bytes > _WARNINGS_MAX_BYTES:
            return
        headers.add("Warning", f'299 - "{clean}"')
