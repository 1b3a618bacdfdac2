"""The pictures: nothing overlaps, everything is named, SVG is well-formed."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Graph, ensemble, onnx, parallel, router, step
from pelton.serving_graph import Step
from pelton.serving_graph.draw import to_svg, to_text
from pelton.serving_graph.layout import Box, Mark, lay_out
from pelton.serving_graph.paths import by_path


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


@settings(max_examples=50)
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
