"""Rows whose cells are kept read as rows made anew, at every moment."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from bascule.control import kinds
from bascule.control.api import cells
from bascule.control.cache import record
from bascule.control.kinds import duration, strategy
from bascule.vocabulary import builtins, objects
from tests.unit.control.api import harness

BORN = datetime(2026, 1, 1, tzinfo=UTC)


def stored(obj: harness.Object, revision: int = 1) -> record.Record:
    obj["metadata"] |= {"namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return record.Record(objects.key(obj), revision, record.draft(obj, {}))


def cells_of(kept: cells.Cells, kind: strategy.Strategy, shown: record.Record, now: datetime) -> list[object]:
    (made,) = kept.shown(kind, [shown], now)
    decoded: list[object] = orjson.loads(made)
    return decoded


@pytest.mark.parametrize("seconds", [-5, 0, 1, 59, 119, 120, 601, 7_200, 30_000, 200_000, 70_000_000, 300_000_000])
@pytest.mark.parametrize("row", list(builtins.REGISTRY), ids=lambda row: row.qualified)
def test_kept_cells_are_those_made_anew(row: object, seconds: int) -> None:
    kind = kinds.strategy_for(row.group, row.plural)  # type: ignore[attr-defined]
    times = {"startTime": "2026-01-01T00:00:00Z", "lastScheduleTime": "2026-01-01T00:00:00Z", "phase": "Running"}
    shown = stored({"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "spec": {}, "status": times})
    now = BORN + timedelta(seconds=seconds, microseconds=500_000)
    kept = cells.Cells()
    list(kept.shown(kind, [shown], BORN))
    assert cells_of(kept, kind, shown, now) == kind.cells(shown.decode(), now)
    assert len(kept) == 1


def test_a_new_version_has_new_cells() -> None:
    kind, kept = kinds.strategy_for("", "pods"), cells.Cells()
    before, after = stored(harness.pod("a")), stored(harness.pod("a", nodeName="n"), 2)
    assert "n" not in cells_of(kept, kind, before, BORN)
    assert "n" in cells_of(kept, kind, after, BORN)


def test_an_object_that_holds_the_mark_is_shown_as_it_is() -> None:
    kind, kept = kinds.strategy_for("", "pods"), cells.Cells()
    shown = stored(harness.pod("a", nodeName=f"x{duration.Open.MARK}"))
    assert cells_of(kept, kind, shown, BORN) == kind.cells(shown.decode(), BORN)
    assert not len(kept)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_KEPT_MAX", 10)
    kind, kept = kinds.strategy_for("", "configmaps"), cells.Cells()
    for number in range(50):
        cells_of(kept, kind, stored(harness.config_map(f"m{number}")), BORN)
    assert len(kept) <= 10
