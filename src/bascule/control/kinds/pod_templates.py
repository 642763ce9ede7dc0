"""PodTemplates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules, template, warnings
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object


def _default(obj: Object) -> None:
    template.default(shape.ensure(obj, "template"))


def _rules(obj: Object) -> Causes:
    yield from rules.template_problems("template", shape.mapping(obj, "template"))


def _warnings(obj: Object) -> list[str]:
    return warnings.of_template("template", shape.mapping(obj, "template"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    own = shape.mapping(obj, "template")
    labels = selectors.shown_map(shape.mapping(own, "metadata").get("labels"))
    return [columns.name(obj), *columns.container_cells(own), labels]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    warnings=_warnings,
    columns=(
        columns.NAME,
        Column("Containers", description="Names of the template's containers."),
        Column("Images", description="Images of the template's containers."),
        Column("Pod Labels", description="The template's labels."),
    ),
    cells=_cells,
    generation=True,
    delete_returns_object=True,
)
