"""RFC 3339 as the API writes and reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import timestamps

moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, offsets)
def test_there_and_back(moment: datetime, offset: timezone) -> None:
    assert timestamps.parse(timestamps.format_micro(moment.astimezone(offset))) == moment
    assert timestamps.parse(timestamps.format(moment.astimezone(offset))) == moment.replace(microsecond=0)
    assert timestamps.parse(moment.astimezone(offset).isoformat()) == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.5Z", datetime(2026, 11, 22, 10, 0, 0, 500000, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456789Z", datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-22T10:00:00.25+05:30", datetime(2026, 11, 22, 4, 30, 0, 250000, tzinfo=UTC)),
        ("2026-11-22T10:00:00-01:00", datetime(2026, 11, 22, 11, tzinfo=UTC)),
    ],
)
def test_forms(text: str, expected: datetime) -> None:
    parsed = timestamps.parse(text)
    assert parsed == expected
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T10:00:00",
        "20261122T100000Z",
        "2026-11-22 10:00:00Z",
        "2026-W47-7T10:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:00:61Z",
        "2026-11-22T10:00:00.Z",
        "x",
        "2026-11-22T10:00:00,5Z",
        "2026-11-22T10:00Z",
        "2026-11-22T10:00:00z\n",
        "٢٠٢٦-11-22T10:00:00Z",
    ],
)
def test_what_is_no_timestamp(text: str) -> None:
    with pytest.raises(ValueError):
        timestamps.parse(text)


def test_texts_have_a_fixed_width() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert timestamps.format(moment) == "2026-01-02T03:04:05Z"
    assert timestamps.format_micro(moment) == "2026-01-02T03:04:05.000006Z"
