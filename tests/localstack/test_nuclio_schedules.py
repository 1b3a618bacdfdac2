"""Nuclio's cron lines, as its parser reads them: seconds, names, descriptors, zones."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.builders.nuclio_spec import schedule_of
from pelton.event_sources.schedule import Crontab, iso
from pelton.localstack.nuclio.schedules import Scheduled

START = dt.datetime(2026, 1, 1, 0, 30, tzinfo=dt.UTC).timestamp()  # a Thursday


def ticks(line: str, count: int = 3) -> list[str]:
    found, schedule = [START], Scheduled(line)
    for _ in range(count):
        found.append(schedule.after(found[-1]))
    return [iso(each)[5:19] for each in found[1:]]


@pytest.mark.fidelity(
    "Nuclio", "schedules of cron triggers: five fields from the minute, six from the second, "
    "names, descriptors, zones"
)  # fmt: skip
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 7 * * *", ["01-01T07:00:00", "01-02T07:00:00", "01-03T07:00:00"]),
        ("0 0 7 * * *", ["01-01T07:00:00", "01-02T07:00:00", "01-03T07:00:00"]),
        ("* 0 7 * * *", ["01-01T07:00:00", "01-02T07:00:00", "01-03T07:00:00"]),
        ("*/20 31 * * * *", ["01-01T00:31:00", "01-01T00:31:20", "01-01T00:31:40"]),
        ("10,5-7/2 0 1 * * *", ["01-01T01:00:05", "01-01T01:00:07", "01-01T01:00:10"]),
        ("0 0 * FEB mon-TUE", ["02-02T00:00:00", "02-03T00:00:00", "02-09T00:00:00"]),
        ("0 0 ? * 0", ["01-04T00:00:00", "01-11T00:00:00", "01-18T00:00:00"]),
        ("0 0 4 * 0", ["01-04T00:00:00", "01-11T00:00:00", "01-18T00:00:00"]),
        ("0 0 */1 * 0", ["01-04T00:00:00", "01-11T00:00:00", "01-18T00:00:00"]),
        ("0 0 5/10 * *", ["01-05T00:00:00", "01-15T00:00:00", "01-25T00:00:00"]),
        ("@hourly", ["01-01T01:00:00", "01-01T02:00:00", "01-01T03:00:00"]),
        ("@weekly", ["01-04T00:00:00", "01-11T00:00:00", "01-18T00:00:00"]),
        ("@every 1h30m", ["01-01T02:00:00", "01-01T03:30:00", "01-01T05:00:00"]),
        ("TZ=Asia/Tokyo 0 9 * * *", ["01-02T00:00:00", "01-03T00:00:00", "01-04T00:00:00"]),
        ("CRON_TZ=Asia/Tokyo 30 0 9 * * *", ["01-02T00:00:30", "01-03T00:00:30", "01-04T00:00:30"]),
    ],
)
def test_when_a_line_ticks(line: str, expected: list[str]) -> None:
    assert ticks(line) == expected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 7 * *", "5 or 6 fields"),
        ("0 0 0 7 * * *", "5 or 6 fields"),
        ("@sometimes", "none of the known"),
        ("@every soon", "no duration"),
        ("0 0 * * 7", "not 0 to 6"),
        ("60 * * * *", "not 0 to 59"),
        ("5-1 * * * *", "not 0 to 59"),
        ("*/0 * * * *", "not 0 to 59"),
        ("0 0 * smarch *", "no number"),
        (", * * * *", "names no time"),
        ("TZ=Mars/North 0 0 * * *", "no time zone"),
    ],
)
def test_what_nuclio_does_not_read_is_refused(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Scheduled(line).after(START)


DAYS = st.integers(0, 7)
PART = st.one_of(
    DAYS.map(str),
    st.tuples(DAYS, DAYS).map(lambda two: "{}-{}".format(*sorted(two))),
    st.tuples(DAYS, st.integers(1, 4)).map(lambda two: "{}/{}".format(*two)),
    st.tuples(DAYS, DAYS, st.integers(1, 4)).map(
        lambda all: "{}-{}/{}".format(*sorted(all[:2]), all[2])
    ),
)
WEEKDAY = st.one_of(
    st.just("*"), st.sampled_from(["*/2", "*/1", "*,7"]), st.lists(PART, min_size=1).map(",".join)
)


@given(WEEKDAY, st.sampled_from(["*", "1", "*/9", "*/1", "2,*"]), st.floats(0, 1e9))
def test_what_is_deployed_ticks_when_it_was_meant_to(weekday: str, day: str, moment: float) -> None:
    """As a bridge reads the app's line, Nuclio reads what a deploy makes of it."""
    line = f"30 4 {day} * {weekday}"
    assert Scheduled(schedule_of(line)).after(moment) == Crontab(line).after(moment)


@given(st.floats(0, 2e9), st.sampled_from(["*/7 * * * * *", "59 59 23 31 12 *", "0 0 * * *"]))
def test_a_tick_is_after_the_moment_and_none_is_left_out(moment: float, line: str) -> None:
    schedule = Scheduled(line)
    tick = schedule.after(moment)
    assert tick > moment
    assert schedule.after(tick - 0.5) == tick
    assert tick == int(tick)
