"""The one loop that waits for a condition of the world, with a deadline and a reason when it passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02


async def until(
    condition: Callable[[], Awaitable[T] | T], *, timeout_seconds: float = 10.0, what: str = "the condition"
) -> T:
    """Returns the first truthy answer of ``condition`` (sync or async); fails the test at the deadline."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = condition()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_seconds:g} s for {what}; last answer: {answer!r}")
        await asyncio.sleep(POLL_SECONDS)


def until_sync(condition: Callable[[], T], *, timeout_seconds: float = 10.0, what: str = "the condition") -> T:
    """The same for tests without an event loop."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_seconds:g} s for {what}; last answer: {answer!r}")
        time.sleep(POLL_SECONDS)
