"""Everything a schema demands of an object: types and constraints, unique list items, embedded resources.

An object that fits costs a few closures; one that does not is explained in upstream's words. On updates what is wrong
with values that did not change is forgiven. Time is bounded by the sizes of object and schema: patterns do not
backtrack, nothing is compared with everything, and how deep a walk goes is bounded by the schema.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bascule.control.custom import checking, coercing, explaining, showing, structural, uniqueness
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

MetadataRules = Callable[[Object], list[errors.Cause]]
"""Causes of an object with metadata, their fields starting with `metadata`."""

_BLOCKING = frozenset(
    (
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    )
)
UNCHECKED = errors.Cause(
    "FieldValueInvalid",
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


class Validator:
    """One schema's demands. The status of an object can be validated alone, `within` the field it is in."""

    def __init__(
        self, node: structural.Node, metadata_rules: MetadataRules | None, made: checking.Made | None = None
    ) -> None:
        self._node = node
        self._fits = checking.compile(node.raw, made)
        self._metadata_rules = metadata_rules

    def problems(self, obj: Any, old: Any = None) -> list[errors.Cause]:
        """Everything wrong with the object; `old` is what an update replaces."""
        return self.schema_problems(obj, old) + self.embedded_problems(obj) + self.list_problems(obj, old)

    def schema_problems(self, value: Any, old: Any = None, *, within: str = "") -> list[errors.Cause]:
        """Types and constraints only."""
        if self._fits(value):
            return []
        before = explaining.ABSENT if old is None else old
        return explaining.explain(value, self._node.raw, before, prefix=within)

    def list_problems(self, obj: Any, old: Any = None) -> list[errors.Cause]:
        """Items that repeat; forgiven when the old object had such, too."""
        found = uniqueness.problems(obj, self._node)
        return [] if found and old is not None and uniqueness.problems(old, self._node) else found

    def embedded_problems(self, obj: Any) -> list[errors.Cause]:
        """What makes an embedded resource none."""
        if not self._node.embeds:
            return []
        causes: list[errors.Cause] = []
        for path, resource in coercing.resources(obj, self._node, ""):
            causes += resource_problems(path, resource)
            if self._metadata_rules is not None and resource.get("metadata").__class__ is dict:
                named = {"metadata": {"name": "fakename"} | resource["metadata"]}
                if not named["metadata"]["name"]:
                    named["metadata"]["name"] = "fakename"
                causes += [cause._replace(field=f"{path}.{cause.field}") for cause in self._metadata_rules(named)]
        return causes


def compile(
    node: structural.Node, metadata_rules: MetadataRules | None = None, made: checking.Made | None = None
) -> Validator:
    """The validator of a schema; `metadata_rules` check the metadata of embedded resources.

    `made` holds what was compiled for others within the same schema, and takes what is compiled for this.
    """
    return Validator(node, metadata_rules, made)


def blocks_rules(causes: list[errors.Cause]) -> bool:
    """Whether an object is too wrong for its rules to be evaluated (then `UNCHECKED` is a cause, too)."""
    return any(cause.type in _BLOCKING for cause in causes)


def resource_problems(path: str, resource: Object) -> list[errors.Cause]:
    """An embedded resource says what it is."""
    causes = []
    for key in ("apiVersion", "kind"):
        value = resource.get(key, "")
        place = f"{path}.{key}"
        if value.__class__ is not str:
            causes.append(
                errors.Cause("FieldValueInvalid", place, f"Invalid value: {showing.shown(value)}: must be a string")
            )
        elif not value:
            causes.append(errors.required(place, ""))
        elif key == "apiVersion" and value.count("/") > 1:
            causes.append(errors.invalid_value(place, value, f"unexpected GroupVersion string: {value}"))
        elif key == "kind" and (problems := names.is_dns1035_label(value.lower())):
            words = "may have mixed case, but should otherwise match: " + ",".join(problems)
            causes.append(errors.invalid_value(place, value, words))
    return causes
