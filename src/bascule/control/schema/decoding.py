"""Bodies of requests into JSON values, bounded in size, depth and growth whatever a client sends.

JSON, YAML (whose bodies often are JSON) and, for built-in types, protobuf. What cannot be decoded is 400, what is too
large 413, what is in another format 415. Whether a value fits its type is not asked here.

The reader of YAML is imported when there is some to read: most bodies, also those that say they are YAML, are JSON.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from bascule.control.schema import density, json_problems, protobuf
from bascule.vocabulary import errors, stepwise
from bascule.vocabulary.objects import Object

BODY_BYTES_MAX = 3 * 1024 * 1024
DEPTH_MAX = 200
DUPLICATES_MAX = 100
"""How many are told of, as upstream does, however many were sent."""
SLOW_BYTES = 256 * 1024
SLOW_YAML_BYTES = 2 * 1024

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OBJECT_TYPES = (JSON, YAML, PROTOBUF)

_YAML_TYPES = frozenset({YAML, "application/apply-patch+yaml"})

NO_JSON = "couldn't get version/kind; json parse error: "
"""How the problem of a body begins that is no JSON."""
_SHOWN_BYTES = 30
_REPEATED_BYTES = 4096
_COLONS = (b'":', b'" :', b"  :", b"\t :", b"\n :", b"\r :", b"\t:", b"\n:", b"\r:")
"""How the space between a member's name and its value begins, or ends with the colon."""
_FILLED_IN = ("apiVersion", "kind")
"""Where neither is an object's last member, none was filled in."""


def decode(
    body: bytes, content_type: str, *, default: tuple[str, str] | None = None, names_its_type: bool = False
) -> Object:
    """The object in a JSON, YAML or protobuf body. Raises StatusError (400, 413, 415).

    `default` is (apiVersion, kind) of the endpoint, filled in where the body names none; or refused, if it has to.
    """
    try:
        value = _decode_mapping(body, content_type, default)
        _require_texts(value)
        if names_its_type and not value.get("kind"):
            raise Unreadable(f"Object 'Kind' is missing in '{body[:_REPEATED_BYTES].decode(errors='replace')}'")
    except Unreadable as error:
        raise errors.bad_request(_unrecognized(str(error), body, default)) from error
    if default is not None and not names_its_type:
        if not value.get("apiVersion"):
            value["apiVersion"] = default[0]
        if not value.get("kind"):
            value["kind"] = default[1]
    return value


def _require_texts(value: Object) -> None:
    for name in _FILLED_IN:
        given = value.get(name)
        if given is not None and given.__class__ is not str:
            kind = json_problems.kind(given)
            raise Unreadable(f"{NO_JSON}json: cannot unmarshal {kind} into Go struct field .{name} of type string")


class Unreadable(errors.StatusError):
    """The body is no text of its content type, or no object. Answered 400."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "BadRequest", message)


def _decode_mapping(body: bytes, content_type: str, default: tuple[str, str] | None) -> Object:
    if _media_type(content_type) == PROTOBUF:
        _bound(body)
        return protobuf.decode(body, default=default)
    value = decode_value(body, content_type)
    if isinstance(value, dict):
        return value
    if value is None and default is not None:
        raise Unreadable("Object 'Kind' is missing in 'null'")
    raise Unreadable(
        f"{NO_JSON}json: cannot unmarshal {json_problems.kind(value)} into Go value of type "
        'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
    )


def _unrecognized(problem: str, body: bytes, default: tuple[str, str] | None) -> str:
    """The problem, what was wanted, and how the body begins: as text if it looks like an object."""
    if default is None:
        return problem
    shown = body[:_SHOWN_BYTES]
    text = shown.decode(errors="replace") if body[:1] == b"{" else shown.hex()
    more = " ..." if len(body) > _SHOWN_BYTES else ""
    return f"the object provided is unrecognized (must be of type {default[1]}): {problem} ({text or '<empty>'}{more})"


def decode_value(body: bytes, content_type: str) -> Any:
    """Any JSON value (a patch may be a list) from a JSON or YAML body, with the same bounds."""
    _bound(body)
    media_type = _media_type(content_type)
    if media_type in _YAML_TYPES:
        return _decode_yaml(body)
    if media_type == JSON:
        return _decode_json(body)
    raise errors.unsupported_media_type(OBJECT_TYPES)


def duplicates(body: bytes, content_type: str, decoded: Object | None = None) -> list[str]:
    """Paths of members that occur twice (`spec.replicas`), for strict validation and warnings.

    Of YAML, what its reader says: `line 11: key "foo" already set in map`.
    A second parse, which `decoded`, of the body as `decode` made it, may spare: it takes as much memory again.
    """
    media_type = _media_type(content_type)
    if media_type == PROTOBUF:
        return []
    is_as_written = media_type == JSON and decoded and next(reversed(decoded)) not in _FILLED_IN
    if is_as_written and _members(decoded) == _colons(body):
        return []
    try:
        if _has_as_many_members(body):
            return []
        return _json_duplicates(body)
    except (ValueError, RecursionError):
        if media_type not in _YAML_TYPES:
            return []
        from bascule.control.schema import yaml_body

        return yaml_body.repeated_keys(body, DEPTH_MAX)[:DUPLICATES_MAX]


def repeated_keys(body: bytes, content_type: str) -> list[str]:
    """`line 11: key "foo" already set in map`: how duplicates of an applied configuration are told."""
    try:
        if _has_as_many_members(body):
            return []
    except (ValueError, RecursionError):
        pass
    from bascule.control.schema import yaml_body

    return yaml_body.repeated_keys(body, DEPTH_MAX)[:DUPLICATES_MAX]


def is_slow(body: bytes, content_type: str) -> bool:
    """Whether decoding may take more than some milliseconds, so that it belongs into a thread."""
    is_yaml = _media_type(content_type) in _YAML_TYPES and body.lstrip()[:1] not in (b"{", b"[")
    return len(body) > (SLOW_YAML_BYTES if is_yaml else SLOW_BYTES)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower() or JSON


def _bound(body: bytes) -> None:
    if len(body) > BODY_BYTES_MAX:
        raise errors.too_large(f"limit is {BODY_BYTES_MAX}")


def _decode_json(body: bytes) -> Any:
    density.check(body, DEPTH_MAX)
    try:
        value = stepwise.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise density.too_deep(DEPTH_MAX) from error
        raise Unreadable(NO_JSON + json_problems.of(error, body)) from error
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and is_deeper_than(value, DEPTH_MAX):
        raise density.too_deep(DEPTH_MAX)
    return value


def _decode_yaml(body: bytes) -> Any:
    if body.lstrip()[:1] in (b"{", b"["):
        try:
            return _decode_json(body)
        except errors.StatusError as error:
            if not isinstance(error.__cause__, orjson.JSONDecodeError):
                raise
    from bascule.control.schema import yaml_body

    try:
        value = yaml_body.load(body, depth_max=DEPTH_MAX)
    except yaml_body.YamlError as error:
        raise Unreadable(f"error converting YAML to JSON: yaml: {error}") from error
    return value


def is_deeper_than(value: Any, depth_max: int) -> bool:
    """Whether containers nest deeper than that. Level by level, without recursion, letting other threads in."""
    level = [value] if value.__class__ is dict or value.__class__ is list else []
    for _ in range(depth_max):
        if not level:
            return False
        level = [
            member
            for container in level
            for member in (container.values() if container.__class__ is dict else container)
            if member.__class__ is dict or member.__class__ is list
        ]
    return bool(level)


def _has_as_many_members(body: bytes) -> bool:
    """Whether as many members came out of a body as it has colons after quotes: then none was given twice."""
    return _members(stepwise.loads(body)) == _colons(body)


def _colons(body: bytes) -> int:
    """Never fewer than there are: those within texts may count, too."""
    return sum([body.count(ending) for ending in _COLONS])


def _members(value: Any) -> int:
    if value.__class__ is dict:
        count = len(value)
        for member in value.values():
            if member.__class__ is dict or member.__class__ is list:
                count += _members(member)
        return count
    if value.__class__ is list:
        return sum([_members(item) for item in value if item.__class__ is dict or item.__class__ is list])
    return 0


def paths(body: bytes, content_type: str) -> list[str]:
    """Each member's path as a decoder meets them, repeated ones again; of JSON alone (of YAML, nothing)."""
    if _media_type(content_type) in _YAML_TYPES:
        return []
    found: list[str] = []
    _meet(json.loads(body, object_pairs_hook=tuple), "", found)
    return found


def _meet(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, tuple):
        for name, member in value:
            below = f"{path}.{name}" if path else name
            found.append(below)
            _meet(member, below, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _meet(item, f"{path}[{index}]", found)


def _json_duplicates(body: bytes) -> list[str]:
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> Any:
        members = _Members(pairs)
        if len(members) != len(pairs):
            seen: set[str] = set()
            again: dict[str, None] = {}
            for name, _ in pairs:
                if name in seen and len(again) < DUPLICATES_MAX:
                    again[name] = None
                seen.add(name)
            members.repeated = list(again)
        return members

    _gather(json.loads(body, object_pairs_hook=note), "", found)
    return found[:DUPLICATES_MAX]


class _Members(dict[str, Any]):
    """An object that remembers which of its members were given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: list[str] = []


def _gather(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Members):
        found += [f"{path}.{name}" if path else name for name in value.repeated]
        for name, member in value.items():
            _gather(member, f"{path}.{name}" if path else name, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _gather(item, f"{path}[{index}]", found)
