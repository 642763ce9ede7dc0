"""What exactly does not fit its type, worded as Kubernetes' decoder words it: the slow walk after `fitting` said no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.control.schema import fitting, moments, types
from bascule.vocabulary import quantity

_CORE = "io.k8s.api.core.v1."
_NONE: frozenset[str] = frozenset()
_INLINED: dict[str, tuple[str, frozenset[str]]] = {
    f"{_CORE}Volume": ("VolumeSource", frozenset({"name"})),
    f"{_CORE}Probe": (
        "ProbeHandler",
        frozenset(
            {
                "failureThreshold",
                "initialDelaySeconds",
                "periodSeconds",
                "successThreshold",
                "terminationGracePeriodSeconds",
                "timeoutSeconds",
            }
        ),
    ),
    f"{_CORE}PersistentVolumeSpec": (
        "PersistentVolumeSource",
        frozenset(
            {
                "accessModes",
                "capacity",
                "claimRef",
                "mountOptions",
                "nodeAffinity",
                "persistentVolumeReclaimPolicy",
                "storageClassName",
                "volumeAttributesClassName",
                "volumeMode",
            }
        ),
    ),
    f"{_CORE}EphemeralContainer": ("EphemeralContainerCommon", frozenset({"targetContainerName"})),
    "io.k8s.api.networking.v1.IngressRule": ("IngressRuleValue", frozenset({"host"})),
}
"""Structs whose members come mostly from another, inlined: its name stands in the paths of type errors."""
_JSON_NAMES: dict[type, str] = {str: "string", dict: "object", list: "array"}
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def problems(value: Any, schema: types.TypeSchema, path: str, owner: str, where: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of a type error's text and its path; the text is empty for an unknown field.

    `where` is the path as type errors name it: the fields of structs alone.
    """
    if value.__class__ is dict and schema.shape in ("struct", "map"):
        inside = short(schema.definition) or owner
        inlined, own = _INLINED.get(schema.definition, ("", _NONE))
        for name, member in value.items():
            below = schema.field(name)
            place = f"{path}.{name}" if path else name
            if below is None:
                yield "", place
                continue
            field = where
            if schema.shape == "struct":
                step = f"{inlined}.{name}" if inlined and name not in own else name
                field = f"{where}.{step}" if where else step
            yield from problems(member, below, place, inside, field)
    elif value.__class__ is list and schema.shape == "list":
        for index, item in enumerate(value):
            yield from problems(item, schema.items or types.ANYTHING, f"{path}[{index}]", owner, where)
    elif not fitting.fits(schema)(value) and not _is_readable_time(value, schema):
        yield _mismatch(value, schema, owner, where), path


def _is_readable_time(value: Any, schema: types.TypeSchema) -> bool:
    return schema.shape == "time" and value.__class__ is str and moments.stored(value, schema) is not None


def _mismatch(value: Any, schema: types.TypeSchema, owner: str, where: str) -> str:
    if schema.shape == "quantity":
        return quantity.problem(value if value.__class__ is str else "")
    if value.__class__ is str:
        if schema.shape == "time":
            return moments.problem(value, schema)
        if schema.format == "byte":
            return f"illegal base64 data at input byte {base64_stop(value)}"
    target = f"Go struct field {owner}.{where}" if where else "Go value"
    wanted = "types.UID" if where.endswith("etadata.uid") else _go_type(schema)
    return f"json: cannot unmarshal {_json_name(value, schema)} into {target} of type {wanted}"


def base64_stop(text: str) -> int:
    """The byte at which Go's decoder gives up."""
    encoded = text.encode("utf-8", "surrogatepass")
    digits: list[int] = []
    for place, byte in enumerate(encoded):
        if byte in b"\r\n":
            continue
        if byte in _BASE64:
            digits.append(place)
            continue
        filled = len(digits) % 4
        if byte != ord("=") or filled < 2:
            return place
        rest = [later for later in range(place + 1, len(encoded)) if encoded[later] not in b"\r\n"]
        if filled == 3:
            return rest[0] if rest else len(encoded)
        if not rest:
            return len(encoded)
        if encoded[rest[0]] != ord("="):
            return rest[0] - 1
        return rest[1] if rest[1:] else len(encoded)
    return len(encoded) - len(digits) % 4


def _json_name(value: Any, schema: types.TypeSchema) -> str:
    """What it is in JSON; a number is spelled out where another would have fitted."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return f"number {value}" if schema.shape in ("integer", "number", "int-or-string") else "number"
    return _JSON_NAMES.get(value.__class__, "value")


def _go_type(schema: types.TypeSchema) -> str:
    if schema.shape == "integer":
        return schema.format or "int64"
    if schema.shape == "list":
        return f"[]{_go_type(schema.items or types.ANYTHING)}"
    if schema.shape == "map":
        element = schema.additional or types.ANYTHING
        return "v1.ResourceList" if element.shape == "quantity" else f"map[string]{_go_type(element)}"
    if schema.shape == "string" and schema.format == "byte":
        return "[]uint8"
    named = {"boolean": "bool", "number": "float64", "time": "string", "int-or-string": "int32"}
    if schema.shape == "struct":
        parts = schema.definition.split(".")
        return ".".join(parts[-2:]) if len(parts) > 1 else "struct"
    return named.get(schema.shape, schema.shape)


def short(definition: str) -> str:
    """The name of a type without its package."""
    return definition.rpartition(".")[2]
