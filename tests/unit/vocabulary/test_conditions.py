"""Conditions: found by type, changed only when they differ, the transition time only when the status turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import conditions, timestamps

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("listed", [None, [], [{"type": "Other", "status": "True"}], [{}]])
def test_nothing_to_find(listed: list[dict[str, Any]] | None) -> None:
    assert conditions.find(listed, "Ready") is None
    assert not conditions.is_true({"status": {"conditions": listed}}, "Ready")


@pytest.mark.parametrize("obj", [{}, {"status": None}, {"status": {}}, {"status": {"conditions": None}}])
def test_objects_without_conditions(obj: dict[str, Any]) -> None:
    assert not conditions.is_true(obj, "Ready")


@pytest.mark.parametrize(("status", "holds"), [("True", True), ("False", False), ("Unknown", False), (None, False)])
def test_is_true(status: str | None, holds: bool) -> None:
    assert conditions.is_true({"status": {"conditions": [{"type": "Ready", "status": status}]}}, "Ready") is holds


settings = st.tuples(
    st.sampled_from(["Ready", "Synced"]), st.sampled_from(["True", "False", "Unknown"]), st.sampled_from("ab")
)


@given(st.lists(settings, max_size=12))
def test_a_history_of_settings(history: list[tuple[str, str, str]]) -> None:
    held: list[dict[str, Any]] = []
    model: dict[str, tuple[str, str, datetime]] = {}
    for number, (type_, status, reason) in enumerate(history):
        now = START + timedelta(seconds=number)
        before = model.get(type_)
        since = before[2] if before and before[0] == status else now
        model[type_] = (status, reason, since)
        changed = conditions.set_condition(held, type_, status, reason, "m", now)
        assert changed is (before is None or before[:2] != (status, reason))
    seen = {c["type"]: (c["status"], c["reason"], timestamps.parse(c["lastTransitionTime"])) for c in held}
    assert seen == model
    assert len(held) == len(model)
    assert all(c["message"] == "m" for c in held)


def test_what_others_wrote_into_a_condition_stays() -> None:
    held = [{"type": "Ready", "status": "True", "lastHeartbeatTime": "x", "observedGeneration": 3}]
    assert conditions.set_condition(held, "Ready", "False", "r", "m", START)
    assert held[0]["lastHeartbeatTime"] == "x"
    assert held[0]["observedGeneration"] == 3
    assert held[0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
