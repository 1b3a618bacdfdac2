"""A graph's picture: as text for a terminal, and as SVG; no graphviz, no dependency."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from .layout import Box, Drawing, Line, Marks, lay_out

if TYPE_CHECKING:
    from .graph import Graph

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_STROKES = {
    _UP: "│",
    _DOWN: "│",
    _UP | _DOWN: "│",
    _LEFT: "─",
    _RIGHT: "─",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "╭",
    _DOWN | _LEFT: "╮",
    _UP | _RIGHT: "╰",
    _UP | _LEFT: "╯",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}

CELL_WIDTH, CELL_HEIGHT, MARGIN = 9.0, 17.0, 24.0  # pixels

_STYLE = """
  .title { font: 600 17px system-ui, sans-serif; fill: #24292f }
  .name { font: 600 14px ui-monospace, Menlo, 'DejaVu Sans Mono', monospace; fill: #24292f }
  .more, .type { font: 12px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
  .more { fill: #57606a }  .type { fill: #6e7781 }  .key { fill: #9a5b00; font-weight: 600 }
  .box { fill: #f6f8fa; stroke: #8c959f; stroke-width: 1.2 }
  .box:is(.onnx, .skops, .pickled, .model, .versions) { fill: #eef6ff; stroke: #4c8dd6 }
  .box:is(.router, .choice, .parallel, .ensemble, .stacking, .bandit, .canary, .shadow,
  .champion) {
    fill: #fff8e8; stroke: #c89b3c }
  .box:is(.tap, .respond) { stroke-dasharray: 2 3 }
  .box.input, .box.output { fill: #ffffff; stroke: #8c959f; stroke-dasharray: 4 3 }
  .mark { font: 600 12px ui-monospace, Menlo, 'DejaVu Sans Mono', monospace; fill: #1a7f37 }
  .mark.bad { fill: #cf222e }  .box.bad { stroke: #cf222e }
  .box.graph { fill: none; stroke: #8c959f; stroke-dasharray: 2 3 }
  .line { fill: none; stroke: #8c959f; stroke-width: 1.4; stroke-linecap: round }
  .head { fill: #8c959f }  .paper { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    .title, .name { fill: #e6edf3 }  .more { fill: #9da7b3 }  .type { fill: #9da7b3 }
    .mark { fill: #57ab5a }  .mark.bad { fill: #f47067 }  .box.bad { stroke: #f47067 }
    .key { fill: #e3b341 }  .paper { fill: #0d1117 }  .box { fill: #1c2128 }
    .box:is(.onnx, .skops, .pickled, .model, .versions) { fill: #16263a }
    .box.input, .box.output { fill: #0d1117 }
    .box:is(.router, .choice, .parallel, .ensemble, .stacking, .bandit, .canary, .shadow,
  .champion) {
      fill: #2b2412 }
  }
"""


def to_text(graph: Graph[Any, Any], marks: Marks | None = None) -> str:
    """The graph as lines of text in box-drawing characters.

    marks: a line more in the box of each step whose path is there, see `Mark`

    >>> from pelton import Graph
    >>> print(to_text(Graph("size", str) >> len))
    size
    <BLANKLINE>
    ╭─────╮
    │ str │
    ╰─────╯
       │
       │
       ▼
    ╭─────╮
    │ len │
    ╰─────╯
       │
       │
       ▼
    ╭─────╮
    │ Any │
    ╰─────╯
    """
    drawing = lay_out(graph, marks)
    width = max([drawing.width, *(each.x + len(each.text) for each in drawing.labels)])
    strokes = [[0] * (width + 1) for _ in range(drawing.height + 1)]
    for line in drawing.lines:
        _stroke(strokes, line)
    cells = [[_STROKES.get(each, " ") for each in row] for row in strokes]
    for box in drawing.boxes:
        _box_text(cells, box)
    for line in drawing.lines:
        if line.arrow:
            cells[line.y2][line.x2] = "▼"
    for label in drawing.labels:
        cells[label.y][label.x : label.x + len(label.text)] = label.text
    rows = ["".join(row).rstrip() for row in cells]
    return "\n".join([graph.name, "", *rows]).rstrip()


def _stroke(strokes: list[list[int]], line: Line) -> None:
    if line.x1 == line.x2:
        for y in range(line.y1, line.y2 + 1):
            strokes[y][line.x1] |= (_UP if y > line.y1 else 0) | (_DOWN if y < line.y2 else 0)
        if line.y1 == line.y2:
            strokes[line.y1][line.x1] |= _UP | _DOWN
    else:
        for x in range(line.x1, line.x2 + 1):
            row = strokes[line.y1]
            row[x] |= (_LEFT if x > line.x1 else 0) | (_RIGHT if x < line.x2 else 0)


def _box_text(cells: list[list[str]], box: Box) -> None:
    across = "─" * (box.width - 2)
    right = box.x + box.width - 1
    for y, (first, fill, last) in {
        box.y: ("╭", across, "╮"),
        box.y + box.height - 1: ("╰", across, "╯"),
    }.items():
        cells[y][box.x : right + 1] = [first, *fill, last]
    for y in range(box.y + 1, box.y + box.height - 1):
        cells[y][box.x] = cells[y][right] = "│"
    if box.kind == "graph":
        title = f" {box.lines[0]} "
        cells[box.y][box.x + 2 : box.x + 2 + len(title)] = title
        return
    for place, text in enumerate(box.lines):
        y = box.y + 1 + place
        cells[y][box.x + 1 : right] = text.center(box.width - 2)


def to_svg(graph: Graph[Any, Any], marks: Marks | None = None) -> str:
    """The graph as an SVG document; it follows the reader's light or dark theme.

    marks: as in `to_text`
    """
    drawing = lay_out(graph, marks)
    width = drawing.width * CELL_WIDTH + 2 * MARGIN
    width = max(width, len(graph.name) * 11 + 2 * MARGIN, _label_edge(drawing))
    height = drawing.height * CELL_HEIGHT + 2 * MARGIN + 30
    size = f"{width:.0f} {height:.0f}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{_text(graph.name)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="10"/>',
        f'<text class="title" x="{MARGIN:.0f}" y="{MARGIN + 10:.0f}">{_text(graph.name)}</text>',
        *(_line_svg(each) for each in drawing.lines),
        *(_box_svg(each) for each in drawing.boxes),
        *(
            f'<text class="{"type key" if each.key else "type"}" x="{_x(each.x) - 4:.1f}" '
            f'y="{_y(each.y) + 4:.1f}">{_text(each.text)}</text>'
            for each in drawing.labels
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _label_edge(drawing: Drawing) -> float:
    return max((_x(each.x) + 7.5 * len(each.text) + MARGIN for each in drawing.labels), default=0)


def _x(cell: int) -> float:
    return MARGIN + (cell + 0.5) * CELL_WIDTH


def _y(cell: int) -> float:
    return MARGIN + 30 + (cell + 0.5) * CELL_HEIGHT


def _text(text: str) -> str:
    return escape(text, quote=True)


def _line_svg(line: Line) -> str:
    """A line; one that goes down from a box or to one goes half a cell further, to touch it."""
    half = CELL_HEIGHT / 2
    x1, x2, y1, y2 = _x(line.x1), _x(line.x2), _y(line.y1), _y(line.y2)
    if line.x1 == line.x2:
        y1 -= 0 if line.bus else half
        y2 += half if line.bus and not line.arrow else 0
    if not line.arrow:
        return f'<path class="line" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
    tip = y2 + half
    return (
        f'<path class="line" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {tip - 6:.1f}"/>'
        f'<path class="head" d="M{x2 - 4.5:.1f} {tip - 8:.1f}h9l-4.5 8z"/>'
    )


def _box_svg(box: Box) -> str:
    x, y = _x(box.x) - CELL_WIDTH / 2, _y(box.y) - CELL_HEIGHT / 2
    width, height = box.width * CELL_WIDTH, box.height * CELL_HEIGHT
    kind = f"{box.kind} bad" if box.bad else box.kind
    parts = [
        f'<rect class="box {kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="8"/>'
    ]
    if box.kind == "graph":
        parts.append(
            f'<text class="more" x="{x + 12:.1f}" y="{y + 20:.1f}">{_text(box.lines[0])}</text>'
        )
        return "".join(parts)
    step = 18
    first = y + height / 2 - (len(box.lines) - 1) * step / 2 + 5
    for place, text in enumerate(box.lines):
        style = "more" if place else "name"
        if box.mark and place == len(box.lines) - 1:
            style = "mark bad" if box.bad else "mark"
        parts.append(
            f'<text class="{style}" text-anchor="middle" '
            f'x="{x + width / 2:.1f}" y="{first + place * step:.1f}">{_text(text)}</text>'
        )
    return "".join(parts)
