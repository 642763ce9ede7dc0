"""Encodes JSON values as Go's generated code does, so that tests can make the bodies that client-go sends.

Plain scalars and structs are always written, even when zero; pointers only when set.
"""

from __future__ import annotations

import base64
import datetime
import json
import struct
from typing import Any

from bascule.control.schema import protobuf

ZEROS: dict[str, Any] = {"s": "", "i": 0, "u": 0, "b": False, "d": 0.0}


def body(obj: dict[str, Any]) -> bytes:
    """The request body for an object."""
    type_meta = length(1, obj["apiVersion"].encode()) + length(2, obj["kind"].encode())
    raw = message(obj, protobuf.message_of(obj["apiVersion"], obj["kind"]))
    return protobuf.MAGIC + length(1, type_meta) + length(2, raw) + length(3, b"") + length(4, b"")


def varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(obj: dict[str, Any], name: str) -> bytes:
    out = b""
    for number, (field, code, flags) in sorted(protobuf.table()[name].items()):
        if "n" in flags:
            out += length(number, message(obj, code[1:]))
            continue
        value = obj.get(field)
        if value is None and ("p" in flags or code[0] not in "siubdm"):
            continue
        if value is None:
            value = ZEROS.get(code[0], {})
        if code[0] == "[":
            out += b"".join(one(number, item, code[1:]) for item in value)
        elif code[0] == "{":
            for key, member in value.items():
                members = member if code[1] == "[" else [member]
                entry = length(1, key.encode()) + b"".join(one(2, item, code[1:].lstrip("[")) for item in members)
                out += length(number, entry)
        else:
            out += one(number, value, code)
    return out


def one(number: int, value: Any, code: str) -> bytes:
    sort = code[0]
    if sort in "iub":
        return varint(number << 3) + varint(int(value))
    if sort == "d":
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return length(number, payload(value, code))


def payload(value: Any, code: str) -> bytes:
    sort = code[0]
    if sort == "s":
        return str(value).encode()
    if sort == "B":
        return base64.b64decode(value)
    if sort == "m":
        return message(value, code[1:])
    if sort == "q":
        return length(1, value.encode())
    if sort in "RJ":
        return length(1, json.dumps(value).encode())
    if sort in "tT":
        moment = datetime.datetime.fromisoformat(value)
        return one(1, int(moment.timestamp()), "i") + one(2, moment.microsecond * 1000, "i")
    if sort == "I":
        is_text = isinstance(value, str)
        return (
            one(1, int(is_text), "i")
            + one(2, 0 if is_text else value, "i")
            + length(3, (value if is_text else "").encode())
        )
    if sort == "L":
        return b"".join(one(1, item, code[1:]) for item in value)
    if sort == "U":
        return union(value, code[1:])
    raise AssertionError(code)


def union(value: Any, name: str) -> bytes:
    if isinstance(value, bool):
        return message({"Allows": value}, name)
    if isinstance(value, dict):
        return message({"Allows": True, "Schema": value}, name)
    return message({"Property" if isinstance(value[0], str) else "JSONSchemas": value}, name)
