"""Does a body fit its type? Wrong types, unknown fields and duplicates, worded as Kubernetes' decoder words them.

Every type is compiled once into a closure that only says yes or no, which is nearly always yes; what exactly is wrong
is found out by a second, slower walk. Null fits everywhere and reads as absent. Values are not checked for meaning:
that is the kinds' business.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from bascule.control.schema import moments, types, zeros
from bascule.vocabulary import errors, quantity
from bascule.vocabulary.objects import Object

Fits = Callable[[Any], bool]

_QUANTITY = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?").fullmatch
_OF_YAML = re.compile(r'line [0-9]+: key ".*" already set in map', re.DOTALL).fullmatch

PROBLEMS_MAX = 100
"""How many problems of a sort are reported: enough to work with, whatever nonsense was sent."""

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
_ENDING = ("quantities must", "unable to parse", "parsing time")
_JSON_NAMES: dict[type, str] = {str: "string", dict: "object", list: "array"}
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

_REMEMBERED_MAX = 64
_REMEMBERED_BYTES_MAX = 4096
_INT32 = 1 << 31
_INT64 = 1 << 63


class Findings(NamedTuple):
    """What is wrong with a body: type errors refuse it always, the rest as `fieldValidation` says."""

    type_errors: tuple[str, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    """The paths of the document as its decoder met them, where that decides what is said first."""

    def strict_problems(self) -> list[str]:
        """`unknown field "spec.x"`, `duplicate field "spec.replicas"`: the texts of warnings."""
        found = [(path, path if _OF_YAML(path) else f"duplicate field {_quoted(path)}") for path in self.duplicates]
        found += [(path, f"unknown field {_quoted(path)}") for path in self.unknown_fields]
        if self.order and self.unknown_fields:
            last = {path: place for place, path in enumerate(self.order)}
            found.sort(key=lambda each: last.get(each[0], -1))
        return [text for _, text in found]


NOTHING = Findings()


def check(
    obj: Object, schema: types.TypeSchema, *, duplicates: Sequence[str] = (), order: Sequence[str] = ()
) -> Findings:
    """Everything wrong with the object; `NOTHING` itself when it is fine (the fast path).

    Nulls as elements of lists and maps, members that say nothing and times in another form than they are stored in are
    not wrong, but not fine either: `nulls.fill`, `zeros.leave_out` and `moments.settle` are for them.
    """
    if fits(schema)(obj) and not duplicates:
        return NOTHING
    type_errors: list[str] = []
    unknown: list[str] = []
    for problem, path in _problems(obj, schema, "", _short(schema.definition)):
        kept = type_errors if problem else unknown
        if len(kept) < PROBLEMS_MAX:
            kept.append(problem or path)
    # These end the decoding, of others the first is told when all is read.
    type_errors.sort(key=lambda problem: not problem.startswith(_ENDING))
    return Findings(tuple(type_errors), tuple(unknown), tuple(duplicates), tuple(order))


Refuse = Callable[[Object, str], errors.StatusError]
"""The error for an object and what is wrong with it."""


def unreadable(obj: Object, problem: str) -> errors.StatusError:
    """400, as upstream words it for a body that was sent whole."""
    version, kind = obj.get("apiVersion"), obj.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return errors.bad_request(problem)
    shown = version.rpartition("/")[2]
    return errors.bad_request(f'{kind} in version "{shown}" cannot be handled as a {kind}: {problem}')


def enforce(findings: Findings, obj: Object, field_validation: str, refuse: Refuse = unreadable) -> list[str]:
    """Raises what `refuse` makes of it, or returns the warnings to send. Mode: `Ignore`, `Warn` or `Strict`."""
    if findings is NOTHING:
        return []
    if findings.type_errors:
        raise refuse(obj, findings.type_errors[0])
    problems = findings.strict_problems() if field_validation != "Ignore" else []
    if problems and field_validation == "Strict":
        raise refuse(obj, "strict decoding error: " + ", ".join(_joined(problems)))
    return problems


def _joined(problems: list[str]) -> list[str]:
    """What the reader of YAML says comes as one."""
    lines = [problem for problem in problems if _OF_YAML(problem)]
    if not lines:
        return problems
    told = "".join(f"\n  {line}" for line in lines)
    return [f"yaml: unmarshal errors:{told}", *(problem for problem in problems if not _OF_YAML(problem))]


def prune_unknown(obj: Object, schema: types.TypeSchema) -> Object:
    """The object without undeclared fields; the same object if there are none."""
    pruned: Object = _pruned(obj, schema)
    return pruned


def _pruned(value: Any, schema: types.TypeSchema) -> Any:
    if value.__class__ is dict:
        if schema.shape == "any":
            return value
        kept = {}
        changed = False
        for name, member in value.items():
            below = schema.field(name)
            if below is None:
                changed = True
                continue
            kept[name] = _pruned(member, below) if member.__class__ in (dict, list) else member
            changed = changed or kept[name] is not member
        return kept if changed else value
    if value.__class__ is list and schema.items is not None and not schema.items.is_scalar:
        items = [_pruned(item, schema.items) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def fits(schema: types.TypeSchema) -> Fits:
    """The compiled check of a type: yes, or no for what has to be looked at more closely."""
    try:
        found: Fits = schema.compiled["fits"]
    except KeyError:
        found = schema.compiled["fits"] = _compile(schema)
    return found


def _compile(schema: types.TypeSchema) -> Fits:
    if schema.shape == "struct":
        return _remembering(_struct_fits(schema)) if schema.definition == types.POD_SPEC else _struct_fits(schema)
    if schema.shape == "map":
        return _map_fits(schema.additional or types.ANYTHING)
    if schema.shape == "list":
        return _list_fits(schema.items or types.ANYTHING)
    if schema.shape == "any":
        return lambda value: True
    if schema.shape == "integer":
        limit = _INT32 if schema.format == "int32" else _INT64
        return lambda value: value is None or (value.__class__ is int and -limit <= value < limit)
    if moments.is_micro(schema):
        return moments.is_stored_micro_form
    return _SCALARS[schema.shape] if schema.format != "byte" else _is_base64


def _remembering(below: Fits) -> Fits:
    """For values of which many are alike, as the specs of a workload's pods are: what fitted lately is known again."""
    known: set[bytes] = set()

    def check_remembering(value: Any) -> bool:
        try:
            encoded = orjson.dumps(value)
        except TypeError:
            return below(value)
        if encoded in known:
            return True
        if not below(value):
            return False
        if len(encoded) <= _REMEMBERED_BYTES_MAX and b"null" not in encoded:  # Which a number that is none is, too.
            if len(known) >= _REMEMBERED_MAX:
                known.clear()
            known.add(encoded)
        return True

    return check_remembering


def _struct_fits(schema: types.TypeSchema) -> Fits:
    fields = schema.fields
    # Strings are most of what there is: they are told apart without a call.
    strings = {name for name, member in fields.items() if member.shape == "string" and member.format != "byte"}
    unsaid = zeros.of(schema.definition)
    learned: dict[str, Fits] = {}

    def check_struct(value: Any) -> bool:
        if value.__class__ is not dict:
            return value is None
        for name, member in value.items():
            if not member and zeros.is_unsaid(name, member, unsaid):
                return False
            if member.__class__ is str and name in strings:
                continue
            below = learned.get(name)
            if below is None:
                if name not in fields:
                    return False
                below = learned[name] = fits(fields[name])
            if not below(member):
                return False
        return True

    return check_struct


def _map_fits(element: types.TypeSchema) -> Fits:
    if element.shape == "string" and element.format != "byte":
        allowed = {str}
        return lambda value: (
            value is None or (value.__class__ is dict and allowed.issuperset(map(type, value.values())))
        )

    def check_map(value: Any) -> bool:
        if value.__class__ is not dict:
            return value is None
        below = fits(element)
        return all(map(below, value.values())) and None not in value.values()

    return check_map


def _list_fits(element: types.TypeSchema) -> Fits:
    def check_list(value: Any) -> bool:
        if value.__class__ is not list:
            return value is None
        below = fits(element)
        return all(map(below, value)) and None not in value

    return check_list


def _is_base64(value: Any) -> bool:
    if value.__class__ is not str:
        return value is None
    try:
        binascii.a2b_base64(value.replace("\n", "").replace("\r", ""), strict_mode=True)
    except ValueError:
        return False
    return True


def _is_int_or_string(value: Any) -> bool:
    return value.__class__ is str or value is None or (value.__class__ is int and -_INT32 <= value < _INT32)


def _is_quantity(value: Any) -> bool:
    if value.__class__ is str:
        return _QUANTITY(value) is not None
    return value is None or value.__class__ in (int, float)


_SCALARS: dict[str, Fits] = {
    "string": lambda value: value is None or value.__class__ is str,
    "boolean": lambda value: value is None or value.__class__ is bool,
    "number": lambda value: value is None or value.__class__ in (int, float),
    "int-or-string": _is_int_or_string,
    "quantity": _is_quantity,
    "time": moments.is_stored_form,
}


def _problems(
    value: Any, schema: types.TypeSchema, path: str, owner: str, where: str = ""
) -> Iterator[tuple[str, str]]:
    """Pairs of a type error's text and its path; the text is empty for an unknown field.

    `where` is the path as type errors name it: the fields of structs alone.
    """
    if value.__class__ is dict and schema.shape in ("struct", "map"):
        inside = _short(schema.definition) or owner
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
            yield from _problems(member, below, place, inside, field)
    elif value.__class__ is list and schema.shape == "list":
        for index, item in enumerate(value):
            yield from _problems(item, schema.items or types.ANYTHING, f"{path}[{index}]", owner, where)
    elif not fits(schema)(value) and not _is_readable_time(value, schema):
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


def _quoted(path: str) -> str:
    return json.dumps(path, ensure_ascii=False)


def _short(definition: str) -> str:
    return definition.rpartition(".")[2]
