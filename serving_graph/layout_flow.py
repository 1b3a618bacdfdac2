"""Where the boxes of a flow go: steps that take the values of several others, side by side.

Each step stands one row below the lowest of those whose values it takes.  Between two rows every
giver has a line across of its own, so that it can be seen what comes from whom; a line that passes
a row goes through a place of its own there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .layout import Drawing

GAP = 3  # columns between two boxes


@dataclass
class Node:
    """A box, or, without a drawing, a place where a line passes.

    takes: the nodes whose values it takes; label: the type that it gives
    """

    drawing: Drawing | None = None
    takes: list[Node] = field(default_factory=list)
    label: str = ""
    row: int = 0
    x: int = 0
    top: int = 0

    @property
    def width(self) -> int:
        shown = 2 * len(self.label) + 7 if self.label else 1
        return max(self.drawing.width if self.drawing else 1, shown) | 1

    @property
    def height(self) -> int:
        return self.drawing.height if self.drawing else 0


def arrange(nodes: Sequence[Node]) -> Drawing:
    """The drawing of the nodes, each after those whose values it takes; the last one at the end."""
    from .layout import Drawing

    rows = _rows(nodes)
    wide = max(_span(row) for row in rows)
    whole = Drawing(width=wide | 1)
    for number, row in enumerate(rows):
        _place(row, whole)
        if number:
            _connect(rows[number - 1], row, whole)
        height = max(each.height for each in row)
        for each in row:
            each.top = whole.height
            _draw(each, height, whole)
        whole.height += height
    return whole


def _rows(nodes: Sequence[Node]) -> list[list[Node]]:
    """The nodes by row, and places in the rows that a line only passes."""
    for each in nodes:
        each.row = 1 + max((giver.row for giver in each.takes), default=-1)
    nodes[-1].row = max(nodes[-1].row, 1 + max((each.row for each in nodes[:-1]), default=-1))
    rows: list[list[Node]] = [[] for _ in range(nodes[-1].row + 1)]
    for each in nodes:
        rows[each.row].append(each)
    passing: dict[tuple[int, int], Node] = {}
    for each in nodes:
        each.takes = [_through(giver, each.row, rows, passing) for giver in each.takes]
    for number, row in enumerate(rows[1:], 1):
        order = {id(each): place for place, each in enumerate(rows[number - 1])}
        row.sort(key=lambda each: sum(order[id(it)] for it in each.takes) / len(each.takes))
    return rows


def _through(
    giver: Node, row: int, rows: list[list[Node]], passing: dict[tuple[int, int], Node]
) -> Node:
    """The node of the row above `row` that brings the giver's value."""
    last = giver
    for number in range(giver.row + 1, row):
        place = passing.get((id(giver), number))
        if place is None:
            place = passing[id(giver), number] = Node(takes=[last], row=number)
            rows[number].append(place)
        last = place
    return last


def _span(row: Sequence[Node]) -> int:
    return sum(each.width for each in row) + GAP * (len(row) - 1)


def _place(row: Sequence[Node], whole: Drawing) -> None:
    left = (whole.width - _span(row)) // 2
    for each in row:
        each.x = left + each.width // 2
        left += each.width + GAP


def _draw(node: Node, height: int, whole: Drawing) -> None:
    from .layout import Line

    if node.drawing is None:
        whole.lines.append(Line(node.x, whole.height - 1, node.x, whole.height + height))
        return
    whole.add(node.drawing, node.x - node.drawing.centre, whole.height)


def _connect(above: Sequence[Node], below: Sequence[Node], whole: Drawing) -> None:
    """The lines from one row to the next; the drawing grows by the rows that they need."""
    from .layout import Label, Line

    takers = {id(each): [it for it in below if each in it.takes] for each in above}
    bent = [each for each in above if any(it.x != each.x for it in takers[id(each)])]
    bent.sort(key=lambda each: not _in_the_way(each, above, takers))
    first = whole.height + 1
    end = first + len(bent) + 1
    for each in above:
        start = each.top + each.height
        taken = takers[id(each)]
        if each not in bent:
            for it in taken:
                whole.lines.append(Line(each.x, start, each.x, end, arrow=it.drawing is not None))
        else:
            across = first + bent.index(each)
            ends = [each.x, *(it.x for it in taken)]
            whole.lines.append(Line(each.x, start, each.x, across))
            whole.lines.append(Line(min(ends), across, max(ends), across))
            for it in taken:
                arrow = it.drawing is not None
                whole.lines.append(Line(it.x, across, it.x, end, arrow=arrow, bus=True))
        if taken and each.label:
            whole.labels.append(Label(each.x + 2, whole.height, each.label))
    whole.height = end + 1


def _in_the_way(giver: Node, above: Sequence[Node], takers: dict[int, list[Node]]) -> bool:
    """Whether its line down stands where another's comes down: it has to bend before that one."""
    mine = takers[id(giver)]
    others = [it for each in above if each is not giver for it in takers[id(each)]]
    return any(it.x == giver.x and it not in mine for it in others)
