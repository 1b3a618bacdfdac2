"""Gates as data: what is understood, what is refused and how, what is said of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.deploy.errors import CannotRelease
from pelton.deploy.versions.facts import METRICS, Facts
from pelton.deploy.versions.gates import ask, parse

NEW = Facts("4", 200, 0.04, mean=90.0, p50=80.0, p99=250.0, max=900.0)
OLD = Facts("3", 900, 0.001, mean=70.0, p50=60.0, p99=190.0, max=1500.0)


@pytest.mark.parametrize(
    ("text", "verdict", "why"),
    [
        (
            "errors<1%",
            "fails",
            "errors<1% does not hold of version 4: errors is 4% of 200 requests "
            "(version 3: 0.1% of 900)",
        ),
        (
            "p99<300ms",
            "passes",
            "p99<300ms holds of version 4: p99 is 250 ms of 200 requests "
            "(version 3: 190 ms of 900)",
        ),
        (
            "p99 < 1.2 * baseline.p99",
            "fails",
            "p99 < 1.2 * baseline.p99 does not hold of version 4: p99 is 250 ms of 200 requests "
            "(version 3: 190 ms of 900)",
        ),
        ("errors < baseline.errors + 5%", "passes", None),
        ("p50<0.2s and max<1s", "passes", None),
        ("errors<1% or requests>100", "passes", None),
        ("0 < p99 <= 250ms", "passes", None),
        (
            "p95<200ms",
            "waits",
            "p95<200ms is not decided: p95 of version 4 is not known",
        ),
    ],
)
def test_what_a_gate_says(text: str, verdict: str, why: str | None) -> None:
    answer = ask(parse(text), NEW, OLD)
    assert answer.verdict == verdict
    assert why is None or answer.why == why


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("erors<1%", "there is no metric 'erors'; did you mean 'errors'?"),
        ("p999<1s", "there is no metric 'p999'; did you mean 'p99'?"),
        ("latency<1s", "there is no metric 'latency'; there are errors, requests, mean"),
        ("p99<base.p99", "there is no metric 'base'; did you mean 'baseline'?"),
        ("p99=<200ms", "is not understood; did you mean 'p99<=200ms'?"),
        ("p99=200ms", "one '=' compares nothing"),
        ("errors", "compares nothing; write for example"),
        ("", "is not understood; write for example"),
        ("__import__('os').system('true') < 1", "is not understood"),
        ("errors < (lambda: 1)()", "is not understood"),
        ("errors in (1, 2)", "compares nothing"),
    ],
)
def test_what_does_not_parse_is_told_with_its_near_miss(text: str, said: str) -> None:
    with pytest.raises(CannotRelease) as refused:
        parse(text)
    assert said in str(refused.value)
    assert repr(text) in str(refused.value)


@given(st.sampled_from(METRICS), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_comparison_is_the_comparison(metric: str, value: float, bound: float) -> None:
    facts = Facts("4", **{"requests": 50, metric: value})
    answer = ask(parse(f"{metric}<{bound!r}"), facts, OLD)
    assert answer.verdict == ("passes" if value < bound else "fails")


def test_a_function_of_the_users_is_asked_with_both_versions_facts() -> None:
    seen = []

    def accuracy(new: Facts, baseline: Facts) -> float:
        seen.append((new.version, baseline.version))
        return 0.93

    gate, judges = parse("models.churn:accuracy > 0.9"), {"models.churn:accuracy": accuracy}
    assert ask(gate, NEW, OLD, judges).why == (
        "models.churn:accuracy > 0.9 holds of version 4: models.churn:accuracy answered 0.93"
    )
    assert ask(parse("models.churn:accuracy>0.95 and errors<9%"), NEW, OLD, judges).verdict == (
        "fails"
    )
    assert seen == [("4", "3")] * 2


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (True, "passes", "m:f holds of version 4"),
        (False, "fails", "m:f does not hold of version 4: m:f answered False"),
        (None, "waits", "m:f is not decided: m:f cannot say yet"),
        (0.2, "fails", 'neither true nor false: compare it, as in "m:f > 0.9"'),
        ("good", "fails", "m:f answered 'good', not a number"),
        (ValueError("no labels yet"), "fails", "m:f raised ValueError: no labels yet"),
    ],
)
def test_whatever_a_function_answers_is_understood(answer: object, verdict: str, said: str) -> None:
    def judge(new: Facts, baseline: Facts) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    found = ask(parse("m:f"), NEW, OLD, {"m:f": judge})
    assert (found.verdict, said in found.why) == (verdict, True), found.why
