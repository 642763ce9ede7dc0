"""The kinds and their strategies: one row each. A kind without a row is generic."""

from __future__ import annotations

from bascule.control.kinds import generic
from bascule.control.kinds.strategy import Strategy
from bascule.vocabulary import builtins

STRATEGIES: dict[tuple[str, str], Strategy] = {}

_STATUS_KINDS = {(row.group, row.plural) for row in builtins.REGISTRY if "status" in row.subresources}


def strategy_for(group: str, plural: str) -> Strategy:
    """The strategy of a kind; kinds unknown here get the generic one (with status, where it is a subresource)."""
    key = (group, plural)
    found = STRATEGIES.get(key)
    if found is not None:
        return found
    return generic.WITH_STATUS if key in _STATUS_KINDS else generic.PLAIN
