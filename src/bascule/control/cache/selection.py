"""What a reader asked for, as one value: a scope and two selectors."""

from __future__ import annotations

from typing import NamedTuple

from bascule.control.cache import record, scope
from bascule.vocabulary import fields, labels


class Selection(NamedTuple):
    within: scope.Scope
    labels: labels.Selector = labels.EVERYTHING
    fields: fields.FieldSelector = fields.EVERYTHING

    @property
    def selective(self) -> bool:
        """Whether anything but the scope restricts it."""
        return not (self.labels.everything and self.fields.everything)

    def matches(self, candidate: record.Record) -> bool:
        return self.within.holds(candidate.key) and self.chooses(candidate)

    def chooses(self, candidate: record.Record) -> bool:
        """Whether the selectors match, the scope being known to."""
        for field, operator, value in self.fields.requirements:
            if (self.fields.value(candidate, field) == value) != (operator == "="):
                return False
        return self.labels.everything or self.labels.matches(candidate.labels)
