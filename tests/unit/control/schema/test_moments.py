"""Times are stored in one form, whatever form they were written in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.schema import catalog, fitting, moments, types, validation
from bascule.vocabulary import timestamps

LEASE = catalog.schema_of("coordination.k8s.io/v1", "Lease")
EVENT = catalog.schema_of("v1", "Event")


def _lease(renewed: str) -> dict[str, object]:
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"renewTime": renewed}}


def _event(first: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Event", "firstTimestamp": first}


def _settled(obj: dict[str, object], schema: types.TypeSchema | None) -> tuple[tuple[str, ...], dict[str, object]]:
    assert schema is not None
    findings = validation.check(obj, schema)
    moments.settle(obj, schema)
    assert findings.type_errors or fitting.fits(schema)(obj)
    return findings.type_errors, obj


def test_a_time_loses_its_fraction_and_its_offset() -> None:
    for written in ("2026-01-02T03:04:05.987Z", "2026-01-02T03:04:05.123456789Z", "2026-01-02T05:04:05.5+02:00"):
        assert _settled(_event(written), EVENT) == ((), _event("2026-01-02T03:04:05Z"))


def test_a_micro_time_keeps_six_digits_and_loses_its_offset() -> None:
    written = "2026-01-02T05:04:05.123456+02:00"
    assert _settled(_lease(written), LEASE) == ((), _lease("2026-01-02T03:04:05.123456Z"))


@pytest.mark.parametrize(
    ("written", "rest", "expected"),
    [
        ("2026-01-02T03:04:05Z", "Z", ".000000"),
        ("2026-01-02T03:04:05.5Z", ".5Z", ".000000"),
        ("2026-01-02T03:04:05.1234567Z", "7Z", "Z07:00"),
    ],
)
def test_a_micro_time_has_six_digits_exactly(written: str, rest: str, expected: str) -> None:
    problems, _ = _settled(_lease(written), LEASE)
    layout = "2006-01-02T15:04:05.000000Z07:00"
    assert problems == (f'parsing time "{written}" as "{layout}": cannot parse "{rest}" as "{expected}"',)


def test_what_is_no_time_is_refused() -> None:
    for text in ("", "tomorrow", "2026-13-02T03:04:05Z", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05"):
        problems, obj = _settled(_event(text), EVENT)
        assert problems
        assert obj == _event(text)


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_the_moment_stays_the_same(naive: datetime, offset_minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    text = moment.isoformat(timespec="microseconds")
    problems, obj = _settled(_lease(text), LEASE)
    assert not problems
    assert obj == _lease(timestamps.format_micro(moment.astimezone(UTC)))
