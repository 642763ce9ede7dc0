"""Answers that have begun: when they break off, all that can be said any more is that they are not complete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from aiohttp import web


@contextlib.contextmanager
def broken_off(http: web.BaseRequest) -> Iterator[None]:
    """Whatever goes wrong inside ends the connection without an end of the body; that a client left is not raised."""
    try:
        yield
    except BaseException as error:
        if http.transport is not None:
            http.transport.abort()
        if not isinstance(error, (ConnectionError, TimeoutError)):
            raise
