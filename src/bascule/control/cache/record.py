"""An object as the API server keeps it: the very bytes the store keeps, from which the bytes it sends are made.

``Draft`` is encoded once, before the version is known; the commit's revision makes it a ``Record``. The stored value is
the body, in two pieces between which the version goes and packed, behind a header and a small sidecar, so that neither
loading nor selecting unpacks a body:

    form:u8  labels:u32  fields:u32  prefix:u32 (lengths; the prefix's unpacked)  labels fields body

A record made of a draft has its pieces at hand until it is told to ``settle``: those who are sent a change soon after
it are spared the unpacking.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from bascule.control.cache import packing
from bascule.vocabulary import objects, stepwise

_HEADER: Final = struct.Struct(">BIII")
_DEFLATED: Final = 2
_PLAIN: Final = 3
_PACKED: Final = 4
_FORMS: Final = (_DEFLATED, _PLAIN, _PACKED)
_PLAIN_FROM_BYTES: Final = 64 * 1024
"""Packing larger bodies would keep others waiting."""
_CODES: Final = {
    name: str(number)
    for number, name in enumerate(
        (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
            "type",
            "reason",
        )
    )
}
"""Short names of common fields. A part of the stored form: append only. Any other field is written after a dot."""
_COMMON: Final = ("metadata.name", "metadata.namespace")
_NAMES: Final = {code: name for name, code in _CODES.items()}
_MARK: Final = secrets.token_hex(16)
"""Stands where the version goes while an object is encoded. Nobody can know it, so that it is nowhere else."""
_MARKED: Final = f'"{_MARK}"'.encode()
_OPENING: Final[objects.Object] = {"kind": None, "apiVersion": None, "metadata": None}
"""The order in which an object begins."""
_NO_LABELS: Final[Mapping[str, str]] = {}
_POOL_MAX: Final = 4096
_pool: dict[bytes, dict[str, str]] = {}


class Undecodable(ValueError):
    """A stored value that no version of this code wrote."""


def _shared(encoded: bytes) -> dict[str, str]:
    """The decoded JSON, one instance for each content: the same labels are read again and again."""
    value = _pool.get(encoded)
    if value is None:
        if len(_pool) >= _POOL_MAX:
            _pool.clear()
        value = _pool[encoded] = orjson.loads(encoded)
    return value


class Draft:
    """A body without its version: the stored value, and where it is at hand the body's two pieces."""

    __slots__ = ("pieces", "value")

    def __init__(self, value: bytes, pieces: tuple[bytes, bytes] | None) -> None:
        self.value = value
        self.pieces = pieces


class Record:
    """One version of an object. Immutable by agreement; ``labels`` are shared."""

    __slots__ = ("_pieces", "_value", "key", "revision")

    def __init__(self, key: objects.Key, revision: int, draft: Draft) -> None:
        self.key = key
        self.revision = revision
        self._value = draft.value
        self._pieces = draft.pieces

    @property
    def labels(self) -> Mapping[str, str]:
        _, size, _, _ = _HEADER.unpack_from(self._value)
        return _shared(self._value[_HEADER.size : _HEADER.size + size]) if size else _NO_LABELS

    def _fields(self) -> dict[str, str]:
        """By code."""
        _, labels, size, _ = _HEADER.unpack_from(self._value)
        at = _HEADER.size + labels
        decoded: dict[str, str] = orjson.loads(self._value[at : at + size]) if size else {}
        return decoded

    @property
    def fields(self) -> dict[str, str]:
        """The selectable fields that are not empty, and always ``metadata.name`` and ``metadata.namespace``."""
        own = {_NAMES.get(code) or code[1:]: value for code, value in self._fields().items()}
        return {"metadata.name": self.key.name, "metadata.namespace": self.key.namespace, **own}

    def field(self, name: str) -> str:
        """One selectable field, empty where absent."""
        if name == "metadata.name":
            return self.key.name
        if name == "metadata.namespace":
            return self.key.namespace
        return self._fields().get(_code(name), "")

    @property
    def uid(self) -> str:
        return orjson.loads(self.opening() + b"0}}")["metadata"].get("uid") or ""

    def pieces(self) -> tuple[bytes, bytes]:
        """The body's bytes before its version and after it."""
        made = self._pieces  # Read once: a thread may ask while the loop settles.
        if made is not None:
            return made
        value = self._value
        form, labels, fields, prefix = _HEADER.unpack_from(value)
        body = value[_HEADER.size + labels + fields :]
        if form != _PLAIN:
            body = packing.unpack(body) if form == _PACKED else packing.inflate(body)
        return body[:prefix], body[prefix:]

    def opening(self) -> bytes:
        """The first of the body's pieces, which is all but the metadata's end."""
        made = self._pieces
        if made is not None:
            return made[0]
        value = self._value
        form, labels, fields, size = _HEADER.unpack_from(value)
        at = _HEADER.size + labels + fields
        if form == _PLAIN:
            return value[at : at + size]
        return packing.unpack(value[at:])[:size] if form == _PACKED else packing.inflate(value[at:], size)

    def settle(self) -> None:
        """From now on the pieces are made when they are asked for."""
        self._pieces = None

    def body(self) -> bytes:
        """The object's JSON with its version in place."""
        prefix, suffix = self.pieces()
        return b'%b"%d"%b' % (prefix, self.revision, suffix)

    def decode(self) -> objects.Object:
        """A fresh copy that the caller may change."""
        decoded: objects.Object = stepwise.loads(self.body())
        return decoded

    def size_bytes(self) -> int:
        """What is kept of it."""
        return len(self._value)

    def at(self, revision: int) -> Record:
        """The same content under another version, as a deletion's last event shows it."""
        return Record(self.key, revision, Draft(self._value, self._pieces))

    def __repr__(self) -> str:
        return f"Record({self.key.text()}@{self.revision})"


def _code(name: str) -> str:
    return _CODES.get(name) or f".{name}"


def draft(obj: objects.Object, fields: dict[str, str]) -> Draft:
    """Encodes an object once. ``obj`` stays as it is; a resourceVersion in it is ignored.

    ``fields`` are its selectable fields; those two that every kind has may be left out.
    """
    metadata = dict(obj.get("metadata") or {})
    metadata.pop("resourceVersion", None)
    metadata["resourceVersion"] = _MARK
    whole = _OPENING | obj
    whole["metadata"] = metadata
    for name in ("kind", "apiVersion"):
        if name not in obj:
            del whole[name]
    prefix, _, suffix = orjson.dumps(whole).partition(_MARKED)
    own = {_CODES.get(name) or f".{name}": value for name, value in fields.items() if value and name not in _COMMON}
    labels = _sidecar(metadata.get("labels"))
    chosen = _sidecar(own)
    body = prefix + suffix
    form, packed = (_PACKED, packing.pack(body)) if len(body) < _PLAIN_FROM_BYTES else (_PLAIN, body)
    value = _HEADER.pack(form, len(labels), len(chosen), len(prefix)) + labels + chosen + packed
    return Draft(value, (prefix, suffix))


def _sidecar(part: dict[str, Any] | None) -> bytes:
    return orjson.dumps(part, option=orjson.OPT_SORT_KEYS) if part else b""


def load(value: bytes) -> Draft:
    """A draft of a stored value. The body is not looked at: the store's checksum vouches for it. Raises Undecodable."""
    _check(value)
    return Draft(value, None)


def loaded(key: objects.Key, revision: int, value: bytes) -> Record:
    """The record of a stored value, as ``load`` reads it; in few steps, as a start does this for all there is."""
    try:
        form, labels, fields, _ = _unpack(value)
    except struct.error:
        _check(value)
        raise
    if form not in _FORMS or _HEADER_BYTES + labels + fields >= len(value):
        _check(value)
    made = _bare(Record)
    made.key = key
    made.revision = revision
    made._value = value
    made._pieces = None
    return made


_bare = object.__new__
_unpack = _HEADER.unpack_from
_HEADER_BYTES: Final = _HEADER.size


def _check(value: bytes) -> None:
    try:
        form, labels, fields, _ = _HEADER.unpack_from(value)
    except struct.error as error:
        raise Undecodable(f"not a stored object: {error}") from error
    if form not in _FORMS:
        raise Undecodable(f"stored in form {form}, which this version of Bascule cannot read")
    if _HEADER.size + labels + fields >= len(value):
        raise Undecodable("not a whole stored object")


def parts(records: Iterable[Record]) -> Iterator[bytes]:
    """The bodies' pieces, with commas between bodies: what a list joins once instead of copying each body twice."""
    separator = b""
    for record in records:
        prefix, suffix = record.pieces()
        yield separator
        yield prefix
        yield b'"%d"' % record.revision
        yield suffix
        separator = b","


def join(records: Iterable[Record]) -> bytes:
    """The bodies, separated by commas: the inside of a list's ``items``."""
    return b"".join(parts(records))
