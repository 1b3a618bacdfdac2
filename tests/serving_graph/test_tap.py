"""Steps aside: never in the way of the answer, bounded, nothing accepted is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from pelton import App, Context, Graph, router, step, steps
from pelton.handlers.errors import GraphError
from pelton.handlers.metrics import Metrics
from pelton.runtime.aws import make_handler
from pelton.runtime.telling.prometheus import expose
from pelton.serving_graph.watch import StepWatch
from pelton.testing import lambda_context, make_context

seen: list[Any] = []
gate, begun = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def fresh() -> Any:
    seen.clear()
    gate.clear()
    begun.clear()
    yield
    gate.set()


def note(n: int) -> None:
    seen.append(n)


async def later_note(n: int) -> None:
    await asyncio.sleep(0)
    seen.append(n)


def held(n: int) -> None:
    begun.set()
    assert gate.wait(20)
    seen.append(n)


def fail(n: int) -> None:
    raise LookupError(n)


async def later_fail(n: int) -> None:
    raise LookupError(n)


def leave(n: int) -> None:
    raise SystemExit(n)


def odd(n: int) -> bool:
    return n % 2 == 1


def double(n: int) -> int:
    return 2 * n


async def later_double(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


def grow(given: dict[str, int]) -> dict[str, int]:
    given["more"] = 1
    return given


def keep(given: dict[str, int]) -> None:
    assert gate.wait(20)
    seen.append(given)


together = pytest.mark.parametrize("then", [double, later_double])


@together
@pytest.mark.parametrize("aside", [note, later_note, steps.filter(odd) >> note])
def test_the_value_goes_on_and_the_step_runs_aside(aside: Any, then: Any) -> None:
    run = (Graph("g", int) >> steps.tap(aside) >> then).compile()
    answers = [asyncio.run(run(n)) if run.is_async else run(n) for n in (1, 2, 3)]
    assert answers == [2, 4, 6] and run.settle()
    assert sorted(seen) == ([1, 3] if not callable(aside) else [1, 2, 3])
    run.stop()


def test_an_async_tap_leaves_a_plain_graph_plain() -> None:
    graph = Graph("g", int) >> steps.tap(later_note) >> double
    assert not graph.is_async and graph.output_type is int


@together
@pytest.mark.parametrize("aside", [fail, later_fail, leave])
def test_its_errors_are_logged_and_never_touch_the_answer(aside: Any, then: Any) -> None:
    lines: list[str] = []
    run = (Graph("g", int) >> steps.tap(aside) >> then).compile()
    for n in (1, 2):
        answer = run(n, make_context(lines=lines))
        assert (asyncio.run(answer) if run.is_async else answer) == 2 * n
    assert run.settle() and len(lines) == 2
    assert '"a step aside failed"' in lines[0]
    name = "tap" if aside is leave else f"tap/{aside.__name__}"
    assert f'"step": "g/{name}"' in lines[0] and '"trace": "Traceback' in lines[0]
    run.stop()


@together
def test_what_is_above_the_room_goes_on_untapped_and_is_counted(then: Any) -> None:
    metrics = Metrics()
    tapped = Graph("g", int) >> steps.tap(held, room=2) >> then
    run = tapped.compile(watch=StepWatch(metrics))
    answers = [asyncio.run(run(n)) if run.is_async else run(n) for n in range(5)]
    assert answers == [0, 2, 4, 6, 8]
    gate.set()
    assert run.settle() and seen == [0, 1]
    text = expose(metrics)
    assert any("dropped" in line and line.endswith(" 3") for line in text.splitlines()), text
    assert any("accepted" in line and line.endswith(" 2") for line in text.splitlines()), text
    run.stop()


def test_full_may_mean_to_wait() -> None:
    run = (Graph("g", int) >> steps.tap(held, room=1, full="wait") >> double).compile()
    assert run(1) == 2
    assert begun.wait(20)
    second = threading.Thread(target=lambda: seen.append(("answer", run(2))))
    second.start()
    assert seen == []
    gate.set()
    second.join(20)
    assert run.settle() and sorted(map(str, seen)) == ["('answer', 4)", "1", "2"]
    run.stop()


def test_waiting_for_room_leaves_the_loop_to_others() -> None:
    async def main() -> list[int]:
        run = (Graph("g", int) >> steps.tap(held, room=1, full="wait") >> later_double).compile()
        first = await run(1)
        second = asyncio.ensure_future(run(2))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not second.done()
        gate.set()
        answers = [first, await second]
        assert await asyncio.to_thread(run.settle)
        run.stop()
        return answers

    assert asyncio.run(main()) == [2, 4] and seen == [1, 2]


def test_an_event_waits_no_longer_than_it_has_time() -> None:
    run = (Graph("g", int) >> steps.tap(held, room=1, full="wait") >> double).compile()
    assert [run(1), run(2, Context(deadline=0.0))] == [2, 4]
    gate.set()
    assert run.settle() and seen == [1]
    run.stop()


def test_it_has_the_context_without_the_deadline() -> None:
    def tell(n: int, context: Context) -> None:
        seen.append((context.request_id, context.deadline, context.cancelled))

    run = (Graph("g", int) >> steps.tap(tell)).compile()
    context = Context(request_id="7", deadline=1.0)
    context.cancel()
    run(1, context)
    assert run.settle() and seen == [("7", None, False)]
    run.stop()


@pytest.mark.parametrize(("copy", "kept"), [(True, {"n": 1}), (False, {"n": 1, "more": 1})])
def test_it_has_a_copy_of_the_value(copy: bool, kept: dict[str, int]) -> None:
    run = (Graph("g", dict[str, int]) >> steps.tap(keep, copy=copy) >> grow).compile()
    assert run({"n": 1}) == {"n": 1, "more": 1}
    gate.set()
    assert run.settle() and seen == [kept]
    run.stop()


def test_stop_and_drain_finish_what_was_accepted() -> None:
    for end in ("drain", "stop"):
        run = (Graph("g", int) >> steps.tap(held) >> double).compile()
        for n in range(3):
            run(n)
        threading.Timer(0.05, gate.set).start()
        getattr(run, end)()
        assert seen == [0, 1, 2]
        run.stop()
        seen.clear()
        gate.clear()


def test_what_cannot_be_done_in_the_grace_is_logged() -> None:
    lines, before = list[str](), set(threading.enumerate())
    run = (Graph("g", int) >> steps.tap(held, grace=0)).compile()
    run.load(make_context(lines=lines))
    run(1)
    run.stop()
    assert '"steps aside were not done when the worker ended"' in lines[-1]
    assert '"events": 1' in lines[-1]
    gate.set()
    for each in set(threading.enumerate()) - before:
        each.join(20)


SCRIPT = """
import time
from pelton import Graph, steps

def slow(n: int) -> None:
    time.sleep(0.05)
    print("done", n, flush=True)

graph = Graph("g", int) >> steps.tap(slow)
for n in range(3):
    graph(n)
print("answered", flush=True)
"""


def test_a_program_that_ends_finishes_it(tmp_path: Any) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["answered", "done 0", "done 1", "done 2"], done.stderr


def test_a_tap_in_a_branch_and_a_tap_in_a_tap() -> None:
    inner = Graph("inner", int) >> steps.tap(note) >> double
    routed = router(odd, {True: inner, False: steps.tap(steps.tap(note, name="in"), name="out")})
    run = (Graph("g", int) >> routed).compile()
    assert [run(1), run(2)] == [2, 2]
    assert run.settle() and sorted(seen) == [1, 2]
    run.stop()


def test_specs_types_and_misfits() -> None:
    graph = Graph("g", int) >> steps.tap(note, full="wait", room=3, copy=False, grace=1.5)
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    responding = Graph("g", int) >> steps.respond(double, then=step(double, name="x") >> note)
    again = Graph.from_spec(responding.spec.to_dict())
    assert again.spec == responding.spec and again.output_type is int
    loose: Any = steps
    with pytest.raises(GraphError, match="room= is a number from 1"):
        steps.tap(note, room=0)
    with pytest.raises(GraphError, match="full='burn'"):
        loose.tap(note, full="burn")
    with pytest.raises(GraphError, match="is str but step 'tap' takes int") as error:
        Graph("g", str) >> loose.tap(note)
    assert error.value.file == __file__
    with pytest.raises(GraphError, match="step 'double' comes after 'respond', which has answered"):
        Graph("g", int) >> steps.respond(then=note) >> double


def told(n: int) -> str:
    return f"accepted {n}"


async def later_told(n: int) -> str:
    await asyncio.sleep(0)
    return f"accepted {n}"


@pytest.mark.parametrize("answer", [told, later_told])
@pytest.mark.parametrize("then", [note, later_note])
def test_the_answer_is_given_before_the_rest_is_done(answer: Any, then: Any) -> None:
    run = (Graph("g", int) >> steps.respond(answer, then=step(double) >> then)).compile()
    given = run(4)
    assert (asyncio.run(given) if run.is_async else given) == "accepted 4"
    assert run.settle() and seen == [8]
    run.stop()


def test_without_an_answer_the_value_is_it() -> None:
    run = (Graph("g", int) >> double >> steps.respond(then=held)).compile()
    assert run(4) == 8 and seen == []
    gate.set()
    assert run.settle() and seen == [8]
    run.stop()


def test_an_answer_that_fails_is_the_event_s_error() -> None:
    run = (Graph("g", int) >> steps.respond(fail, then=note)).compile()
    with pytest.raises(LookupError) as caught:
        run(1)
    assert caught.value.step == "g/respond/fail"  # type: ignore[attr-defined]
    assert run.settle() and seen == []
    run.stop()


@pytest.fixture
def served() -> Any:
    graph = Graph("g", int) >> steps.tap(held) >> double
    yield App("aside").serve(graph)
    gate.set()
    graph.stop()


def test_on_lambda_the_answer_waits_for_what_runs_aside(served: Any) -> None:
    handler = make_handler(served, freezes=True)
    threading.Timer(0.05, gate.set).start()
    assert handler(4, lambda_context(remaining_ms=20_000)) == 8
    assert seen == [4]


def test_on_lambda_it_waits_no_longer_than_the_event_has_time(
    served: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = make_handler(served, freezes=True)
    assert handler(4, lambda_context(remaining_ms=260)) == 8
    assert seen == []
    assert "they go on with the worker's next event" in capsys.readouterr().out


def test_elsewhere_the_answer_does_not_wait(served: Any) -> None:
    handler = make_handler(served)
    assert handler(4, lambda_context()) == 8
    assert seen == []
