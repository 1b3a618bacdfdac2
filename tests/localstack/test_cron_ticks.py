"""Times that a five-field schedule names."""

import datetime as dt

import pytest

from pelton.localstack.nuclio.triggers.cron import next_tick


def after(schedule: str, text: str) -> str:
    start = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()
    return f"{dt.datetime.fromtimestamp(next_tick(schedule, start), dt.UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("schedule", "start", "tick"),
    [
        ("* * * * *", "2026-01-01T00:00:30", "2026-01-01 00:01"),
        ("*/15 * * * *", "2026-01-01T00:01:00", "2026-01-01 00:15"),
        ("0 9-17/4 * * *", "2026-01-01T10:00:00", "2026-01-01 13:00"),
        ("0 0 1 * *", "2026-01-31T12:00:00", "2026-02-01 00:00"),
        ("0 0 * * 1", "2026-01-01T00:00:00", "2026-01-05 00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29 00:00"),
        ("0 0 13 * 5", "2026-01-01T00:00:00", "2026-01-02 00:00"),
    ],
)
def test_the_next_tick(schedule: str, start: str, tick: str) -> None:
    assert after(schedule, start) == tick


@pytest.mark.parametrize("schedule", ["* * * *", "61 * * * *", "0 0 31 2 *"])
def test_a_schedule_that_names_no_time_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="cron"):
        next_tick(schedule, 0.0)
