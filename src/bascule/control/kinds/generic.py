"""The behaviour every kind has, and the way kinds add theirs.

`make` builds a `Strategy` from a kind's own rules, each a small function of the document:

- `rules(obj)`, `update_rules(new, old)`, `status_rules(new, old)` yield causes besides the metadata's;
- `default(obj)` fills in; `create(obj, context)` and `update(new, old, context)` prepare after the generic steps;
- `zero_counts` are the fields of a new status that the schema requires, all counters;
- `annotations_desired`, `labels_desired`: a change of those makes a new generation too;
- `fields(obj)` adds selectable fields; `columns` with `cells` print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bascule.control.kinds import columns as printing
from bascule.control.kinds import metadata, shape
from bascule.control.kinds.strategy import (
    Cells,
    Column,
    Context,
    Default,
    PrepareCreate,
    PrepareUpdate,
    SelectableFields,
    Strategy,
    Warnings,
)
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

Rules = Callable[[Object], Iterator[errors.Cause]]
UpdateRules = Callable[[Object, Object], Iterator[errors.Cause]]

_NOT_DESIRED = frozenset(("metadata", "status", "apiVersion", "kind"))
_KEPT_BY_STATUS = frozenset(("metadata", "status"))


def nothing(obj: Object) -> None:
    """No defaults."""


def no_warnings(obj: Object) -> list[str]:
    return []


def name_fields(obj: Object) -> dict[str, str]:
    own = shape.mapping(obj, "metadata")
    return {"metadata.name": shape.text(own, "name"), "metadata.namespace": shape.text(own, "namespace")}


def desired_differs(new: Object, old: Object) -> bool:
    """Whether anything but metadata and status changed."""
    for key, value in new.items():
        if key not in _NOT_DESIRED and value != old.get(key):
            return True
    return any(key not in new and value is not None for key, value in old.items() if key not in _NOT_DESIRED)


def make(
    *,
    name_rule: metadata.NameRule = metadata.subdomain,
    rules: Rules | None = None,
    update_rules: UpdateRules | None = None,
    status_rules: UpdateRules | None = None,
    default: Default = nothing,
    create: PrepareCreate | None = None,
    update: PrepareUpdate | None = None,
    fields: SelectableFields | None = None,
    columns: tuple[Column, ...] = printing.GENERIC,
    cells: Cells = printing.generic_cells,
    warnings: Warnings = no_warnings,
    status: bool = False,
    generation: bool = False,
    annotations_desired: bool = False,
    labels_desired: bool = False,
    status_keeps_labels: bool = False,
    created_with_status: bool = False,
    zero_counts: tuple[str, ...] = (),
    **traits: Any,
) -> Strategy:
    """A strategy; `traits` are the remaining fields of `Strategy` (create_on_update, scale, …)."""
    desired = ("annotations",) * annotations_desired + ("labels",) * labels_desired
    validate, validate_update, validate_status = _validation(name_rule, rules, update_rules, status_rules)
    return Strategy(
        default=default,
        prepare_create=_prepare_create(
            create, drops_status=status and not created_with_status, generation=generation, zero_counts=zero_counts
        ),
        prepare_update=_prepare_update(update, status=status, generation=generation, desired=desired),
        prepare_status=_prepare_status(keeps_labels=status_keeps_labels),
        validate=validate,
        validate_update=validate_update,
        validate_status=validate_status,
        selectable_fields=_selectable(fields),
        columns=columns,
        cells=cells,
        warnings=warnings,
        status=status,
        status_keeps_labels=status_keeps_labels,
        created_with_status=created_with_status,
        generation=generation,
        **traits,
    )


def _prepare_create(
    create: PrepareCreate | None, *, drops_status: bool, generation: bool, zero_counts: tuple[str, ...]
) -> PrepareCreate:
    def prepare(obj: Object, context: Context) -> None:
        own = shape.ensure(obj, "metadata")
        if generation:
            own["generation"] = 1
        else:
            own.pop("generation", None)
        if drops_status:
            obj["status"] = dict.fromkeys(zero_counts, 0)
        if create is not None:
            create(obj, context)

    return prepare


def _prepare_update(
    update: PrepareUpdate | None, *, status: bool, generation: bool, desired: tuple[str, ...]
) -> PrepareUpdate:
    def prepare(new: Object, old: Object, context: Context) -> None:
        own, before = shape.ensure(new, "metadata"), shape.mapping(old, "metadata")
        if status:
            _copy(new, old, "status")
        if update is not None:
            update(new, old, context)
        _copy(own, before, "generation")
        noted = any(shape.strings(own, key) != shape.strings(before, key) for key in desired)
        if generation and (noted or desired_differs(new, old)):
            own["generation"] = shape.count(before, "generation") + 1

    return prepare


def _prepare_status(*, keeps_labels: bool) -> PrepareUpdate:
    kept = (
        ("generation", "ownerReferences", "finalizers", "labels")
        if keeps_labels
        else (
            "generation",
            "ownerReferences",
            "finalizers",
        )
    )

    def prepare(new: Object, old: Object, context: Context) -> None:
        for key, value in old.items():
            if key not in _KEPT_BY_STATUS:
                new[key] = value
        for key in new.keys() - old.keys() - _KEPT_BY_STATUS:
            del new[key]
        own, before = shape.ensure(new, "metadata"), shape.mapping(old, "metadata")
        for key in kept:
            _copy(own, before, key)

    return prepare


def _copy(new: Object, old: Object, key: str) -> None:
    if key in old:
        new[key] = old[key]
    else:
        new.pop(key, None)


def _validation(
    name_rule: metadata.NameRule,
    rules: Rules | None,
    update_rules: UpdateRules | None,
    status_rules: UpdateRules | None,
) -> tuple[Callable[[Object], list[errors.Cause]], Any, Any]:
    def validate(obj: Object) -> list[errors.Cause]:
        causes = metadata.problems(obj, name_rule)
        if rules is not None:
            causes.extend(rules(obj))
        return causes

    def validate_update(new: Object, old: Object) -> list[errors.Cause]:
        causes = metadata.update_problems(new, old)
        if update_rules is not None:
            causes.extend(update_rules(new, old))
        return causes

    def validate_status(new: Object, old: Object) -> list[errors.Cause]:
        causes = metadata.problems(new, name_rule, old)
        causes.extend(metadata.update_problems(new, old))
        if status_rules is not None:
            causes.extend(status_rules(new, old))
        return causes

    return validate, validate_update, validate_status


def _selectable(fields: SelectableFields | None) -> SelectableFields:
    if fields is None:
        return name_fields

    def selectable(obj: Object) -> dict[str, str]:
        return {**name_fields(obj), **fields(obj)}

    return selectable


PLAIN = make()
WITH_STATUS = make(status=True, generation=True)
