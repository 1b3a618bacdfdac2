"""A canary's rules by a clock that stands still, on a platform on a desk: steps, gates, deadlines,
who may interfere, and what is left by a kill at any call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.deploy.errors import CallFailed, CannotRelease
from pelton.deploy.versions import verbs
from pelton.deploy.versions.canary import OVER, Canary, Step, begin, decide, read
from pelton.deploy.versions.facts import Facts
from pelton.deploy.versions.gates import Answer, parse
from pelton.deploy.versions.ledger import Entry, Ledger, from_tags, to_tags
from pelton.deploy.versions.release import Released, Split, Version, stale, steps_of

from .desk import Desk, Killed, ManualClock

GATES = [parse("errors<1%"), parse("p99<1.5*baseline.p99")]
STEPS = [Step(0.1, 900.0), Step(0.5, 900.0)]


def _good(now: float) -> tuple[Facts, Facts]:
    return Facts("4", 500, 0.001, p99=110.0), Facts("3", 5000, 0.001, p99=100.0)


def _bad_after(moment: float) -> Callable[[float], tuple[Facts, Facts]]:
    def counts(now: float) -> tuple[Facts, Facts]:
        new, baseline = _good(now)
        return (Facts("4", 500, 0.04, p99=110.0) if now >= moment else new), baseline

    return counts


def _start(desk: Desk, clock: ManualClock, steps: list[Step] | None = None) -> Canary:
    return verbs.start(desk, "hello", steps or STEPS, GATES, now=clock.time(), by="ana")


def _watch(desk: Desk, clock: ManualClock) -> Canary:
    return verbs.watch(desk, "hello", {}, clock, by="ana")


def test_a_canary_that_cannot_be_leaves_nothing() -> None:
    desk = Desk(_good)
    desk.cannot_split = "there is no API gateway"
    with pytest.raises(CannotRelease, match="there is no API gateway"):
        _start(desk, ManualClock())
    assert from_tags(desk.tags).canary is None and desk.split == Split("3")


def test_a_canary_whose_gates_hold_goes_step_by_step_and_takes_over() -> None:
    desk, clock = Desk(_good), ManualClock()
    _start(desk, clock)
    assert desk.split == Split("3", "4", 0.1)
    ended = _watch(desk, clock)
    assert (ended.phase, desk.split) == ("promoted", Split("4"))
    sent = [each for each in desk.calls if each.startswith("send")]
    assert sent == ["send 3 4 0.1", "send 3 4 0.5", "send 4  0.0"]
    assert 1800 <= clock.now - 1000 < 1800 + 4 * verbs.LOOK
    assert from_tags(desk.tags).entries[-1] == Entry(
        clock.now,
        "ana",
        "promote",
        "4",
        "3",
        "digest-4",
        "its time is up, errors<1%, p99<1.5*baseline.p99 held",
    )


def test_a_gate_that_fails_takes_it_back_at_once_and_says_why() -> None:
    desk, clock = Desk(_bad_after(1300.0)), ManualClock()
    _start(desk, clock)
    ended = _watch(desk, clock)
    assert (ended.phase, desk.split) == ("rolled-back", Split("3"))
    assert clock.now <= 1300 + verbs.LOOK
    assert (
        from_tags(desk.tags).entries[-1].reason
        == ended.reason
        == (
            "errors<1% does not hold of version 4: errors is 4% of 500 requests "
            "(version 3: 0.1% of 5000)"
        )
    )
    with pytest.raises(CannotRelease, match="was rolled back: errors<1% does not hold"):
        _watch(desk, clock)


def test_too_few_requests_decide_nothing_and_are_waited_for() -> None:
    def counts(now: float) -> tuple[Facts, Facts]:
        new = Facts("4", 19 if now < 9000 else 20, 0.0, p99=90.0)
        return new, Facts("3", 500, 0.0, p99=90.0)

    turns: list[verbs.Turn] = []
    desk, clock = Desk(counts), ManualClock()
    _start(desk, clock, [Step(0.1, 900.0)])
    ended = verbs.watch(desk, "hello", {}, clock, by="ana", on_turn=turns.append)
    assert (ended.phase, clock.now >= 9000) == ("promoted", True)
    assert turns[0].answers[0] == Answer(
        "errors<1%",
        "waits",
        "errors<1% is not decided: version 4 has answered 19 of the 20 requests that a decision "
        "needs",
    )


def test_a_canary_that_was_to_be_decided_by_a_time_is_taken_back_after_it() -> None:
    desk, clock = Desk(), ManualClock()
    verbs.start(desk, "hello", [Step(0.1, 60.0)], GATES, now=clock.time(), by="ana", patience=120.0)
    ended = _watch(desk, clock)
    assert ended.phase == "rolled-back" and ended.reason.endswith("it was waited for long enough")
    assert 180 <= clock.now - 1000 <= 180 + verbs.LOOK


def test_without_a_time_it_stands_until_somebody_promotes() -> None:
    desk, clock = Desk(_good), ManualClock()
    _start(desk, clock, [Step(0.2)])
    assert _watch(desk, clock).phase == "watching" and clock.now == 1000
    entry = verbs.promote(desk, "hello", {}, now=1001.0, by="bo")
    assert (entry.version, entry.by, desk.split) == ("4", "bo", Split("4"))


def test_a_promotion_asks_the_gates_first_unless_forced() -> None:
    desk, clock = Desk(_bad_after(0)), ManualClock()
    _start(desk, clock, [Step(0.2)])
    with pytest.raises(CannotRelease, match="version 4 of 'hello' is not promoted: errors<1% does"):
        verbs.promote(desk, "hello", {}, now=1001.0, by="bo")
    assert desk.split == Split("3", "4", 0.2)
    verbs.promote(desk, "hello", {}, now=1002.0, by="bo", force=True)
    assert desk.split == Split("4")


@pytest.mark.parametrize("bad_from", [0.0, 1e9], ids=["taken back", "promoted"])
def test_a_kill_at_any_call_leaves_what_resume_brings_to_the_same_end(bad_from: float) -> None:
    counts = _bad_after(bad_from)
    whole, clock = Desk(counts), ManualClock()
    _start(whole, clock, [Step(0.1, 10.0)])
    _watch(whole, clock)
    for call in range(len(whole.calls)):
        desk, clock = Desk(counts).cut_off_at(call), ManualClock()
        with pytest.raises(Killed):
            _start(desk, clock, [Step(0.1, 10.0)])
            _watch(desk, clock)
        desk.killed_at = -1
        if from_tags(desk.tags).canary is None:  # it was cut off before it began
            _start(desk, clock, [Step(0.1, 10.0)])
        if not from_tags(desk.tags).canary.over:  # type: ignore[union-attr]
            _watch(desk, clock)
        assert desk.split == whole.split, call
        found, expected = from_tags(desk.tags).entries, from_tags(whole.tags).entries
        assert [(e.kind, e.version, e.was) for e in found] == [
            (e.kind, e.version, e.was) for e in expected
        ], call


@pytest.mark.parametrize("call", range(5))
def test_a_rollback_takes_up_what_a_kill_left(call: int) -> None:
    desk, clock = Desk(_good).cut_off_at(call), ManualClock()
    with pytest.raises(Killed):
        _start(desk, clock, [Step(0.1, 10.0)])
        _watch(desk, clock)
    desk.killed_at = -1
    if from_tags(desk.tags).canary is None:
        return
    verbs.roll_back(desk, "hello", now=clock.time(), by="bo")
    assert desk.split == Split("3")
    assert from_tags(desk.tags).canary.phase == "rolled-back"  # type: ignore[union-attr]


def test_credentials_that_run_out_leave_the_canary_as_it_is_and_say_how_to_go_on() -> None:
    desk, clock = Desk(_good), ManualClock()
    _start(desk, clock)
    desk.denied = True
    with pytest.raises(CallFailed) as failed:
        _watch(desk, clock)
    assert str(failed.value) == (
        "function 'hello': GetAlias: ExpiredTokenException: it has expired; the canary of 'hello' "
        "stands as it did: `pelton canary hello --resume` goes on with it, `pelton rollback hello` "
        "takes it back"
    )
    desk.denied = False
    assert _watch(desk, clock).phase == "promoted"


def test_a_second_canary_and_an_alias_wait_for_the_first() -> None:
    desk, clock = Desk(_good), ManualClock()
    _start(desk, clock)
    for again in (
        lambda: _start(desk, clock),
        lambda: verbs.set_alias(desk, "hello", "live", "2", now=0, by="bo"),
    ):
        with pytest.raises(CannotRelease) as refused:
            again()
        assert str(refused.value) == (
            "a canary of 'hello' is under way: version 4 has 10% of the requests, since "
            "1970-01-01 00:16:40 UTC; `pelton canary hello --resume` goes on with it, `pelton "
            "promote hello` lets it answer all, `pelton rollback hello` takes it back"
        )
    verbs.set_alias(desk, "hello", "blue", "2", now=0, by="bo")
    assert desk.aliases == {"blue": "2"}


def test_requests_that_somebody_else_has_sent_elsewhere_are_let_be() -> None:
    desk, clock = Desk(_good), ManualClock()
    _start(desk, clock)
    desk.split = Split("2")
    with pytest.raises(CannotRelease, match="somebody else has sent the requests of"):
        _watch(desk, clock)
    assert desk.split == Split("2")


def test_a_rollback_goes_to_who_answered_before_and_not_to_who_failed() -> None:
    desk = Desk(versions=("1",), split=Split("1"))
    for number in ("2", "3"):
        desk.versions += (number,)
        verbs.promote(desk, "hello", {}, now=float(number), by="ana")
    assert verbs.roll_back(desk, "hello", now=10.0, by="bo", reason="wrong").version == "2"
    assert verbs.roll_back(desk, "hello", now=11.0, by="bo").version == "1"
    with pytest.raises(CannotRelease) as refused:
        verbs.roll_back(desk, "hello", now=12.0, by="bo")
    assert str(refused.value) == (
        "there is nothing to go back to: no version of 'hello' is known to have answered before "
        "1; name one of 2, 3"
    )
    assert verbs.roll_back(desk, "hello", now=13.0, by="bo", version="3").version == "3"
    assert desk.split == Split("3")


@pytest.mark.parametrize(
    ("desk", "do", "said"),
    [
        (Desk(split=None), "promote", "function 'hello' was never published: give it versions=10"),
        (Desk(split=Split("4")), "promote", "version 4 of 'hello' answers already, the newest"),
        (Desk(versions=(), split=Split("3")), "back to 9", "no version '9'; it has none: `pelton"),
        (Desk(), "back to 9", "function 'hello' has no version '9'; it has 1, 2, 3, 4"),
        (Desk(), "back to 3", "version 3 of 'hello' answers already"),
        (
            Desk(metrics=("errors",)),
            "start",
            "gate 'p99<1.5*baseline.p99': desk does not count p99",
        ),
    ],
)
def test_what_cannot_be_released(desk: Desk, do: str, said: str) -> None:
    with pytest.raises(CannotRelease) as refused:
        if do == "promote":
            verbs.promote(desk, "hello", {}, now=0, by="ana")
        elif do == "start":
            _start(desk, ManualClock())
        else:
            verbs.roll_back(desk, "hello", now=0, by="ana", version=do.rpartition(" ")[2])
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("shares", "lasts", "said"),
    [
        (["0%"], "", "'0%' is no share for a canary"),
        (["101"], "", "'101' is no share for a canary"),
        (["ten"], "", "'ten' is no share of the requests; write 10%"),
        (["10%"], "15", "'15' is no time; write 90s, 15m, 2h or 1d"),
        (["10%"], "-3m", "'-3m' is no time for a canary"),
        (["50%", "10%"], "15m", "the shares 50% 10% do not grow from step to step"),
        (["10%", "50%"], "", "each lasts for a time: give --for"),
        (["nan%"], "", "'nan%' is no share for a canary"),
    ],
)
def test_shares_and_times_out_of_range(shares: list[str], lasts: str, said: str) -> None:
    with pytest.raises(CannotRelease) as refused:
        steps_of(shares, lasts)
    assert said in str(refused.value)


def test_old_versions_are_removed_but_none_that_is_needed() -> None:
    desk = Desk(versions=tuple("123456789"), split=Split("9"), aliases={"blue": "2"})
    desk.tags = to_tags(Ledger((Entry(0.0, "ana", "deploy", "9", "4"),)))
    assert verbs.clean(desk, "hello", 3) == ("1", "3", "5", "6")
    assert desk.versions == ("2", "4", "7", "8", "9")


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sets(st.integers(1, 12), max_size=3),
    st.integers(0, 12),
)
def test_no_version_that_somebody_points_at_is_ever_stale(
    count: int, stable: int, new: int, aliased: set[int], keep: int
) -> None:
    versions = tuple(Version(str(number)) for number in range(1, count + 1))
    canary = begin("hello", str(stable), str(new), [Step(0.1)], [], now=0.0)
    aliases = {f"a{number}": str(number) for number in aliased}
    released = Released(
        "hello", versions, Split(str(stable), str(new), 0.1), aliases, Ledger((), canary)
    )
    gone = stale(released, keep)
    assert not {*gone} & {str(stable), str(new), *aliases.values()}
    assert not {*gone} & {each.number for each in versions[-max(keep, 1) :]}


_verdicts = st.sampled_from(["passes", "fails", "waits"])


@given(st.lists(_verdicts, max_size=4), st.floats(0, 100), st.sampled_from([None, 0.0, 50.0]))
def test_a_decision_never_promotes_over_a_gate_that_did_not_pass(
    verdicts: list[str], now: float, patience: float | None
) -> None:
    canary = replace(
        begin("hello", "3", "4", [Step(0.1, 30.0)], [], now=0.0, patience=patience),
        phase="watching",
    )
    answers = [Answer("g", each, "why") for each in verdicts]  # type: ignore[arg-type]
    after = decide(canary, answers, now=now)
    assert read(after.document()) == after and after.phase not in OVER
    if "fails" in verdicts:
        assert after.phase == "rolling-back"
    elif after.phase == "promoting":
        assert now >= 30 and {*verdicts} <= {"passes"}


def test_a_ledger_outlives_its_tags() -> None:
    entries = tuple(
        Entry(float(n), "ana@desk", "promote", str(n), str(n - 1), "d" * 12, f"because {n * 7919}")
        for n in range(200)
    )
    ledger = Ledger()
    for each in entries:
        ledger = ledger.with_entry(each)
    tags = to_tags(ledger)
    assert len(tags) <= 20 and all(len(each) <= 256 for each in tags.values())
    assert from_tags({**tags, "team": "blue"}).entries[-1] == entries[-1]
    with pytest.raises(CannotRelease, match="were changed by somebody; remove them"):
        from_tags({**tags, "pelton:ledger.1": "nothing"})
