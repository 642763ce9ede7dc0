"""Property names as expressions write them: what is no identifier is escaped (``a-b`` is ``a__dash__b``)."""

from __future__ import annotations

import re

from bascule.control.cel import lexer

_FITTING = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*", re.ASCII)
_ESCAPED = re.compile(r"__|[-./]")
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}


def escape(name: str) -> str | None:
    """The identifier for a property; None when it can have none."""
    if _FITTING.fullmatch(name) is None:
        return None
    if name in lexer.RESERVED:
        return f"__{name}__"
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], name)
