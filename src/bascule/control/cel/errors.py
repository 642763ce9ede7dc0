"""What can go wrong: problems of an expression's text, each with its place, and errors while it is evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class EvaluationError(Exception):
    """Evaluation came to no value; the text is the language's own (``no such key: x``, ``division by zero``)."""


class BudgetExceededError(EvaluationError):
    """Evaluation cost more than was allowed. Unlike other errors, no operator absorbs it."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


class Issue(NamedTuple):
    """A problem at a character of the source (counted from 0)."""

    position: int
    message: str


class CompileError(Exception):
    """The expression does not compile; the text shows each problem under its line of the source."""

    def __init__(self, source: str, issues: Iterable[Issue]) -> None:
        self.issues = sorted(set(issues))
        super().__init__("\n".join(_shown(source, issue) for issue in self.issues))


def _shown(source: str, issue: Issue) -> str:
    before = source[: issue.position]
    line_number = before.count("\n") + 1
    start = before.rfind("\n") + 1
    end = source.find("\n", start)
    line = source[start : end if end >= 0 else len(source)]
    column = issue.position - start
    # A wide character takes a wide dot, so that the caret stays below its place.
    dots = "".join("．" if ord(character) > 127 else "." for character in line[:column])
    dots += "." * (column - len(dots))
    caret = "＾" if column < len(line) and ord(line[column]) > 127 else "^"
    shown_line = line.replace("\t", " ")
    return f"ERROR: <input>:{line_number}:{column + 1}: {issue.message}\n | {shown_line}\n | {dots}{caret}"


def no_such_overload() -> EvaluationError:
    return EvaluationError("no such overload")


FAILURES = (EvaluationError, TypeError, AttributeError, ValueError, OverflowError, LookupError)
"""What code may end in: Python's own errors say that a value was of another type than declared (null, mostly)."""


def failure(error: Exception) -> EvaluationError:
    """The language's error for one of `FAILURES`. A spent budget is raised again: nothing absorbs it."""
    if isinstance(error, BudgetExceededError):
        raise error
    return error if isinstance(error, EvaluationError) else no_such_overload()
