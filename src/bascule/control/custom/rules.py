"""The rules of a schema (``x-kubernetes-validations``), run on an object.

Every rule runs where its schema is, on every value there is, within a budget for each run and one for the object.
Transition rules run only where the old value is known for certain: not below lists, unless these are maps by key. On
updates, what a rule says of values that did not change is no cause but a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bascule.control.cel import program
from bascule.control.cel.data import Declared
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.values import NONE, Lazy, Optional
from bascule.control.custom import effort, rule_checks, rule_compilation, rule_names, rule_types, showing, structural
from bascule.vocabulary import errors, quoting
from bascule.vocabulary.objects import Object

OBJECT_BUDGET = 10_000_000
"""What all rules together may cost for one object: about a second, upstream."""
MESSAGE_BYTES_MAX = 5 * 1024
OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_RUN_COST = 2
_ABSENT: Any = object()


@dataclass(slots=True, eq=False)
class _Place:
    """A place of the schema with rules at it or below."""

    node: structural.Node
    declared: Declared
    rules: list[rule_compilation.Compiled]
    properties: dict[str, _Place] = field(default_factory=dict)
    items: _Place | None = None
    additional: _Place | None = None
    branches: list[_Place] = field(default_factory=list)
    """Of ``allOf``: further rules for the same values."""


def compile(node: structural.Node) -> Rules | None:
    """The rules of a schema; None when it has none."""
    declared = rule_types.declare(node, is_resource=True) if node.has_rules else None
    place = _place(node, node, declared) if declared is not None else None
    return Rules(place) if place is not None else None


def rule_problems(node: structural.Node, path: str) -> Iterator[errors.Cause]:
    """Causes for rules that may not be written, else for defaults in the schema that break them."""
    if not node.has_rules:
        return
    found = list(rule_checks.problems(node, path))
    yield from found
    if not found:
        yield from _default_problems(node, path)


def _default_problems(node: structural.Node, path: str) -> Iterator[errors.Cause]:
    """A default is an object of its own: it must keep the rules at its place and below, without further defaults."""
    if not node.has_rules:
        return
    if node.has_default:
        declared = rule_types.declare(node, is_resource=node.embedded_resource)
        place = _place(node, node, declared) if declared is not None else None
        if place is not None:
            yield from Rules(place).problems(node.default, node.default, f"{path}.default", forgive=False)
    if node.items is not None:
        yield from _default_problems(node.items, f"{path}.items")
    for name, member in node.properties.items():
        yield from _default_problems(member, f"{path}.properties[{name}]")


def _place(rules: structural.Node, node: structural.Node, declared: Declared) -> _Place | None:
    """Compiles ``rules`` (the node itself, or a branch of its ``allOf``) for values of ``node``."""
    found = _Place(node, declared, [rule_compilation.compile(rule, node, declared) for rule in rules.rules])
    for name, member in rules.properties.items():
        own = node.properties.get(name)
        below = _field(declared, name, own) if own is not None else None
        place = _place(member, own, below) if own is not None and below is not None else None
        if place is not None:
            found.properties[name] = place
    if declared.element is not None:
        if rules.items is not None and node.items is not None:
            found.items = _place(rules.items, node.items, declared.element)
        if rules.additional is not None and node.additional is not None:
            found.additional = _place(rules.additional, node.additional, declared.element)
    for branch in rules.validation.get("allOf") or ():
        place = _place(structural.parse(branch), node, declared) if type(branch) is dict else None
        if place is not None:
            found.branches.append(place)
    kept = found.rules or found.properties or found.items or found.additional or found.branches
    return found if kept else None


def _field(declared: Declared, name: str, node: structural.Node) -> Declared | None:
    identifier = rule_names.escape(name)
    if identifier is None:
        return rule_types.declare(node, is_resource=node.embedded_resource, name=name)
    found = declared.fields.get(identifier)
    return found.declared if found is not None else None


@dataclass(slots=True)
class _Pair:
    """A value and what it was, compared when that is asked for."""

    new: Any
    old: Any
    _same: bool | None = None

    def same(self) -> bool:
        if self._same is None:
            try:
                self._same = bool(self.new == self.old)
            except RecursionError:  # nested too deeply to tell
                self._same = False
        return self._same


@dataclass(frozen=True, slots=True)
class _History:
    """Which old value a value has, and the nearest one above that has any."""

    current: _Pair | None = None
    parent: _Pair | None = None

    def forgives(self) -> bool:
        """Whether what is wrong was so before."""
        known = self.current if self.current is not None else self.parent
        return known is not None and known.same()

    def below(self, new: Any, old: Any) -> _History:
        if self.current is None:
            return self
        return _History(_Pair(new, old) if old is not _ABSENT else None, self.current)


class Rules:
    """The rules of one schema."""

    def __init__(self, place: _Place) -> None:
        self._place = place

    def problems(
        self,
        obj: Any,
        old: Any,
        path_prefix: str = "",
        *,
        warnings: list[errors.Cause] | None = None,
        forgive: bool = True,
    ) -> list[errors.Cause]:
        """What the rules say of an object that fits its schema. What they forgive goes to ``warnings``."""
        run = _Run(warnings if warnings is not None else [])
        history = _History(_Pair(obj, old)) if old is not None and forgive else _History()
        try:
            run.visit(self._place, path_prefix, obj, old, history)
        except _StopError:
            pass
        return run.causes


class _StopError(Exception):
    """No further rule is run."""


class _Run:
    """One object's walk through the rules: causes so far, and what is left of the budget."""

    def __init__(self, warnings: list[errors.Cause]) -> None:
        self.causes: list[errors.Cause] = []
        self.warnings = warnings
        self.budget = OBJECT_BUDGET
        self.kind = ""
        """The type of the values whose rules are run: what stands for a value that a rule says nothing about."""

    def visit(self, place: _Place, path: str, value: Any, old: Any, history: _History) -> None:
        if value is None:
            return
        if place.rules:
            self.rules(place, path, value, old, history)
        for branch in place.branches:
            self.visit(branch, path, value, old, _History(None, history.parent))
        if type(value) is dict:
            self.members(place, path, value, old if type(old) is dict else {}, history)
        elif type(value) is list and place.items is not None:
            self.listed(place, place.items, path, value, old if type(old) is list else [], history)

    def members(self, place: _Place, path: str, value: Object, old: Object, history: _History) -> None:
        for key, member in value.items():
            below = place.additional or place.properties.get(key)
            if below is None:
                continue
            shown = f"{path}[{key}]" if place.additional is not None else f"{path}.{key}" if path else key
            if history.parent is None and history.current is not None and key in ("apiVersion", "kind"):
                inner = _History()
            else:
                inner = history.below(member, old.get(key, _ABSENT))
            self.visit(below, shown, member, old.get(key), inner)

    def listed(
        self, place: _Place, items: _Place, path: str, value: list[Any], old: list[Any], history: _History
    ) -> None:
        by_key: dict[Any, Any] = {}
        if place.node.list_type == "map":
            by_key = {_key(item, place.node.map_keys): item for item in old}
        for index, item in enumerate(value):
            was = by_key.get(_key(item, place.node.map_keys), _ABSENT) if by_key else _ABSENT
            inner = history.below(item, was)
            self.visit(items, f"{path}[{index}]", item, None if was is _ABSENT else was, inner)

    def rules(self, place: _Place, path: str, value: Any, old: Any, history: _History) -> None:
        self.kind = place.node.type
        if self.budget <= 0:
            self.stop(path, OUT_OF_BUDGET)
        current = _value(place.declared, value)
        known: dict[str, Any] = {"self": current}
        optional: dict[str, Any] = {"self": current, "oldSelf": NONE}
        if old is not None and any(rule.uses_old for rule in place.rules):
            known["oldSelf"] = _value(place.declared, old)
            optional["oldSelf"] = Optional(known["oldSelf"])
        for rule in place.rules:
            if rule.problem:
                self.causes.append(self.unsound(path, f"rule compile error: {rule.problem}"))
            elif rule.run is not None and (old is not None or not rule.uses_old or rule.optional_old):
                self.rule(rule, path, value, optional if rule.optional_old else known, history)

    def rule(
        self, rule: rule_compilation.Compiled, path: str, value: Any, variables: dict[str, Any], history: _History
    ) -> None:
        if rule.run is None:
            return
        outcome = _run(rule.run, variables)
        self.spend(outcome.cost, path, OUT_OF_BUDGET)
        if outcome.error is not None:
            self.failure(rule, path, outcome)
            return
        if outcome.value is True:
            return
        place = (f"{path}.{rule.field_path}" if path else rule.field_path) if rule.field_path else path
        detail = self.explanation(rule, place, variables)
        cause = _for_reason(rule.reason, place, value, detail)
        if not rule.uses_old and history.forgives():
            self.warnings.append(cause)
        else:
            self.causes.append(cause)

    def failure(self, rule: rule_compilation.Compiled, path: str, outcome: program.Outcome) -> None:
        """The rule came to no result."""
        text = str(outcome.error)
        if text.startswith("no such overload"):
            unmatched = "call arguments did not match a supported operator, function or macro signature for rule"
            self.causes.append(self.unsound(path, f"'{text}': {unmatched}: {rule.shown}"))
        elif text.startswith("operation cancelled: actual cost limit exceeded"):
            further = "no further validation rules will be run due to call cost exceeds limit for rule"
            self.stop(path, f"'{text}': {further}: {rule.shown}")
        else:
            self.causes.append(self.unsound(path, f"{text} evaluating rule: {rule.shown}"))

    def explanation(self, rule: rule_compilation.Compiled, path: str, variables: dict[str, Any]) -> str:
        """The message: what its expression comes to, or what is written, or the rule itself."""
        written = rule.message.strip() if rule.message else f"failed rule: {rule.shown}"
        if rule.explain is None:
            return written
        outcome = _run(rule.explain, variables)
        self.spend(
            outcome.cost,
            path,
            "messageExpression evaluation failed due to running out of cost budget, no further validation rules will "
            "be run",
        )
        if str(outcome.error or "").startswith("operation cancelled"):
            expression = quoting.quoted(rule.explain.source)
            self.stop(
                path,
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: "
                + expression,
            )
        text = outcome.value.strip() if type(outcome.value) is str else ""
        fits = text and "\n" not in text and len(text.encode(errors="replace")) <= MESSAGE_BYTES_MAX
        return text if fits else written

    def spend(self, cost: int, path: str, message: str) -> None:
        if cost > self.budget:
            self.stop(path, message)
        self.budget -= cost

    def stop(self, path: str, message: str) -> None:
        self.causes.append(self.unsound(path, message))
        raise _StopError

    def unsound(self, path: str, detail: str) -> errors.Cause:
        """Of a rule that came to no result."""
        return errors.invalid_value(path or "<nil>", self.kind, detail)


def _run(rule: program.Program, variables: dict[str, Any]) -> program.Outcome:
    """One run; TooLongError when that is more than may be done now."""
    left = effort.left()
    limit = program.PER_CALL_LIMIT if left is None else min(left, program.PER_CALL_LIMIT)
    outcome = rule.run(variables, limit)
    effort.spend(outcome.cost + _RUN_COST)
    return outcome


def _value(declared: Declared, raw: Any) -> Any:
    """The raw value as rules see it. What it cannot be (a date that is none) is an error of who reads it."""
    if declared.wrap is None:
        return raw
    try:
        return declared.wrap(raw)
    except EvaluationError as error:
        return Lazy.failed(error)


def _key(item: Any, names: tuple[str, ...]) -> Any:
    """An item's key in a map list; what is no such item has its own."""
    if type(item) is not dict:
        return id(item)
    values = [item.get(name) for name in names]
    return tuple((type(value), value) if not isinstance(value, (dict, list)) else id(value) for value in values)


def _simple(value: Any) -> str:
    """How a value stands in a message: simple ones do, others are left out."""
    return f": {showing.shown(value)}" if type(value) in (str, int, float, bool) else ""


def _invalid(path: str, value: Any, detail: str) -> errors.Cause:
    return errors.Cause("FieldValueInvalid", path or "<nil>", f"Invalid value{_simple(value)}: {detail}")


def _for_reason(reason: str, path: str, value: Any, detail: str) -> errors.Cause:
    place = path or "<nil>"
    if reason == "FieldValueForbidden":
        return errors.forbidden_field(place, detail)
    if reason == "FieldValueRequired":
        return errors.required(place, detail)
    if reason == "FieldValueDuplicate":
        return errors.Cause(reason, place, f"Duplicate value{_simple(value)}")
    return _invalid(path, value, detail)
