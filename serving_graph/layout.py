"""Where every box and line of a drawing goes, in cells: once, for the terminal and for SVG.

Pure geometry.  A sequence is stacked downwards, branches stand side by side, and everything is
centred on the line that enters it at the top and leaves it at the bottom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .details import detail
from .fit import type_name
from .kit.base import Step
from .paths import inside

if TYPE_CHECKING:
    from .graph import Graph

EDGE = 3  # rows between two boxes: room for a type
GAP = 3  # columns between two branches


class Mark(NamedTuple):
    """What a running graph says of a step: a line in its box; `bad` where that is trouble."""

    text: str
    bad: bool = False


Marks = Mapping[str, Mark]  # by the step's path


class Box(NamedTuple):
    """A step's box; `lines` are its name and, where there is more to say, one line of that.

    mark: whether the last line is a `Mark`'s; `bad` when it tells of trouble
    """

    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]
    kind: str
    mark: bool = False
    bad: bool = False


class Line(NamedTuple):
    """A straight line between two cells; `arrow` when it ends at a box, `bus` when it starts at
    a line across."""

    x1: int
    y1: int
    x2: int
    y2: int
    arrow: bool = False
    bus: bool = False


class Label(NamedTuple):
    """Text that starts at a cell, beside its line; `key` for a branch's key."""

    x: int
    y: int
    text: str
    key: bool = False


@dataclass
class Drawing:
    """Boxes, lines and labels; `centre` is the column that it is entered and left by."""

    width: int = 0
    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    @property
    def centre(self) -> int:
        return self.width // 2

    def add(self, part: Drawing, x: int, y: int) -> None:
        """Put `part` into this drawing with its corner at (x, y)."""
        self.boxes += [each._replace(x=each.x + x, y=each.y + y) for each in part.boxes]
        self.labels += [each._replace(x=each.x + x, y=each.y + y) for each in part.labels]
        self.lines += [
            each._replace(x1=each.x1 + x, y1=each.y1 + y, x2=each.x2 + x, y2=each.y2 + y)
            for each in part.lines
        ]


def lay_out(graph: Graph[Any, Any], marks: Marks | None = None) -> Drawing:
    """The whole graph: its input's type, its steps, its answer's type.

    marks: a line more in the box of each step whose path is there

    >>> from pelton import Graph
    >>> [box.lines for box in lay_out(Graph("size", str) >> len).boxes]
    [('str',), ('len',), ('Any',)]
    """
    ends = _box("input", type_name(graph.input_type)), _box("output", type_name(graph.output_type))
    parts = [ends[0], *_steps(graph.steps, graph.name, marks or {}), ends[1]]
    if any(each.after for each in graph.steps):
        return _flow(parts, graph.steps)
    types = ["", *(type_name(each.output_type) for each in graph.steps[:-1]), ""]
    return _stack(parts, types)


def _stack(parts: Sequence[Drawing], types: Sequence[str]) -> Drawing:
    """Parts below one another, each joint labelled with the type that passes."""
    room = max((2 * len(text) + 7 for text in types if text), default=0)
    whole = Drawing(width=_odd(max(room, *(each.width for each in parts))))
    for place, part in enumerate(parts):
        if place:
            _joint(whole, types[place - 1] if place <= len(types) else "")
        whole.add(part, whole.centre - part.centre, whole.height)
        whole.height += part.height
    return whole


def _flow(parts: Sequence[Drawing | None], steps: Sequence[Step[Any, Any]]) -> Drawing:
    """Steps of which some take the values of several; without ends the lines alone go on there."""
    from .layout_flow import Node, arrange

    entry, *boxes, end = (Node(each) for each in parts)
    known, before = {"input": entry}, entry
    for step, node in zip(steps, boxes, strict=True):
        node.takes = [known[name] for name in step.after] or [before]
        node.label = _label(type_name(step.output_type))
        known[step.name] = before = node
    end.takes, boxes[-1].label = [before], ""
    return arrange([entry, *boxes, end])


def _label(text: str) -> str:
    return "" if text == "Any" else _short(text)


def _joint(whole: Drawing, text: str) -> None:
    x, y = whole.centre, whole.height
    whole.lines.append(Line(x, y, x, y + EDGE - 1, arrow=True))
    if text and text != "Any":
        whole.labels.append(Label(x + 2, y + 1, text))
    whole.height += EDGE


def _box(kind: str, *lines: str, mark: Mark | None = None) -> Drawing:
    said = (*(_short(each) for each in lines if each), *([_short(mark.text, 60)] if mark else []))
    width = _odd(max(map(len, said)) + 4)
    height = len(said) + 2
    bad = mark is not None and mark.bad
    return Drawing(width, height, [Box(0, 0, width, height, said, kind, mark is not None, bad)])


def _steps(steps: Sequence[Step[Any, Any]], path: str, marks: Marks) -> list[Drawing]:
    return [_step(each, f"{path}/{each.word}", marks) for each in steps]


def _inner(steps: Sequence[Step[Any, Any]], path: str, marks: Marks) -> Drawing:
    if any(each.after for each in steps):
        return _flow([None, *_steps(steps, path, marks), None], steps)
    return _stack(_steps(steps, path, marks), [type_name(each.output_type) for each in steps[:-1]])


def _step(step: Step[Any, Any], path: str, marks: Marks) -> Drawing:
    head = _box(step.spec.kind, step.name, detail(step), mark=marks.get(path))
    if not step.branches:
        return head
    if step.aside or step.ends:
        return _aside(head, _inner(step.branches[0][1], next(inside(step, path))[0], marks))
    if step.spec.kind == "graph" or [key for key, _ in step.branches] == [""]:
        return _framed(step, path, marks)
    branches = [_inner(steps, where, marks) for where, steps in inside(step, path)]
    named = step.spec.kind != "ensemble"
    keys = [_short(str(key)) if named else "" for key, _ in step.branches]
    return _fan(head, branches, keys)


def _framed(step: Step[Any, Any], path: str, marks: Marks) -> Drawing:
    """A holder of one branch: its steps inside a frame that bears its name."""
    inner = _inner(step.branches[0][1], next(inside(step, path))[0], marks)
    mark = marks.get(path)
    title = "  ".join(filter(None, (step.name, detail(step), mark.text if mark else "")))
    width = _odd(max(inner.width + 4, len(title) + 6))
    whole = Drawing(width, inner.height + 4)
    bad = mark is not None and mark.bad
    whole.boxes.append(Box(0, 0, width, inner.height + 4, (title,), "graph", False, bad))
    whole.add(inner, whole.centre - inner.centre, 2)
    return whole


def _aside(head: Drawing, branch: Drawing) -> Drawing:
    """A head that the way goes on through, and beside it what it does off the way."""
    half = head.width // 2 + GAP + branch.width
    whole = Drawing(2 * half + 1)
    middle, turn = whole.centre, head.height // 2
    left = middle + head.width // 2 + 1 + GAP
    whole.add(head, middle - head.centre, 0)
    below = head.height + 1
    whole.add(branch, left, below)
    x = left + branch.centre
    whole.lines.append(Line(middle + head.width // 2, turn, x, turn))
    whole.lines.append(Line(x, turn, x, below - 1, arrow=True, bus=True))
    whole.height = below + branch.height
    whole.lines.append(Line(middle, head.height, middle, whole.height))
    return whole


def _fan(head: Drawing, branches: Sequence[Drawing], keys: Sequence[str]) -> Drawing:
    """A head, its branches side by side below it, and the line on which they meet again."""
    widths = [
        _odd(max(each.width, 2 * len(key) + 7 if key else 0))
        for each, key in zip(branches, keys, strict=True)
    ]
    whole = Drawing(_odd(max(head.width, sum(widths) + GAP * (len(widths) - 1))))
    whole.add(head, whole.centre - head.centre, 0)
    top, tallest = head.height + 1, max(each.height for each in branches)
    bottom = top + EDGE + tallest + 1
    x = (whole.width - sum(widths) - GAP * (len(widths) - 1)) // 2
    middles = []
    for branch, key, width in zip(branches, keys, widths, strict=True):
        middle = x + width // 2
        middles.append(middle)
        whole.add(branch, middle - branch.centre, top + EDGE)
        whole.lines.append(Line(middle, top, middle, top + EDGE - 1, arrow=True, bus=True))
        whole.lines.append(Line(middle, top + EDGE + branch.height, middle, bottom))
        if key:
            whole.labels.append(Label(middle + 2, top + 1, key, key=True))
        x += width + GAP
    for y in (top, bottom):
        ends = [*middles, whole.centre]
        whole.lines.append(Line(min(ends), y, max(ends), y))
    whole.lines.append(Line(whole.centre, head.height, whole.centre, top))
    whole.lines.append(Line(whole.centre, bottom, whole.centre, bottom + 1, bus=True))
    whole.height = bottom + 2
    return whole


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _odd(width: int) -> int:
    """Odd widths have a middle cell, so that everything can be centred on one column."""
    return width | 1
