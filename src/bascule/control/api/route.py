"""What a request's path names: a logical cluster, and in it a resource or a document of the server itself.

Pure and split-based: no regular expressions on the hot path. Percent-encoding is undone for each segment, so an
encoded slash never moves the boundary between segments; a segment that then holds a slash or a NUL names nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from bascule.vocabulary import names, objects

EVERY_CLUSTER: Final = "*"
REMEMBERED_LENGTH: Final = 256
"""Of the paths that are remembered: the same few are asked for again and again."""


class Route(NamedTuple):
    """`plural` is empty for documents of the server (discovery, health, OpenAPI); `path` is then what to serve."""

    cluster: str
    path: str
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    tail: str = ""
    watch: bool = False
    namespaced: bool = False


class UnknownPath(Exception):
    """The path has no meaning here: answered 404 as any path that is not served."""


def parse(raw_path: str) -> Route:
    """The route of a path without its query; raises `UnknownPath`."""
    return _remembered(raw_path) if len(raw_path) <= REMEMBERED_LENGTH else _parse(raw_path)


def _parse(raw_path: str) -> Route:
    cluster = objects.ROOT
    if raw_path.startswith("/clusters/"):
        cluster, _, rest = raw_path[len("/clusters/") :].partition("/")
        cluster = _segment(cluster)
        raw_path = "/" + rest
        if cluster != EVERY_CLUSTER and not _is_label(cluster):
            raise UnknownPath
    parts = raw_path.split("/")
    if parts[-1] == "":
        parts.pop()
    if len(parts) < 2:
        return Route(cluster, "/")
    if parts[1] == "api" and len(parts) > 3:
        return _resource(cluster, raw_path, "", parts[2], parts[3:])
    if parts[1] == "apis" and len(parts) > 4:
        return _resource(cluster, raw_path, parts[2], parts[3], parts[4:])
    return Route(cluster, unquote("/".join(parts)))


_remembered: Final = lru_cache(maxsize=1024)(_parse)


def _resource(cluster: str, path: str, group: str, version: str, rest: list[str]) -> Route:
    if "%" in path or "//" in path:
        own = 5 if rest[0] == "namespaces" else 3
        rest = [*map(_segment, rest[:own]), *rest[own:]]  # What a proxy passes on stays as it came.
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace, namespaced = "", False
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, namespaced, rest = rest[1], True, rest[2:]
        if not namespace:
            raise UnknownPath
    count = len(rest)
    name = rest[1] if count > 1 else ""
    return Route(
        cluster,
        path,
        group,
        version,
        rest[0],
        namespace,
        name,
        rest[2] if count > 2 else "",
        "/".join(rest[3:]),
        watch,
        namespaced,
    )


@lru_cache(maxsize=4096)
def _is_label(text: str) -> bool:
    return not names.is_dns1123_label(text)


def _segment(raw: str) -> str:
    text = unquote(raw)
    if "/" in text or "\x00" in text or text in (".", ".."):
        raise UnknownPath
    return text
