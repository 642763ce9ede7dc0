"""JSON for people's eyes: indented where `pretty` asks for it, or where a browser, curl or wget does the asking.

Watches and logs pass as they are, and so does what would hold the others up.
"""

from __future__ import annotations

import re
from typing import Final

import orjson
from aiohttp import web

from bascule.control.api.wire import answer, negotiate, request

_PEOPLES: Final = ("curl", "Wget", "Mozilla/5.0")
_BYTES_MAX: Final = 512 * 1024
_PARAMETER: Final = re.compile(r"(?:^|&)pretty=([^&]+)")
_NOES: Final = ("0", "f", "F", "false", "False", "FALSE")


def wanted(http: request.Http) -> bool:
    """Whether a person reads the answer, as far as the request tells."""
    if "pretty=" in http.raw_path:
        found = _PARAMETER.search(http.raw_path.partition("?")[2])
        if found is not None:
            return found[1] not in _NOES
    return http.headers.get("User-Agent", "").startswith(_PEOPLES)


def indent(response: web.StreamResponse) -> None:
    """Changes a whole JSON answer in place, anything else not at all."""
    if not isinstance(response, answer.Answer) or "Content-Encoding" in response.headers:
        return
    body = response.body
    if response.headers.get("Content-Type") != negotiate.JSON or not isinstance(body, bytes) or len(body) > _BYTES_MAX:
        return
    response.body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
