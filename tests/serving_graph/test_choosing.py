"""Steps that choose among steps or ask several: canaries, bandits, stacking; sync as async."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Graph, InvalidInput, NotReady, step
from pelton.handlers.errors import GraphError
from pelton.serving_graph.steps.bandit import Arm, Arms
from pelton.serving_graph.steps.canary import side
from pelton.serving_graph.steps.stacking import record_of
from pelton.steps import bandit, canary, optional, stacking

untyped: Any = None


def old(value: dict[str, Any]) -> str:
    return "old"


def new(value: dict[str, Any]) -> str:
    return "new"


async def waits(value: dict[str, Any]) -> str:
    await asyncio.sleep(0)
    return "new"


def again(graph: Graph[Any, Any]) -> Graph[Any, Any]:
    made = Graph.from_spec(json.loads(json.dumps(graph.spec.to_dict())))
    assert made.spec == graph.spec
    return made


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_key_stays_on_its_side_and_a_greater_weight_only_moves_it_to_the_new(
    key: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert 0 <= side("c", key) < 1 and side("c", key) == side("c", key)
    assert not (side("c", key) < low and side("c", key) >= high)


def test_a_canary_by_key_takes_its_part_of_the_keys_and_the_same_everywhere() -> None:
    graph = Graph("g", dict) >> canary(old, new, weight=0.2, key="who.id")
    other = Graph("a", dict) >> canary(old, waits, weight=0.2, key="who.id")
    values = [{"who": {"id": f"UA{place}"}} for place in range(600)]
    answers = [graph(value) for value in values]
    assert 0.13 < Counter(answers)["new"] / 600 < 0.27
    assert [again(graph)(value) for value in values] == answers

    async def all_of() -> list[str]:
        return [await other.acall(value) for value in values]

    assert asyncio.run(all_of()) == answers
    with pytest.raises(InvalidInput, match=r"who\.id: missing") as caught:
        graph({"who": {}})
    assert caught.value.__notes__ == ["in step g/canary"]


def test_a_canary_without_a_key_draws_and_a_seed_repeats_it() -> None:
    graph = Graph("g", dict) >> canary(old, new, weight=0.5, seed=7)
    answers = [graph({}) for _ in range(200)]
    assert 60 < Counter(answers)["new"] < 140
    assert [again(graph)({}) for _ in range(200)] != ["old"] * 200
    repeated = again(graph)
    assert [repeated({}) for _ in range(200)] == answers
    for weight, only in ((0, "old"), (1, "new")):
        sure = Graph("g", dict) >> canary(old, new, weight=weight)
        assert {sure({}) for _ in range(50)} == {only}


def test_canaries_that_cannot_be() -> None:
    with pytest.raises(GraphError, match="the weight 10 is no part of one"):
        canary(old, new, weight=10)
    with pytest.raises(GraphError, match="the branch 'new' is None"):
        canary(old, None)
    with pytest.raises(GraphError, match="takes"):
        canary(old, len_of_text)


def len_of_text(value: str) -> str:
    return value


def first(value: int) -> float:
    return 1.0


def second(value: int) -> float:
    return 2.0


async def third(value: int) -> float:
    return 3.0


def test_a_bandit_learns_what_it_is_told() -> None:
    chosen = bandit(first, second, epsilon=0, seed=1, name="learns")
    graph = Graph("g", int) >> chosen
    graph.load()
    chosen.reward("first", 0.2)
    chosen.reward("second", 0.8)
    assert {graph(1) for _ in range(20)} == {2.0}
    for _ in range(9):
        chosen.reward("second", 0.0)
    found = chosen.arms()["second"]
    assert found == Arm(plays=20, rewards=10, mean=found.mean)
    assert found.mean == pytest.approx(0.08)
    assert {graph(1) for _ in range(20)} == {1.0}
    graph.stop()


def test_each_arm_is_tried_once_and_one_whose_rewards_are_lost_does_not_keep_the_calls() -> None:
    chosen = bandit(first, second, epsilon=0, name="untried")
    graph = Graph("g", int) >> chosen
    graph.load()
    assert {graph(1), graph(1)} == {1.0, 2.0}
    chosen.reward("first", -5.0)
    assert {graph(1) for _ in range(20)} == {1.0}
    graph.stop()


def test_a_seed_repeats_every_choice_sync_as_async() -> None:
    def answers(graph: Graph[Any, Any], step_: Any) -> list[Any]:
        async def ask() -> list[Any]:
            found = []
            for _ in range(60):
                answer = await graph.acall(1)
                step_.reward(answer["arm"], float(answer["arm"] == "second"))
                found.append(answer["arm"])
            return found

        try:
            return asyncio.run(ask())
        finally:
            graph.stop()

    plain = bandit(first, second, epsilon=0.3, seed=5, tell_arm=True, name="seeded")
    mixed = bandit(step(third, name="first"), second, epsilon=0.3, seed=5, tell_arm=True, name="m")
    graph = Graph("g", int) >> plain
    found = answers(graph, plain)
    assert found == answers(graph, plain) == answers(Graph("a", int) >> mixed, mixed)
    assert Counter(found)["second"] > 40 and Counter(found)["first"] > 2


def test_a_bandit_s_state_is_the_worker_s_and_ends_with_its_last_graph() -> None:
    def made() -> Any:
        return bandit(first, second, epsilon=0, name="shared")

    one, two = made(), made()
    with pytest.raises(NotReady, match="no graph with the bandit 'shared' is loaded"):
        one.reward("first")
    graph, other = Graph("g", int) >> one, Graph("h", int) >> two
    graph.load()
    other.load()
    one.reward("first")
    assert two.arms()["first"].rewards == 1
    graph.stop()
    assert one.arms()["first"].rewards == 1
    with pytest.raises(KeyError, match="no arm 'third'; there are first, second"):
        two.reward("third")
    for wrong in (float("nan"), float("inf"), True):
        with pytest.raises(ValueError, match="is no reward"):
            two.reward("first", wrong)
    other.stop()
    with pytest.raises(NotReady):
        two.arms()


def test_a_bandit_from_a_spec_says_and_types_the_same() -> None:
    graph = Graph("g", int) >> bandit(first, second, epsilon=0.5, seed=3, tell_arm=True)
    assert set(graph.output_type.__annotations__) == {"arm", "answer"}
    made = again(graph)
    assert [graph(1) for _ in range(9)] == [again(graph)(1) for _ in range(9)] or made
    made.stop()
    graph.stop()
    with pytest.raises(GraphError, match="epsilon=2 is no part of one"):
        bandit(first, second, epsilon=2)
    with pytest.raises(GraphError, match="two members named 'first'"):
        bandit(first, first)


def test_arms_count_right_from_many_threads() -> None:
    arms = Arms(["a", "b"], epsilon=1.0, seed=1)

    def play() -> None:
        for _ in range(500):
            arms.reward(arms.choose(), 1.0)

    threads = [threading.Thread(target=play) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert sum(each.plays for each in arms.all().values()) == 2000
    assert sum(each.rewards for each in arms.all().values()) == 2000
    assert {each.mean for each in arms.all().values()} == {1.0}


def tree(value: float) -> dict[str, float]:
    return {"late": 0.75, "early": 0.25}


async def line(value: float) -> list[float]:
    return [value, 1 - value]


def total(record: dict[str, float]) -> float:
    return sum(record.values())


def seen(record: dict[str, Any]) -> str:
    return ",".join(record)


def size(value: float) -> float:
    return value


def label(value: float) -> str:
    return "late"


def test_a_meta_model_is_asked_with_the_members_answers_by_name() -> None:
    graph = Graph("g", float) >> stacking(tree, line, meta=seen, of="probabilities")
    assert graph.output_type is str and graph.is_async
    assert asyncio.run(graph.acall(0.5)) == "tree.late,tree.early,line.0,line.1"
    plain = Graph("p", float) >> stacking(tree, size, meta=total, of="scores")
    assert plain(1.0) == 2.0 == again(plain)(1.0)
    assert again(graph).is_async
    labels = Graph("l", float) >> stacking(label, meta=seen, of="labels")
    assert labels(1.0) == "label"


def test_arrays_are_taken_apart() -> None:
    answers = {"a": numpy.array([0.5, 0.5]), "b": numpy.float32(2)}
    assert record_of(answers, "scores") == {"a.0": 0.5, "a.1": 0.5, "b": 2.0}


@pytest.mark.parametrize(
    ("of", "answer", "says"),
    [
        ("scores", "late", "the score of 'late'"),
        ("scores", None, "the score of None"),
        ("labels", 0.5, "is not a label"),
        ("labels", {"a": 1.0}, "is no label to count"),
        ("probabilities", [0.5, 0.9], "does not add up to one"),
    ],
)
def test_answers_that_are_not_what_was_said(of: Any, answer: Any, says: str) -> None:
    def member(value: int) -> Any:
        return answer

    graph = Graph("g", int) >> stacking(member, meta=seen, of=of)
    with pytest.raises((TypeError, ValueError), match=says) as caught:
        graph(1)
    assert caught.value.__notes__ == ["in step g/stacking"]


def test_a_meta_model_is_not_asked_without_an_optional_member_s_answer() -> None:
    def fails(value: float) -> float:
        raise ConnectionError("refused")

    graph = Graph("g", float) >> stacking(size, optional(fails), meta=total)
    says = r"'fails' has not answered, and .* \(ConnectionError: refused\)"
    with pytest.raises(NotReady, match=says) as caught:
        graph(1.0)
    assert caught.value.__notes__ == ["in step g/stacking"]


def test_stackings_that_cannot_be() -> None:
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: stacking(label, meta=seen), "member 'label' gives str, which are no scores"),
        (lambda: stacking(first, meta=first, of="scores"), "takes int, it is given dict"),
        (lambda: stacking(step(first, name="meta"), meta=seen), "a member named 'meta'"),
        (lambda: stacking(first, meta=None), "the meta model is None"),
        (lambda: stacking(meta=seen), "has no members"),
        (lambda: stacking(first, meta=seen, of=untyped), "of=None is no answer"),
    ]
    for build, says in wrong:
        with pytest.raises(GraphError, match=says):
            build()
    spec = json.loads(json.dumps((Graph("g") >> stacking(first, meta=seen)).spec.to_dict()))
    spec["steps"][0]["branches"].reverse()
    with pytest.raises(GraphError, match="its last branch is not the meta model"):
        Graph.from_spec(spec)
