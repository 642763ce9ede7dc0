"""Counts of requests, kept in a plain dict, as this is done for every request. `exposition` makes text of them."""

from __future__ import annotations


class Requests:
    """By verb, resource and code: how many there were, and the seconds spent on them, watches apart."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str, int], list[float]] = {}

    def count(self, verb: str, resource: str, code: int, seconds: float) -> None:
        counted = self._counted.get((verb, resource, code))
        if counted is None:
            counted = self._counted[verb, resource, code] = [0, 0.0]
        counted[0] += 1
        counted[1] += seconds

    def counts(self) -> dict[tuple[str, str, int], float]:
        return {kind: count for kind, (count, _) in self._counted.items()}

    def seconds(self) -> dict[tuple[str, str], float]:
        """By verb and resource."""
        spent: dict[tuple[str, str], float] = {}
        for (verb, resource, _), (_, seconds) in self._counted.items():
            if verb != "watch":
                spent[verb, resource] = spent.get((verb, resource), 0.0) + seconds
        return spent
