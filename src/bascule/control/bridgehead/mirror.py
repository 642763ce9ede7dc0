"""Whether a report says what the API has already, so that it need not be written again.

`covers` is pure. `Mirror` knows what was written and has not come back through the informer yet: until it has, the
informer's copy is no evidence of what the store holds.
"""

from __future__ import annotations

import math
from typing import Any

from bascule.vocabulary import conditions, objects

_BEATS = frozenset({"lastHeartbeatTime", "lastProbeTime"})
_REMEMBERED = 20_000

Written = tuple[str, str]
"""(kind of report, name)"""


def covers(present: Any, reported: Any) -> bool:
    """Whether writing `reported` into `present` (a status, merged as patches are) would change more than a beat."""
    if not isinstance(reported, dict) or not isinstance(present, dict):
        return bool(present == reported)
    for field, value in reported.items():
        if field == "conditions":
            if not _conditions_covered(present.get(field), value):
                return False
        elif value is None:
            if field in present:
                return False
        elif isinstance(value, dict):
            if not covers(present.get(field), value):
                return False
        elif present.get(field) != value:
            return False
    return True


def _conditions_covered(present: Any, reported: Any) -> bool:
    for condition in reported or ():
        known = conditions.find(present, condition.get("type"))
        if known is None or _without_beats(known) != _without_beats(condition):
            return False
    return True


def _without_beats(condition: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in condition.items() if key not in _BEATS and value is not None}


class Mirror:
    def __init__(self) -> None:
        self._expected: dict[Written, float] = {}

    def begin(self, what: Written) -> None:
        """A write is being tried: until one has succeeded and been seen, nothing may be skipped."""
        self._expected.pop(what, None)
        self._expected[what] = math.inf
        while len(self._expected) > _REMEMBERED:
            del self._expected[next(iter(self._expected))]

    def wrote(self, what: Written, answer: objects.Object) -> None:
        self._expected[what] = float(objects.resource_version(answer))

    def reflects(self, what: Written, present: objects.Object | None) -> bool:
        """Whether this copy is at least as new as what was last written here."""
        if present is None:
            return False
        expected = self._expected.get(what)
        if expected is None:
            return True
        if objects.resource_version(present) < expected:
            return False
        del self._expected[what]
        return True
