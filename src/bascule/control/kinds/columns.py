"""Columns and cells that many kinds print."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bascule.control.kinds import duration, selectors, shape
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object

NAME = Column("Name", format="name", description="The object's name, unique within its namespace.")
AGE = Column("Age", description="Time since the object was created.")
CREATED_AT = Column("Created At", "date", description="When the object was created, in UTC.")
CONTAINERS = Column("Containers", priority=1, description="Names of the template's containers.")
IMAGES = Column("Images", priority=1, description="Images of the template's containers.")
SELECTOR = Column("Selector", priority=1, description="Which pods belong to the object.")
NONE = "<none>"
UNSET = "<unset>"

GENERIC = (NAME, CREATED_AT)


def generic_cells(obj: Object, now: datetime) -> list[Any]:
    metadata = shape.mapping(obj, "metadata")
    return [metadata.get("name"), metadata.get("creationTimestamp")]


def name(obj: Object) -> str:
    return shape.text(shape.mapping(obj, "metadata"), "name")


def age(obj: Object, now: datetime) -> str:
    return duration.age(obj, now)


def joined(values: Iterable[Any], empty: str = NONE) -> str:
    return ",".join(str(value) for value in values) or empty


def or_none(value: Any, empty: str = NONE) -> str:
    return str(value) if value not in (None, "") else empty


def shown(value: Any, empty: str = NONE) -> str:
    """A scalar as Go prints it: `true`, not `True`; `<none>` when absent."""
    if value is None:
        return empty
    if type(value) is bool:
        return "true" if value else "false"
    return str(value)


def template_cells(template: Object, selector: Any) -> list[str]:
    """Containers, images and selector of a workload, the wide columns."""
    return [*container_cells(template), selectors.shown(selector)]


def container_cells(template: Object) -> list[str]:
    containers = shape.items(shape.mapping(template, "spec"), "containers")
    return [
        ",".join(shape.text(container, "name") for container in containers),
        ",".join(shape.text(container, "image") for container in containers),
    ]


def listed(values: list[str], total: int, limit: int = 3) -> str:
    """The first few of many: `a,b,c + 4 more...`."""
    text = ",".join(values[:limit])
    return f"{text} + {total - limit} more..." if total > limit else text
