"""Bodies of requests into JSON values, bounded in size, depth and growth whatever a client sends."""

from __future__ import annotations

from typing import Any

from bascule.vocabulary.objects import Object


def decode(body: bytes, content_type: str, *, default: tuple[str, str] | None = None) -> Object:
    """The object in a JSON, YAML or protobuf body. Raises StatusError (400, 413, 415).

    `default` is (apiVersion, kind) of the endpoint, filled in where the body names none.
    """
    raise NotImplementedError


def decode_value(body: bytes, content_type: str) -> Any:
    """Any JSON value (a patch may be a list) from a JSON or YAML body, with the same bounds."""
    raise NotImplementedError


def duplicates(body: bytes, content_type: str) -> list[str]:
    """Paths of members that occur twice (`spec.replicas`); a slow second parse, for strict validation only."""
    raise NotImplementedError
