"""Indexes of a job's pods as text: `1,3-5,7`, growing, below the number of completions."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


class BadIndexes(ValueError):
    """The text is not a list of indexes; the message is the one clients know."""


def _interval(text: str, completions: int) -> tuple[int, int]:
    parts = text.split("-")
    if len(parts) > 2:
        raise BadIndexes(
            f'the fragment "{text}" violates the requirement that an index interval can have at most two parts '
            "separated by '-'"
        )
    numbers = []
    for part in parts:
        if not _NUMBER.fullmatch(part):
            raise BadIndexes(f'cannot convert string to integer for index: "{part}"')
        if int(part) >= completions:
            raise BadIndexes(f'too large index: "{part}"')
        numbers.append(int(part))
    if len(numbers) > 1 and numbers[0] >= numbers[1]:
        raise BadIndexes(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
    return numbers[0], numbers[-1]


def count(text: str, completions: int) -> int:
    """How many indexes the text names. Raises `BadIndexes`."""
    total, last = 0, None
    for part in text.split(",") if text else ():
        low, high = _interval(part, completions)
        if last is not None and last >= low:
            raise BadIndexes(f"non-increasing order, previous: {last}, current: {low}")
        total, last = total + high - low + 1, high
    return total


def common(first: str, second: str, completions: int) -> int | None:
    """The least index that both texts name; what cannot be read is passed over."""
    ours, theirs = sorted(_readable(first, completions)), sorted(_readable(second, completions))
    position = 0
    for low, high in ours:
        while position < len(theirs) and theirs[position][1] < low:
            position += 1
        if position < len(theirs) and theirs[position][0] <= high:
            return max(low, theirs[position][0])
    return None


def _readable(text: str, completions: int) -> Iterator[tuple[int, int]]:
    for part in text.split(",") if text else ():
        try:
            yield _interval(part, completions)
        except BadIndexes:
            continue
