"""Rules of conditions in the form that all newer kinds share."""

from __future__ import annotations

import re
from typing import Final

from bascule.control.kinds import check, identifiers, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_REASON: Final = r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_LENGTH_MAX: Final = 1024
_MESSAGE_LENGTH_MAX: Final = 32 * 1024
_BAD_REASON: Final = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_' "
    f"(e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', "
    f"regex used for validation is '{_REASON}')"
)


def problems(path: str, conditions: list[Object]) -> Causes:
    seen: dict[str, int] = {}
    for index, condition in enumerate(conditions):
        at, kind = f"{path}[{index}]", shape.text(condition, "type")
        if kind in seen:
            yield errors.duplicate(f"{at}.type", kind)
        seen[kind] = index
        yield from _condition(at, condition, kind)


def _condition(path: str, condition: Object, kind: str) -> Causes:
    if not kind:
        yield errors.required(f"{path}.type", "must be set")
    else:
        yield from identifiers.qualified(f"{path}.type", kind)
    status = shape.text(condition, "status")
    if status not in ("False", "True", "Unknown"):
        yield errors.not_supported(f"{path}.status", status, ("False", "True", "Unknown"))
    yield from check.not_negative(f"{path}.observedGeneration", condition.get("observedGeneration"))
    if not condition.get("lastTransitionTime"):
        yield errors.required(f"{path}.lastTransitionTime", "must be set")
    reason = shape.text(condition, "reason")
    if not reason:
        yield errors.required(f"{path}.reason", "must be set")
    else:
        if not re.fullmatch(_REASON, reason):
            yield errors.invalid_value(f"{path}.reason", reason, _BAD_REASON)
        if len(reason) > _REASON_LENGTH_MAX:
            yield errors.too_long(f"{path}.reason", _REASON_LENGTH_MAX)
    if len(shape.text(condition, "message")) > _MESSAGE_LENGTH_MAX:
        yield errors.too_long(f"{path}.message", _MESSAGE_LENGTH_MAX)
