"""A step that rests after failing too often: its states against a model, and what callers see."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pelton import Graph, NotReady, Reject, steps
from pelton.handlers.errors import GraphError
from pelton.handlers.metrics import Metrics
from pelton.runtime.refusals import refusal
from pelton.serving_graph.circuit import Circuit
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.run import Executor
from pelton.serving_graph.watch import StepWatch


def call(n: int) -> float:
    if n < 0:
        raise Reject("negative")
    return 1 / n


async def later_call(n: int) -> float:
    await asyncio.sleep(0)
    return call(n)


async def forever(n: int) -> int:
    if n:
        await asyncio.Event().wait()
    raise ConnectionError("refused")


both = pytest.mark.parametrize("one", [call, later_call])


def outcomes(run: Executor, *values: int) -> list[Any]:
    """What each value comes to: an answer, or the error's class."""

    def one(value: int) -> Any:
        try:
            answer = run(value)
            return asyncio.run(answer) if run.is_async else answer
        except Exception as error:
            return type(error)

    return [one(value) for value in values]


def level_of(metrics: Metrics, name: str) -> float:
    (found,) = [each for family, _, each in metrics if family.name.endswith(f"_{name}")]
    return float(found.value)


def made(one: Any, clock: ManualClock, watch: Any = None, **options: Any) -> Executor:
    graph = Graph("g", int) >> steps.breaker(one, name="guard", **options)
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    return graph.compile(clock=clock, watch=watch)


@both
def test_it_rests_after_so_many_failures_one_after_another(one: Any) -> None:
    clock = ManualClock()
    run = made(one, clock, failures=2, reset=30)
    assert outcomes(run, 0, 1, 0, 0) == [ZeroDivisionError, 1, ZeroDivisionError, ZeroDivisionError]
    assert outcomes(run, 1, 1) == [NotReady, NotReady]
    clock.sleep(30)
    assert outcomes(run, 2, 1) == [0.5, 1]


@both
def test_one_failure_of_the_trial_opens_it_again(one: Any) -> None:
    clock = ManualClock()
    run = made(one, clock, failures=2, reset=30)
    outcomes(run, 0, 0)
    clock.sleep(30)
    assert outcomes(run, 0, 1) == [ZeroDivisionError, NotReady]
    clock.sleep(29)
    assert outcomes(run, 1) == [NotReady]


def test_the_caller_is_told_how_long() -> None:
    clock = ManualClock()
    run = made(call, clock, failures=1, reset=30)
    outcomes(run, 0)
    clock.sleep(9.5)
    with pytest.raises(NotReady, match="step g/guard rests") as caught:
        run(1)
    answer = refusal(caught.value)
    assert answer is not None
    assert (answer.status, answer.headers) == (503, {"retry-after": "21"})
    assert (answer.body["step"], len(answer.body["input_digest"])) == ("g/guard", 12)


def test_what_refuses_the_event_is_no_failure_of_the_step() -> None:
    run = made(call, ManualClock(), failures=1)
    assert outcomes(run, -1, -1, 1) == [Reject, Reject, 1]
    named = made(call, ManualClock(), failures=1, on=Reject)
    assert outcomes(named, -1, 1) == [Reject, NotReady]
    assert outcomes(made(call, ManualClock(), failures=1, on=KeyError), 0, 1)[1] == 1


def test_a_trial_that_is_cancelled_leaves_the_place_to_another() -> None:
    clock = ManualClock()
    run = made(forever, clock, failures=1, reset=30)

    async def main() -> None:
        with pytest.raises(ConnectionError):
            await run(0)
        clock.sleep(30)
        trial = asyncio.ensure_future(run(1))
        await clock.settle()
        with pytest.raises(NotReady):
            await run(0)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        with pytest.raises(ConnectionError):
            await run(0)

    asyncio.run(main())


def test_a_watch_sees_it_and_each_worker_has_its_own() -> None:
    clock, metrics = ManualClock(), Metrics()
    watch = StepWatch(metrics)
    run, other = made(call, clock, watch, failures=1, reset=30), made(call, clock, failures=1)

    def level() -> float:
        return level_of(metrics, "open")

    outcomes(run, 0)
    assert outcomes(other, 1) == [1]
    levels = [level()]
    clock.sleep(30)
    levels.append(level())
    outcomes(run, 1)
    assert [*levels, level()] == [1, 0.5, 0]


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match="failures=0 is not a number from 1 on"):
        steps.breaker(call, failures=0)
    with pytest.raises(GraphError, match="reset=-1 is not a number"):
        steps.breaker(call, reset=-1)


class Breakers(RuleBasedStateMachine):
    """A circuit and the plainest model of it, told the same: calls that overlap in any way."""

    @initialize(failures=st.integers(1, 3), reset=st.sampled_from([0, 5, 10]))
    def begin(self, failures: int, reset: float) -> None:
        self.circuit = Circuit(failures, reset)
        self.failures, self.reset, self.now = failures, reset, 0.0
        self.row, self.opened, self.trial, self.era = 0, float("inf"), False, 0
        self.calls: list[tuple[int, int]] = []  # (the circuit's age, the model's era)

    def _model(self) -> str:
        if self.opened == float("inf"):
            return "closed"
        return "open" if self.now < self.opened + self.reset else "half-open"

    @rule()
    def enter(self) -> None:
        state = self._model()
        allowed = state == "closed" or (state == "half-open" and not self.trial)
        age = self.circuit.enter(self.now)
        assert (age is not None) is allowed
        if age is not None:
            self.trial = state == "half-open"
            self.calls.append((age, self.era))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), how=st.sampled_from(["succeeded", "failed", "left"]))
    def end(self, data: st.DataObject, how: str) -> None:
        age, era = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        if how == "failed":
            self.circuit.failed(age, self.now)
        else:
            getattr(self.circuit, how)(age)
        if era != self.era:
            return
        if how == "succeeded":
            self.row = 0
            if self.opened != float("inf"):
                self._turn(float("inf"))
        elif how == "failed":
            self.row += 1
            if self.opened != float("inf") or self.row == self.failures:
                self._turn(self.now)
        else:
            self.trial = False

    def _turn(self, opened: float) -> None:
        self.opened, self.trial, self.row, self.era = opened, False, 0, self.era + 1

    @rule(seconds=st.sampled_from([1, 5, 20]))
    def time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def agree(self) -> None:
        if hasattr(self, "circuit"):
            assert self.circuit.state(self.now) == self._model()
            assert (self.circuit.rest(self.now) > 0) is (self._model() == "open")


Breakers.TestCase.settings = settings(stateful_step_count=30)
test_the_states_are_those_of_the_model = Breakers.TestCase
