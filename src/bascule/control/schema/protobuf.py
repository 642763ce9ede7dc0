"""Protobuf bodies of built-in types into JSON values; requests only, answers are always JSON.

A body is four magic bytes and a `runtime.Unknown` around the message. The wire cannot tell an explicit zero from an
absent value: where Go has a plain scalar with `omitempty`, zero means absent, as it does in JSON made from Go.

Type codes of the table: `s` text, `i` signed and `u` unsigned varint, `b` bool, `B` bytes, `d` double, `q` quantity,
`t` and `T` times, `D` duration, `I` int-or-string, `R` raw JSON, `J` a message around JSON, `U` one of two forms, `L` a
message around a list, `m` a message; `[` and `{` before a code: list, map. Flags: `p` pointer, `o` omitempty, `n`
inlined.
"""

from __future__ import annotations

import base64
import datetime
import functools
import gzip
import pathlib
import struct
from typing import Any

import orjson

from bascule.control.schema import catalog
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

MAGIC = b"k8s\x00"
DEPTH_MAX = 200

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_ZEROS: dict[str, Any] = {"s": "", "i": 0, "u": 0, "b": False, "d": 0.0, "q": "0", "B": ""}

Fields = dict[int, tuple[str, str, str]]


class Malformed(Exception):
    """Bytes that are not the message they are said to be."""


def rows() -> dict[str, dict[str, list[str]]]:
    """The table as it is stored: name, type code and flags by message and number. Read anew by each call."""
    packed = pathlib.Path(__file__).with_name("protobuf_fields.json.gz").read_bytes()
    loaded: dict[str, dict[str, list[str]]] = orjson.loads(gzip.decompress(packed))
    return loaded


@functools.cache
def table() -> dict[str, Fields]:
    """Fields by message and number."""
    return {
        message: {int(number): (row[0], row[1], row[2]) for number, row in fields.items()}
        for message, fields in rows().items()
    }


def decode(body: bytes, *, default: tuple[str, str] | None = None) -> Object:
    """The object in a body. Raises StatusError: 400 for malformed bytes and for kinds without a protobuf form."""
    if not body.startswith(MAGIC):
        raise errors.bad_request(
            f"provided data does not appear to be a protobuf message, expected prefix {list(MAGIC)}"
        )
    try:
        envelope = dict(_raw_fields(body, len(MAGIC), len(body)))
        type_meta = dict(_raw_fields(_bytes_of(envelope.get(1, b"")), 0, None))
        api_version = _text(type_meta.get(1, b"")) or (default[0] if default else "")
        kind = _text(type_meta.get(2, b"")) or (default[1] if default else "")
        fields = table().get(message_of(api_version, kind))
        if fields is None:
            raise errors.bad_request(f'no kind "{kind}" of version "{api_version}" can be sent as protobuf; send JSON')
        raw = _bytes_of(envelope.get(2, b""))
        return {"apiVersion": api_version, "kind": kind, **_message(raw, fields, DEPTH_MAX)}
    except Malformed as error:
        raise errors.bad_request(f"the protobuf body cannot be decoded: {error}") from error


def message_of(api_version: str, kind: str) -> str:
    """The message that carries a kind: its own, or one of the options and answers that every group shares."""
    schema = catalog.schema_of(api_version, kind)
    if schema is not None:
        return schema.definition
    return _META + kind


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        try:
            byte = data[at]
        except IndexError:
            raise Malformed("unexpected end") from None
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise Malformed("a number is longer than ten bytes")


def _raw_fields(data: bytes, at: int, end: int | None) -> list[tuple[int, Any]]:
    """Pairs of field number and value: an int for a varint, bytes for all else."""
    end = len(data) if end is None else end
    found: list[tuple[int, Any]] = []
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        value: Any
        if kind == _VARINT:
            value, at = _varint(data, at)
        elif kind in (_BYTES, _FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
            if kind == _BYTES:
                size, at = _varint(data, at)
            if at + size > end:
                raise Malformed("a field is longer than its message")
            value = data[at : at + size]
            at += size
        else:
            raise Malformed(f"wire type {kind} is not known")
        if key >> 3 == 0:
            raise Malformed("a field has the number 0")
        found.append((key >> 3, value))
    return found


def _message(data: bytes, fields: Fields, depth_left: int) -> dict[str, Any]:
    if depth_left == 0:
        raise Malformed("messages are nested too deeply")
    result: dict[str, Any] = {}
    for number, value in _raw_fields(data, 0, None):
        field = fields.get(number)
        if field is None:
            continue
        name, code, flags = field
        if code[0] == "[":
            result.setdefault(name, []).extend(_items(value, code[1:], depth_left))
        elif code[0] == "{":
            key, member = _entry(_bytes_of(value), code[1:], depth_left)
            result.setdefault(name, {})[key] = member
        else:
            decoded = _value(value, code, depth_left)
            if "n" in flags:
                result.update(decoded)
            elif decoded is None or ("o" in flags and "p" not in flags and _is_zero(decoded, code)):
                result.pop(name, None)
            else:
                result[name] = decoded
    return result


def _is_zero(value: Any, code: str) -> bool:
    return not value and code[0] in _ZEROS


def _items(value: Any, code: str, depth_left: int) -> list[Any]:
    if isinstance(value, bytes) and code in ("i", "u", "b"):
        items = []
        at = 0
        while at < len(value):  # packed
            number, at = _varint(value, at)
            items.append(_value(number, code, depth_left))
        return items
    return [_value(value, code, depth_left)]


def _entry(data: bytes, code: str, depth_left: int) -> tuple[str, Any]:
    parts = dict(_raw_fields(data, 0, None))
    key = _text(parts.get(1, b""))
    if code[0] == "[":
        return key, [_value(value, code[1:], depth_left) for number, value in _raw_fields(data, 0, None) if number == 2]
    if 2 not in parts:
        return key, _ZEROS.get(code[0], {})
    return key, _value(parts[2], code, depth_left)


def _value(value: Any, code: str, depth_left: int) -> Any:
    sort = code[0]
    if sort == "s":
        return _text(value)
    if sort in "iub":
        return _number(value, sort)
    data = _bytes_of(value)
    if sort == "m":
        return _message(data, table()[code[1:]], depth_left - 1)
    if sort == "B":
        return base64.b64encode(data).decode()
    if sort == "d":
        if len(data) != 8:
            raise Malformed("a double has not eight bytes")
        return struct.unpack("<d", data)[0]
    if sort == "L":
        return [_value(item, code[1:], depth_left) for number, item in _raw_fields(data, 0, None) if number == 1]
    if sort == "U":
        return _union(data, code[1:], depth_left)
    return _wrapped(data, sort)


def _wrapped(data: bytes, sort: str) -> Any:
    """Values that are messages on the wire and scalars in JSON."""
    parts = dict(_raw_fields(data, 0, None))
    if sort == "q":
        return _text(parts.get(1, b"0"))
    if sort in ("t", "T"):
        return _time(parts, with_micros=sort == "T") if data else None
    if sort in ("R", "J"):
        raw = _bytes_of(parts.get(1, b""))
        try:
            return orjson.loads(raw) if raw else None
        except orjson.JSONDecodeError as error:
            raise Malformed(f"embedded JSON: {error}") from error
    if sort == "I":
        is_text = _number(parts.get(1, 0), "i") == 1
        return _text(parts.get(3, b"")) if is_text else _number(parts.get(2, 0), "i")
    if sort == "D":
        return _duration(_number(parts.get(1, 0), "i"))
    raise Malformed(f"type code {sort} is not known")


def _union(data: bytes, message: str, depth_left: int) -> Any:
    parts = _message(data, table()[message], depth_left - 1)
    if parts.get("Schema") is not None:
        return parts["Schema"]
    for name in ("JSONSchemas", "Property"):
        if name in parts:
            return parts[name]
    return parts.get("Allows", False)


def _number(value: Any, sort: str) -> Any:
    if not isinstance(value, int):
        raise Malformed("a number was expected")
    if sort == "b":
        return value != 0
    return value - (1 << 64) if sort == "i" and value >= 1 << 63 else value


def _text(value: Any) -> str:
    try:
        return _bytes_of(value).decode()
    except UnicodeDecodeError as error:
        raise Malformed("text is not UTF-8") from error


def _bytes_of(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed("a message or text was expected")
    return value


def _time(parts: dict[int, Any], *, with_micros: bool) -> str:
    seconds = _number(parts.get(1, 0), "i")
    try:
        moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
    except OverflowError as error:
        raise Malformed("a time is out of range") from error
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    micros = _number(parts.get(2, 0), "i") // 1000
    return f"{text.zfill(19)}.{micros:06d}Z" if with_micros else f"{text.zfill(19)}Z"


def _duration(nanoseconds: int) -> str:
    """As Go writes durations: `1h30m0s`, `1.5s`, `250ms`."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if rest >= size:
                return f"{sign}{_decimal(rest, size)}{unit}"
        return "0s"
    minutes, nanos = divmod(rest, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(nanos, 1_000_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = str(fraction).zfill(len(str(unit)) - 1).rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)
