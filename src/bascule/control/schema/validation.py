"""Wrong types, unknown fields and duplicates of a body, and what becomes of them as the client asked.

`fitting` says whether there is anything, `mismatches` what. Values are not checked for meaning: that is the kinds'
business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bascule.control.schema import fitting, mismatches, types
from bascule.vocabulary import errors, quoting
from bascule.vocabulary.objects import Object

_OF_YAML = re.compile(r'line [0-9]+: key ".*" already set in map', re.DOTALL).fullmatch
_ENDING = ("quantities must", "unable to parse", "parsing time")

PROBLEMS_MAX = 100
"""How many problems of a sort are reported: enough to work with, whatever nonsense was sent."""


class Findings(NamedTuple):
    """What is wrong with a body: type errors refuse it always, the rest as `fieldValidation` says."""

    type_errors: tuple[str, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    """The paths of the document as its decoder met them, where that decides what is said first."""

    def strict_problems(self) -> list[str]:
        """`unknown field "spec.x"`, `duplicate field "spec.replicas"`: the texts of warnings."""
        found = [
            (path, path if _OF_YAML(path) else f"duplicate field {quoting.quoted(path)}") for path in self.duplicates
        ]
        found += [(path, f"unknown field {quoting.quoted(path)}") for path in self.unknown_fields]
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
    if fitting.fits(schema)(obj) and not duplicates:
        return NOTHING
    type_errors: list[str] = []
    unknown: list[str] = []
    for problem, path in mismatches.problems(obj, schema, "", mismatches.short(schema.definition)):
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
