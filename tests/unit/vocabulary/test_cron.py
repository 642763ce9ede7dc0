"""Schedules: what robfig's parser takes, what it says of the rest, and when a schedule comes round."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import cron

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("*/5 * * * *", datetime(2026, 1, 2, 3, 5, tzinfo=UTC)),
        ("0 3 * * mon-fri", datetime(2026, 1, 5, 3, 0, tzinfo=UTC)),
        ("30/20 * * * *", datetime(2026, 1, 2, 3, 30, tzinfo=UTC)),
        ("0 0 13 * 5", datetime(2026, 1, 9, 0, 0, tzinfo=UTC)),
        ("0 0 29 FEB ?", datetime(2028, 2, 29, 0, 0, tzinfo=UTC)),
        ("0 0 31 2 *", None),
        ("@hourly", datetime(2026, 1, 2, 4, 0, tzinfo=UTC)),
        ("@every 1h30m", datetime(2026, 1, 2, 4, 34, 5, tzinfo=UTC)),
        ("1,,2 * * * *", datetime(2026, 1, 2, 4, 1, tzinfo=UTC)),
    ],
)
def test_next_time(text: str, following: datetime | None) -> None:
    assert cron.parse(text).after(MOMENT) == following


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'),
        ("@every 5x", 'failed to parse duration @every 5x: time: unknown unit "x" in duration "5x"'),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(cron.BadSchedule) as caught:
        cron.parse(text)
    assert str(caught.value) == message


@given(st.text(alphabet="0123456789*?/-, jan@TZ=", max_size=24))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        following = cron.parse(text).after(MOMENT)
    except cron.BadSchedule:
        return
    assert following is None or following > MOMENT
