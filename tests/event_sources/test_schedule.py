"""When a clock ticks: crontab lines, time zones, and clocks that are changed twice a year."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.event_sources.schedule import Crontab, Every, between, iso

BERLIN = "Europe/Berlin"


def moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


def ticks(line: str, zone: str, since: str, until: str) -> list[str]:
    return [iso(each)[5:16] for each in between(Crontab(line, zone), moment(since), moment(until))]


@pytest.mark.parametrize(
    ("line", "start", "tick"),
    [
        ("* * * * *", "2026-01-01T00:00:30", "2026-01-01T00:01:00Z"),
        ("*/15 * * * *", "2026-01-01T00:01:00", "2026-01-01T00:15:00Z"),
        ("0 9-17/4 * * *", "2026-01-01T10:00:00", "2026-01-01T13:00:00Z"),
        ("0 0 1 * *", "2026-01-31T12:00:00", "2026-02-01T00:00:00Z"),
        ("0 0 * * 1", "2026-01-01T00:00:00", "2026-01-05T00:00:00Z"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00Z"),
        ("0 0 13 * 5", "2026-01-01T00:00:00", "2026-01-02T00:00:00Z"),
    ],
)
def test_the_next_tick(line: str, start: str, tick: str) -> None:
    assert iso(Crontab(line).after(moment(start))) == tick


def test_a_time_that_is_left_out_does_not_come_that_day() -> None:
    """At 02:00 of the 29th it is 03:00 in Berlin."""
    found = ticks("30 2 * * *", BERLIN, "2026-03-27", "2026-03-31")
    assert found == ["03-27T01:30", "03-28T01:30", "03-30T00:30"]


def test_a_time_that_comes_twice_ticks_the_first_time() -> None:
    """At 03:00 of the 25th it is 02:00 once more."""
    found = ticks("30 2 * * *", BERLIN, "2026-10-24", "2026-10-27")
    assert found == ["10-24T00:30", "10-25T00:30", "10-26T01:30"]


def test_a_line_for_each_hour_ticks_in_each_hour_that_there_is() -> None:
    autumn = ticks("0 * * * *", BERLIN, "2026-10-24T22:30", "2026-10-25T03:30")
    assert autumn == ["10-24T23:00", "10-25T00:00", "10-25T01:00", "10-25T02:00", "10-25T03:00"]
    assert len(ticks("*/20 * * * *", BERLIN, "2026-03-28T23:00", "2026-03-29T23:00")) == 72


def test_a_change_of_half_an_hour() -> None:
    found = ticks("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T00:00", "2026-04-07T00:00")
    assert found == ["04-03T14:45", "04-04T14:45", "04-05T15:15", "04-06T15:15"]


@given(
    st.sampled_from(["30 2 * * *", "0 0 * * 1", "*/7 1-3 * * *", "59 23 31 * *"]),
    st.sampled_from(["", BERLIN, "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    st.integers(0, 86_400 * 400),
)
def test_a_tick_is_what_its_line_says_by_its_zone(line: str, zone: str, offset: int) -> None:
    """And no minute between two of them is: looked at one by one."""
    schedule, start = Crontab(line, zone), moment("2026-01-01") + offset
    tick = schedule.after(start)
    at = dt.datetime.fromtimestamp(tick, ZoneInfo(zone or "UTC"))
    assert (tick > start, at.second, at.fold) == (True, 0, 0)
    minute, hour = line.split()[:2]
    if minute.isdigit() and hour.isdigit():
        assert (at.minute, at.hour) == (int(minute), int(hour))
    # From anywhere before it, it is the next; it is the last until it has gone by.
    between_them = start + (tick - start) * 0.9
    assert schedule.after(between_them) == tick
    assert schedule.last(start, tick) == tick
    assert schedule.last(start, tick - 1) is None


def test_an_interval_counts_from_the_epoch() -> None:
    assert [*between(Every(90), 0.0, 300.0)] == [90.0, 180.0, 270.0]
    assert Every(90).last(270.0, 300.0) is None


@pytest.mark.parametrize(
    ("line", "zone", "said"),
    [
        ("* * * *", "", "five fields"),
        ("61 * * * *", "", "outside 0 to 59"),
        ("0 0 * * *", "Europe/Bonn", "no time zone"),
        ("0 0 31 2 *", "", "names no time"),
    ],
)
def test_what_names_no_time_is_refused(line: str, zone: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Crontab(line, zone).after(0.0)
    with pytest.raises(ValueError, match="no interval"):
        Every(0)
