"""A plan is applied in the order of needs, and a failure leaves nothing half-done unsaid."""

import threading
from typing import Any

import pytest

from pelton.deploy.apply import apply
from pelton.deploy.errors import CallFailed, Interrupted, StateError
from pelton.deploy.kinds.queue import Queue
from pelton.deploy.plan import Plan, Step
from pelton.deploy.planning import make_plan
from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.targets.target import Target

TARGET = Target(Aws(Account()))


def diamond() -> Plan:
    """a, then b and c, then d."""
    needs = {"d": ("b", "c"), "c": ("a",), "b": ("a",), "a": (), "alone": ()}
    wanted = [
        Queue(name=name, after=tuple(f"queue:{each}" for each in more))
        for name, more in needs.items()
    ]
    return make_plan("demo", wanted, {})


class Taking:
    """Takes steps by writing them down; `fails` names those that do not work."""

    def __init__(self, *fails: str, error: BaseException | None = None) -> None:
        self.taken: list[str] = []
        self._fails, self._error = fails, error or CallFailed("no")

    def __call__(self, step: Step, target: Target) -> None:
        if step.resource.name in self._fails:
            raise self._error
        self.taken.append(step.resource.name)


def test_what_is_needed_comes_first() -> None:
    taking, told = Taking(), list[tuple[str, bool]]()
    apply(diamond(), TARGET, take=taking, on_step=lambda s, t: told.append((s.key, t is None)))
    assert sorted(taking.taken) == ["a", "alone", "b", "c", "d"]
    assert taking.taken.index("a") < min(map(taking.taken.index, "bc"))
    assert taking.taken.index("d") > max(map(taking.taken.index, "bc"))
    assert sorted(told) == sorted((each.key, end) for each in diamond().steps for end in (0, 1))


def test_what_has_ended_is_kept_before_more_begins() -> None:
    done: list[str] = []
    kept: list[str] = []

    def told(step: Step, seconds: float | None) -> None:
        if seconds is None:
            assert set(done) == set(kept), "a step began while another's end was not kept"
        else:
            done.append(step.key)

    apply(diamond(), TARGET, take=Taking(), on_step=told, keep=lambda: kept.extend(done))
    assert set(kept) == {each.key for each in diamond().steps}


def test_what_cannot_be_kept_stops_it() -> None:
    def full() -> None:
        raise StateError("no room")

    taking = Taking()
    with pytest.raises(StateError, match="no room"):
        apply(diamond(), TARGET, take=taking, keep=full)
    assert set(taking.taken) == {"a", "alone"}


def test_what_does_not_need_one_another_runs_together() -> None:
    both = threading.Barrier(2, timeout=30)

    def take(step: Step, target: Target) -> None:
        if step.resource.name in "bc":
            both.wait()

    apply(diamond(), TARGET, take=take)


def test_steps_on_one_function_run_one_after_another() -> None:
    wanted = [Queue(name=str(number), function="f") for number in range(20)]
    busy = threading.Lock()

    def take(step: Step, target: Target) -> None:
        assert busy.acquire(blocking=False)
        busy.release()

    apply(make_plan("demo", wanted, {}), TARGET, take=take)


@pytest.mark.parametrize("error", [CallFailed("no"), RuntimeError("a bug")])
def test_a_failure_stops_and_says_what_was_done(error: Exception) -> None:
    taking = Taking("b", error=error)
    with pytest.raises(type(error)) as raised:
        apply(diamond(), TARGET, take=taking)
    assert "d" not in taking.taken
    (note,) = raised.value.__notes__
    done, _, left = note.partition("; not done: ")
    assert "queue:a" in done
    assert "queue:b" in left and "queue:d" in left


def test_ctrl_c_waits_for_what_runs_and_begins_nothing_more() -> None:
    taken: list[str] = []

    def told(step: Step, seconds: float | None) -> None:
        if step.resource.name == "a" and seconds is not None:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as raised:
        apply(
            diamond(),
            TARGET,
            take=lambda step, target: taken.append(step.resource.name),
            on_step=told,
        )
    assert "a" in taken and "d" not in taken
    (note,) = raised.value.__notes__
    assert note.startswith("done: ") and "not done: " in note


def test_a_circle_is_refused() -> None:
    from pelton.deploy.errors import CannotPlan

    wanted: list[Any] = [Queue(name="a", after=("queue:b",)), Queue(name="b", after=("queue:a",))]
    with pytest.raises(CannotPlan, match="need one another: queue:a, queue:b"):
        make_plan("demo", wanted, {})


def test_a_service_s_model_is_read_once_a_process() -> None:
    first, second = (Aws(Account("http://a", "us-east-1", "k", "s")) for _ in range(2))
    assert first.client("sqs") is not second.client("sqs")
    models = [each.session.get_service_model("sqs").metadata for each in (first, second)]
    assert models[0] is models[1]
