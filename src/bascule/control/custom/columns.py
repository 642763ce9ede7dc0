"""The printer columns of a version: what a table of its objects shows.

Each column is a path; its first value is the cell, in the column's type, or null. Dates are shown as ages.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from bascule.control.custom import json_path, showing
from bascule.vocabulary import timestamps
from bascule.vocabulary.objects import Object

Age = Callable[[str, datetime], str]
Cells = Callable[[Object, datetime], list[Any]]

AGE = {
    "name": "Age",
    "type": "date",
    "jsonPath": ".metadata.creationTimestamp",
    "description": "When the object was created, in UTC.",
}
"""The column of a version that declares none."""


class Column(NamedTuple):
    """One column after the name."""

    name: str
    type: str
    format: str
    priority: int
    description: str


def columns(version: Object, age: Age) -> tuple[tuple[Column, ...], Cells]:
    """The columns of one of a definition's versions, and the function that fills a row with their cells.

    Neither has the object's name, which comes first. `age` prints how long ago a timestamp was. A definition whose
    paths cannot be read prints no columns of its own.
    """
    declared = version.get("additionalPrinterColumns") or [AGE]
    try:
        finders = [json_path.parse(column.get("jsonPath") or "") for column in declared]
    except ValueError:
        return (), lambda obj, now: []
    made = tuple(_column(column) for column in declared)

    def cells(obj: Object, now: datetime) -> list[Any]:
        row = []
        for column, find in zip(made, finders, strict=True):
            found = find(obj)
            row.append(_cell(found[0], column.type, now, age) if found else None)
        return row

    return made, cells


def _column(declared: Object) -> Column:
    described = f"Custom resource definition column (in JSONPath format): {declared.get('jsonPath')}"
    return Column(
        declared.get("name") or "",
        declared.get("type") or "string",
        declared.get("format") or "",
        declared.get("priority") or 0,
        declared.get("description") or described,
    )


def _cell(value: Any, kind: str, now: datetime, age: Age) -> Any:
    """The value in the column's type; null where it is of another."""
    kind_of = value.__class__
    if kind == "string":
        return _text(value)
    if kind == "integer":
        return int(value) if kind_of in (int, float) else None
    if kind == "number":
        return float(value) if kind_of in (int, float) else None
    if kind == "boolean":
        return value if kind_of is bool else None
    return _date(value, now, age) if kind == "date" and kind_of is str else None


def _text(value: Any) -> str:
    if value.__class__ is str:
        return str(value)
    if value is None:
        return "<no value>"
    if value.__class__ in (dict, list):
        return showing.json(value)
    return showing.shown(value)


def _date(text: str, now: datetime, age: Age) -> str:
    if not text:
        return "<unknown>"
    try:
        timestamps.parse(text)
    except ValueError:
        return "<invalid>"
    return age(text, now)
