"""Secrets. `stringData` is a way of writing `data`: defaulting merges it, so it is never stored or returned."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, config_maps, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_REQUIRED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_SSH_KEY = "ssh-privatekey"
_JSON_KEYS = (".dockercfg", ".dockerconfigjson")
_REDACTED = "<secret contents redacted>"


def default(obj: Object) -> None:
    shape.fill_zero(obj, "type", "Opaque")
    if "stringData" in obj:
        written = shape.strings(obj, "stringData")
        if written:
            data = shape.ensure(obj, "data")
            for key, value in written.items():
                data[key] = base64.b64encode(value.encode(errors="surrogatepass")).decode()
        del obj["stringData"]


def _rules(obj: Object) -> Causes:
    data = shape.mapping(obj, "data")
    yield from config_maps.data_problems("data", data)
    if sum(map(config_maps.decoded_size, data.values())) > config_maps.SIZE_MAX:
        yield errors.too_long("data", config_maps.SIZE_MAX)
    kind = obj.get("type")
    if kind == "Opaque":
        return
    if type(kind) is not str:
        return
    for key in _REQUIRED_KEYS.get(kind, ()):
        if key not in data or (key == _SSH_KEY and not data[key]):
            yield errors.required(f"data[{key}]", "")
        elif key in _JSON_KEYS:
            problem = _json_problem(data[key])
            if problem:
                yield errors.invalid_value(f"data[{key}]", _REDACTED, problem)
    if kind == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
        yield errors.required("data[username]", "")
        yield errors.required("data[password]", "")
    if kind == "kubernetes.io/service-account-token":
        annotations = shape.strings(shape.mapping(obj, "metadata"), "annotations")
        if not annotations.get(_ACCOUNT_NAME):
            yield errors.required(f"metadata.annotations[{_ACCOUNT_NAME}]", "")


def _decoded(encoded: Any) -> bytes:
    try:
        return base64.b64decode(encoded) if type(encoded) is str else b""
    except (binascii.Error, ValueError):
        return b""


def _json_problem(encoded: Any) -> str:
    """Why a document is not a JSON object, as Go's decoder says it; nothing when it is one."""
    content = _decoded(encoded)
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos : error.pos + 1]
        if not rest:
            return "unexpected end of JSON input"
        return f"invalid character {rest!r} looking for beginning of value"
    except (ValueError, RecursionError):
        return "invalid character in JSON document"
    if type(value) is dict or value is None:
        return ""
    kind = {list: "array", str: "string", bool: "bool"}.get(type(value), "number")
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def _warnings(obj: Object) -> list[str]:
    """A pair for TLS that cannot be read as one."""
    if obj.get("type") != "kubernetes.io/tls":
        return []
    data = shape.mapping(obj, "data")
    for key, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        if b"-----BEGIN " not in _decoded(data.get(key)):
            return [f"tls: failed to find any PEM data in {what} input"]
    return []


def _update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable("type", new.get("type"), old.get("type"))
    yield from config_maps.immutable_problems(new, old, ("data",))


def _fields(obj: Object) -> dict[str, str]:
    return {"type": shape.text(obj, "type")}


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), shape.text(obj, "type"), len(shape.mapping(obj, "data")), columns.age(obj, now)]


STRATEGY = generic.make(
    default=default,
    rules=_rules,
    update_rules=_update_rules,
    fields=_fields,
    warnings=_warnings,
    columns=(
        columns.NAME,
        Column("Type", description="What the secret is for."),
        Column("Data", description="How many keys there are."),
        columns.AGE,
    ),
    cells=_cells,
)
