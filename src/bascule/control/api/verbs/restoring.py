"""The words of a strategic patch that makes something unreadable. Pure.

Upstream turns such a patch's outcome into the typed object without JSON in between, and so says it in words of its
own; clients compare them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from bascule.control.patch import printed
from bascule.control.schema import validation
from bascule.vocabulary import errors, objects

_PROBLEM: Final = re.compile(r"cannot unmarshal (?P<found>\w+).* of type (?P<wanted>\S+)$", re.DOTALL)
_KINDS: Final = {"object": "map", "array": "slice", "number": "int64"}
_STRUCT: Final = re.compile(r"[A-Z]|\.")


def refusal(patch: Any) -> validation.Refuse:
    """What becomes of a problem that `patch` made."""

    def refuse(obj: objects.Object, problem: str) -> errors.StatusError:
        return errors.invalid("", "", "", [errors.invalid_value("patch", printed.shown(patch), words(problem))])

    return refuse


def words(problem: str) -> str:
    """The problem of reading JSON, as the one of restoring a value."""
    match = _PROBLEM.search(problem)
    if match is None:
        return problem
    found, wanted = _KINDS.get(match["found"], match["found"]), match["wanted"]
    if wanted.startswith("map["):
        return f"cannot restore map from {found}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {found}"
    if _STRUCT.search(wanted):
        return f"cannot restore struct from: {found}"
    if wanted == "string" and found == "int64":
        return f"cannot convert {found} to {wanted}"
    return f"unrecognized type: {wanted}"
