"""Counts of requests, kept in plain dicts, as this is done for every request. `exposition` makes text of them."""

from __future__ import annotations


class Requests:
    """By verb, resource and code; and the seconds spent on them, watches apart."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, int], int] = {}
        self.seconds: dict[tuple[str, str], float] = {}

    def count(self, verb: str, resource: str, code: int, seconds: float) -> None:
        key = (verb, resource, code)
        self.counts[key] = self.counts.get(key, 0) + 1
        if verb != "watch":
            self.seconds[verb, resource] = self.seconds.get((verb, resource), 0.0) + seconds
