"""Two documents side by side, for messages that say what changed: lines with `-` were, lines with `+` are wanted.

The layout follows that of upstream's messages (field names as Go's, unchanged neighbours counted), which is meant for
people and promised to nobody.
"""

from __future__ import annotations

from typing import Any

import orjson

_MAX_LINES = 200


def shown(kind: str, old: Any, new: Any) -> str:
    """What differs, as text of several lines; `kind` names the type."""
    lines: list[str] = []
    _walk(f"{kind}{{", "}", old, new, 0, lines)
    if len(lines) > _MAX_LINES:
        lines = [*lines[:_MAX_LINES], f"  ... // {len(lines) - _MAX_LINES} more lines"]
    return "\n".join(lines) + "\n"


def _line(mark: str, depth: int, text: str) -> str:
    return f"{mark} {'	' * depth}{text}"


def _value(value: Any) -> str:
    if value is None:
        return "nil"
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return str(value)


def _label(key: object) -> str:
    text = str(key)
    return f"{text[:1].upper()}{text[1:]}: " if type(key) is str else ""


def _walk(opening: str, closing: str, old: Any, new: Any, depth: int, lines: list[str]) -> None:
    lines.append(_line(" ", depth, opening))
    keys: list[Any]
    if type(old) is dict:
        keys = [*old, *(key for key in new if key not in old)]
        before, after = old, new
    else:
        keys = list(range(max(len(old), len(new))))
        before, after = dict(enumerate(old)), dict(enumerate(new))
    same = 0
    for key in keys:
        was, is_now = before.get(key), after.get(key)
        if was == is_now:
            same += 1
            continue
        same = _skipped(same, depth + 1, lines)
        label = _label(key)
        if type(was) is type(is_now) and type(was) in (dict, list):
            _walk(f"{label}{{", "},", was, is_now, depth + 1, lines)
            continue
        if key in before:
            lines.append(_line("-", depth + 1, f"{label}{_value(was)},"))
        if key in after:
            lines.append(_line("+", depth + 1, f"{label}{_value(is_now)},"))
    _skipped(same, depth + 1, lines)
    lines.append(_line(" ", depth, closing))


def _skipped(count: int, depth: int, lines: list[str]) -> int:
    if count:
        lines.append(_line(" ", depth, f"... // {count} identical {'field' if count == 1 else 'fields'}"))
    return 0
