"""The ``status.conditions`` list: find one, ask whether it holds, set one without needless change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.vocabulary import timestamps
from bascule.vocabulary.objects import Object


def find(conditions: list[dict[str, Any]] | None, type: str) -> dict[str, Any] | None:
    """The condition of that type, or None."""
    for condition in conditions or ():
        if condition.get("type") == type:
            return condition
    return None


def is_true(obj: Object, type: str) -> bool:
    condition = find((obj.get("status") or {}).get("conditions"), type)
    return condition is not None and condition.get("status") == "True"


def set_condition(
    conditions: list[dict[str, Any]],
    type: str,
    status: str,
    reason: str,
    message: str,
    now: datetime,
) -> bool:
    """Sets the condition in place; ``lastTransitionTime`` moves only when the status does. True if anything changed."""
    existing = find(conditions, type)
    if existing is None:
        conditions.append(
            {
                "type": type,
                "status": status,
                "lastTransitionTime": timestamps.format(now),
                "reason": reason,
                "message": message,
            }
        )
        return True
    before = (existing.get("status"), existing.get("reason"), existing.get("message"))
    if before == (status, reason, message):
        return False
    if existing.get("status") != status:
        existing["lastTransitionTime"] = timestamps.format(now)
    existing.update(status=status, reason=reason, message=message)
    return True
