"""An object as the API server keeps it: the bytes it will send, split where the version goes, and a small sidecar.

``Draft`` is encoded once, before the version is known; the commit's revision makes it a ``Record``. The stored value
is the draft's bytes behind a header with the sidecar, so that loading never decodes a body:

    version:u8  uid:u8  labels:u32  fields:u32  owners:u32  prefix:u32 (lengths)  uid labels fields owners prefix suffix

Labels, fields and owners are shared between records whose encoded forms are equal, as most objects' are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from bascule.vocabulary import objects

_HEADER = struct.Struct(">BBIIII")
_VERSION = 1
_NO_OWNERS: tuple[str, ...] = ()
_NO_FIELDS: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
_POOL_MAX = 16_384
_pool: dict[bytes, Any] = {}
_texts: dict[str, str] = {}
_names: dict[tuple[str, ...], tuple[str, ...]] = {}


class Undecodable(ValueError):
    """A stored value that no version of this code wrote."""


def _shared(encoded: bytes) -> Any:
    """The decoded JSON of a sidecar's part, one instance for each content."""
    value = _pool.get(encoded)
    if value is None:
        if len(_pool) >= _POOL_MAX:
            _pool.clear()
        value = orjson.loads(encoded)
        if isinstance(value, list):
            value = tuple(value)
        _pool[encoded] = value
    return value


def _columns(encoded: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fields as names and values: the names are one tuple for a whole kind, and most values are shared."""
    decoded: dict[str, str] = orjson.loads(encoded)
    if len(_texts) >= _POOL_MAX:
        _texts.clear()
    names = tuple(decoded)
    values = decoded.values()
    return _names.setdefault(names, names), tuple(map(_texts.setdefault, values, values))


class Draft:
    """A body without its version. ``labels`` and ``owners`` are shared: never change them."""

    __slots__ = ("_sidecar", "fields", "labels", "owners", "prefix", "suffix", "uid")

    def __init__(
        self,
        prefix: bytes,
        suffix: bytes,
        uid: str,
        sidecar: tuple[bytes, bytes, bytes],
    ) -> None:
        self.prefix = prefix
        self.suffix = suffix
        self.uid = uid
        self._sidecar = sidecar
        labels, fields, owners = sidecar
        self.labels: dict[str, str] = _shared(labels) if labels else {}
        self.fields = _columns(fields) if fields else _NO_FIELDS
        self.owners: tuple[str, ...] = _shared(owners) if owners else _NO_OWNERS

    def value(self) -> bytes:
        """The form the store keeps."""
        labels, fields, owners = self._sidecar
        uid = self.uid.encode()
        header = _HEADER.pack(_VERSION, len(uid), len(labels), len(fields), len(owners), len(self.prefix))
        return b"".join((header, uid, labels, fields, owners, self.prefix, self.suffix))


class Record:
    """One version of an object. Immutable by agreement; ``labels`` and ``owners`` are shared."""

    __slots__ = ("_fields", "key", "labels", "owners", "prefix", "revision", "suffix", "uid")

    def __init__(self, key: objects.Key, revision: int, draft: Draft) -> None:
        self.key = key
        self.revision = revision
        self.prefix = draft.prefix
        self.suffix = draft.suffix
        self.labels = draft.labels
        self.owners = draft.owners
        self.uid = draft.uid
        self._fields = draft.fields

    @property
    def fields(self) -> dict[str, str]:
        """The selectable fields, ``metadata.name`` and ``metadata.namespace`` always among them."""
        return {
            "metadata.name": self.key.name,
            "metadata.namespace": self.key.namespace,
            **dict(zip(*self._fields, strict=True)),
        }

    def field(self, name: str) -> str:
        """One selectable field, empty where absent."""
        if name == "metadata.name":
            return self.key.name
        if name == "metadata.namespace":
            return self.key.namespace
        names, values = self._fields
        return values[names.index(name)] if name in names else ""

    def body(self) -> bytes:
        """The object's JSON with its version in place."""
        return b'%b"%d"%b' % (self.prefix, self.revision, self.suffix)

    def decode(self) -> objects.Object:
        """A fresh copy that the caller may change."""
        decoded: objects.Object = orjson.loads(self.body())
        return decoded

    def size_bytes(self) -> int:
        return len(self.prefix) + len(self.suffix)

    def at(self, revision: int) -> Record:
        """The same content under another version, as a deletion's last event shows it."""
        copy = object.__new__(Record)
        for slot in Record.__slots__:
            setattr(copy, slot, getattr(self, slot))
        copy.revision = revision
        return copy

    def __repr__(self) -> str:
        return f"Record({self.key.text()}@{self.revision})"


def draft(obj: objects.Object, fields: dict[str, str]) -> Draft:
    """Encodes an object once. ``obj`` stays as it is; a resourceVersion in it is ignored.

    ``fields`` are its selectable fields; those two that every kind has may be left out.
    """
    metadata = dict(obj.get("metadata") or {})
    metadata.pop("resourceVersion", None)
    head = {name: obj[name] for name in ("kind", "apiVersion") if name in obj}
    rest = {name: value for name, value in obj.items() if name not in ("kind", "apiVersion", "metadata")}
    opening = orjson.dumps(head)[:-1] + (b',"metadata":' if head else b'"metadata":')
    encoded = orjson.dumps(metadata)[:-1] + (b',"resourceVersion":' if metadata else b'"resourceVersion":')
    closing = b"}," + orjson.dumps(rest)[1:] if rest else b"}}"
    labels = metadata.get("labels")
    owners = [reference["uid"] for reference in metadata.get("ownerReferences") or () if reference.get("uid")]
    own = {name: value for name, value in fields.items() if not name.startswith("metadata.n")}
    return Draft(
        opening + encoded,
        closing,
        metadata.get("uid") or "",
        (
            orjson.dumps(labels, option=orjson.OPT_SORT_KEYS) if labels else b"",
            orjson.dumps(own, option=orjson.OPT_SORT_KEYS) if own else b"",
            orjson.dumps(owners) if owners else b"",
        ),
    )


def load(value: bytes) -> Draft:
    """The inverse of ``Draft.value``; raises Undecodable."""
    try:
        version, uid, labels, fields, owners, prefix = _HEADER.unpack_from(value)
        if version != _VERSION:
            raise Undecodable(f"stored in form {version}, which this version of Bascule cannot read")
        at = _HEADER.size
        uid_text = value[at : (at := at + uid)].decode()
        sidecar = (
            value[at : (at := at + labels)],
            value[at : (at := at + fields)],
            value[at : (at := at + owners)],
        )
        return Draft(value[at : (at := at + prefix)], value[at:], uid_text, sidecar)
    except (struct.error, ValueError) as error:
        if isinstance(error, Undecodable):
            raise
        raise Undecodable(f"not a stored object: {error}") from error


def parts(records: Iterable[Record]) -> Iterator[bytes]:
    """The bodies' pieces, with commas between bodies: what a list joins once instead of copying each body twice."""
    separator = b""
    for record in records:
        yield separator
        yield record.prefix
        yield b'"%d"' % record.revision
        yield record.suffix
        separator = b","


def join(records: Iterable[Record]) -> bytes:
    """The bodies, separated by commas: the inside of a list's ``items``."""
    return b"".join(parts(records))
