"""The pictures: nothing overlaps, everything is named, SVG is well-formed."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Graph, ensemble, onnx, parallel, router, step, steps
from pelton.serving_graph.draw import to_svg, to_text
from pelton.serving_graph.kit.base import Step
from pelton.serving_graph.layout import Box, Mark, lay_out
from pelton.serving_graph.paths import by_path

from ..tries import tries


def same(value: Any) -> Any:
    return value


def score(value: Any) -> float:
    return 1.0


def leaf(name: str) -> Step[Any, Any]:
    return step(same, name=name)


def hold(branches: list[Step[Any, Any]]) -> Step[Any, Any]:
    named = {f"b{place}": each for place, each in enumerate(branches)}
    return parallel(name="p" * len(branches), **named)


words = st.text("abcxyz", min_size=1, max_size=12).map(leaf)
trees = st.recursive(
    words,
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(hold),
    max_leaves=8,
)


def apart(one: Box, two: Box) -> bool:
    across = one.x + one.width <= two.x or two.x + two.width <= one.x
    down = one.y + one.height <= two.y or two.y + two.height <= one.y
    return across or down


@settings(max_examples=tries(50))
@given(trees)
def test_boxes_never_overlap_and_lie_inside(tree: Step[Any, Any]) -> None:
    drawing = lay_out(Graph("g") >> tree)
    for place, box in enumerate(drawing.boxes):
        assert 0 <= box.x and box.x + box.width <= drawing.width
        assert 0 <= box.y and box.y + box.height <= drawing.height
        assert all(apart(box, other) for other in drawing.boxes[place + 1 :])


def rich() -> Graph[Any, Any]:
    inner = Graph("inner") >> same
    return (
        Graph("a < b & c", dict)
        >> router("kind", {"toy": inner, "<car>": onnx("models/m.onnx")}, default=leaf("other"))
        >> ensemble(score, step(score, name="again"))
        >> leaf("last")
    )


def test_svg_is_well_formed_and_names_everything() -> None:
    root = ElementTree.fromstring(to_svg(rich()))
    said = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    for word in ("a < b & c", "router", "by kind", "toy", "<car>", "m", "again", "float", "last"):
        assert word in said


def test_text_of_branches() -> None:
    graph = Graph("g", str) >> parallel(a=len, b=score)
    assert [line[2:] for line in to_text(graph).splitlines()[8:20]] == [
        "   ╭───────────╮",
        "   │  parallel │",
        "   ╰───────────╯",
        "         │",
        "   ╭─────┴─────╮",
        "   │ a         │ b",
        "   ▼           ▼",
        "╭─────╮    ╭───────╮",
        "│ len │    │ score │",
        "╰─────╯    ╰───────╯",
        "   │           │",
        "   ╰─────┬─────╯",
    ]


def test_marks_are_lines_of_their_steps_boxes() -> None:
    graph = Graph("g") >> (Graph("inner") >> same).as_step() >> parallel(a=same, same=score)
    marks = {path: Mark(f"at {path}", bad="same/score" in path) for path in by_path(graph)}
    text, svg = to_text(graph, marks), to_svg(graph, marks)
    for path in ("g/inner", "g/inner/same", "g/parallel", "g/parallel/a/same"):
        assert f"at {path}" in text and f">at {path}<" in svg.replace("inner  at", ">at")
    assert svg.count('class="mark bad"') == 1 and svg.count('class="box call bad"') == 1
    assert to_svg(graph, {}) == to_svg(graph)


@st.composite
def flows(draw: st.DrawFn) -> Graph[Any, Any]:
    """Graphs whose steps take the values of any that stand before them, the last of all others."""
    graph: Graph[Any, Any] = Graph("g")
    names = ["input"]
    for place in range(draw(st.integers(1, 6))):
        after = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        name = f"s{place}" + "x" * draw(st.integers(0, 9))
        graph = graph.to(leaf(name), after=after)
        names.append(name)
    return graph.to(leaf("last"), after=names[1:])


@settings(max_examples=tries(60))
@given(flows())
def test_flows_lie_side_by_side_and_their_lines_end_at_boxes(graph: Graph[Any, Any]) -> None:
    drawing = lay_out(graph)
    assert [box.lines[0] for box in drawing.boxes].count("last") == 1
    for place, box in enumerate(drawing.boxes):
        assert 0 <= box.x and box.x + box.width <= drawing.width
        assert 0 <= box.y and box.y + box.height <= drawing.height
        assert all(apart(box, other) for other in drawing.boxes[place + 1 :])
    for line in drawing.lines:
        assert 0 <= line.x1 <= line.x2 < drawing.width and 0 <= line.y1 <= line.y2
        assert not any(
            box.x < line.x1 < box.x + box.width - 1 and line.y1 < box.y and line.y2 > box.y
            for box in drawing.boxes
        )
        if line.arrow:
            assert any(
                box.y == line.y2 + 1 and box.x < line.x2 < box.x + box.width
                for box in drawing.boxes
            )
    ElementTree.fromstring(to_svg(graph))


def words_of(text: str) -> list[str]:
    return text.split()


def count_of(given: list[str]) -> int:
    return len(given)


def both(given: dict[str, Any]) -> str:
    return str(given)


def test_text_of_a_flow() -> None:
    graph = Graph("g", str).to(words_of).to(count_of).to(len, after="words_of")
    graph = graph.to(both, after=["count_of", "len"])
    text = to_text(graph)
    assert text.count("words_of") == 1 and text.index("count_of") < text.index("both")
    row = next(line for line in text.splitlines() if "count_of" in line)
    assert "len" in row


def holds(value: Any) -> bool:
    return True


def fold(state: int, value: Any) -> int:
    return state


def every_kind() -> Graph[Any, Any]:
    inner = Graph("inner") >> same
    return (
        Graph("g", list)
        >> steps.batch(32)
        >> steps.flat_map(same)
        >> steps.map(steps.filter(holds))
        >> steps.tap(leaf("logged"))
        >> steps.choice(steps.when(holds, inner), otherwise=leaf("other"))
        >> steps.cycle(leaf("turn"), until=holds, limit=8)
        >> steps.cache(leaf("kept"), size=9, ttl=60)
        >> steps.reduce(fold, 0, key="who")
        >> steps.join(same, by="who", into="more")
        >> steps.http("https://x.example/score")
        >> steps.respond(then=leaf("later"))
    )


def test_every_kind_says_what_it_does() -> None:
    text = to_text(every_kind())
    for word in (
        "of 32",
        "flat_map  each item",
        "aside",
        "holds",
        "cycle  until holds, 8 turns at most",
        "cache  9 answers, 60 s",
        "fold by who",
        "same by who",
        "POST https://x.example/score",
        "then, aside",
        "later",
    ):
        assert word in text, word
    ElementTree.fromstring(to_svg(every_kind()))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (steps.retry(score, attempts=4), "score  retry 4 attempts"),
        (steps.timeout(score, 2), "score  timeout 2 s"),
        (steps.limit(score, concurrency=3), "score  limit 3 at once"),
        (steps.hedge(score, after=0.1), "score  hedge after 0.1 s"),
        (steps.breaker(score, failures=7), "score  breaker opens after 7 failures"),
        (steps.once(score), "once  in memory:"),
        (steps.canary(score, same, weight=0.1), "10 % to the new one"),
        (steps.shadow(score, same), "score answers"),
    ],
)
def test_policies_say_their_numbers(made: Any, said: str) -> None:
    assert said in to_text(Graph("g") >> made)


def test_what_runs_aside_stands_beside_the_way() -> None:
    drawing = lay_out(Graph("g", str) >> steps.tap(len) >> str.upper)
    box = {each.lines[0]: each for each in drawing.boxes}
    assert box["len"].x > box["tap"].x + box["tap"].width
    middle = box["tap"].x + box["tap"].width // 2
    assert box["upper"].x + box["upper"].width // 2 == middle == drawing.centre
