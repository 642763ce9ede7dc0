"""How long each key waits after its failures in a row: exponential, jittered, forgotten on success."""

import random
from collections.abc import Hashable


class Backoff:
    """From `first_seconds` doubling to `longest_seconds`; each pause is jittered down by at most half."""

    def __init__(
        self,
        *,
        first_seconds: float = 0.005,
        longest_seconds: float = 300.0,
        source: random.Random | None = None,
    ) -> None:
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._random = source or random.Random()
        self._failures: dict[Hashable, int] = {}

    def next_seconds(self, key: Hashable) -> float:
        """Counts one more failure of `key`; the pause before its next try."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        full = min(self._longest_seconds, self._first_seconds * 2.0 ** min(count, 40))
        return full * self._random.uniform(0.5, 1.0)

    def failures(self, key: Hashable) -> int:
        return self._failures.get(key, 0)

    def forget(self, key: Hashable) -> None:
        self._failures.pop(key, None)
