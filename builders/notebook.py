"""A notebook as a Nuclio function: its code, and the configuration that its marks and magics make.

The marks are nuclio-jupyter's (`# nuclio: ignore`, `start-code`, `end-code`; cells tagged
`nuclio-ignore`), the magics too (`%nuclio cmd`, `env`, `env_file`, `config`, `mount`, `handler`,
`add`), and what comes out is what its exporter makes.  Nothing of the notebook is run.  What only
IPython can run is refused with its cell, where the exporter would ship a call that fails.
Source: nuclio-jupyter 0.13.2 and its README; tests/builders/test_notebook.py compares.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..handlers.errors import WrongUse
from .errors import BuildError
from .notebook_magics import LINE, Magics

MARK = r"[ \t]*#[ \t]*(?:nuclio|mlrun):[ \t]*"
IGNORE = re.compile(f"{MARK}ignore")
START = re.compile(rf"{MARK}start-code[ \t]*(\S*)")
END = re.compile(rf"{MARK}end-code[ \t]*(\S*)")
ONLY_A_MARK = re.compile(f"{MARK}(?:return|ignore|start-code|end-code)")
COMMENT = re.compile(r"[ \t]*#")
IGNORED_TAGS = frozenset({"nuclio-ignore", "mlrun-ignore"})
CELL = f"%{LINE}"


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as it was read.

    code:   of its module, called `handler`; config: the function's configuration, without code
    files:  that go along (`%nuclio add`), by place; notes: what was left out, as sentences
    """

    path: Path
    name: str
    code: str
    config: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[str, Path]:
        """The notebook itself, and the files that go along."""
        return {self.path.name: self.path, **self.files}

    def __call__(self, *_: Any) -> Any:
        raise WrongUse(
            f"the notebook {self.path.name} runs on Nuclio alone",
            advice="deploy it with --on nuclio, to the emulator for a try",
        )


def read_notebook(path: Path, name: str = "") -> Notebook:
    """A notebook's function.

    name: of the function, which also chooses among marks that say a name

    Raises `BuildError` with the notebook, and the cell where there is one.
    """
    cells = _cells(path)
    magics = Magics(path, name or path.stem)
    try:
        kept = list(_Scan(name).kept(cells, magics))
    except BuildError as error:
        raise BuildError(f"{path.name}: {error}") from None
    code = f"# Made of {path.name} by pelton's builder\n\n"
    for number, text in kept:
        if text.strip():
            code += _plain(text, path, number)
    magics.read_env_files()
    return Notebook(path, magics.name, code, magics.config, dict(magics.files), tuple(magics.notes))


def _cells(path: Path) -> list[tuple[int, str, frozenset[str]]]:
    """(number, source, tags) of every cell of code."""
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BuildError(f"{path.name} is no notebook: {error}") from None
    if not isinstance(document, dict) or document.get("nbformat") != 4:
        raise BuildError(f"{path.name} is no notebook of format 4; save it anew with Jupyter")
    found = []
    for number, cell in enumerate(document.get("cells", []), 1):
        if cell.get("cell_type") == "code":
            source = cell.get("source", "")
            text = source if isinstance(source, str) else "".join(source)
            found.append((number, text, frozenset(cell.get("metadata", {}).get("tags") or ())))
    return found


class _Buffer:
    """The code of a function whose marks say its name, or no name."""

    def __init__(self) -> None:
        self.started = self.ended = False
        self.cells: list[tuple[int, str]] = []


class _Scan:
    """Which code belongs to the function, cell by cell."""

    def __init__(self, wanted: str) -> None:
        self._buffers = {"": _Buffer(), wanted: _Buffer()}
        self._seen = ""

    def kept(
        self, cells: list[tuple[int, str, frozenset[str]]], magics: Magics
    ) -> Iterator[tuple[int, str]]:
        for number, code, tags in cells:
            if IGNORE.search(code) or tags & IGNORED_TAGS:
                continue
            try:
                marked = self._end(code, self._start(code))
                plain = _handled(_unmarked(code), magics)
            except BuildError as error:
                raise BuildError(f"cell {number}: {error}") from None
            for buffer in self._buffers.values():
                if marked:
                    buffer.cells.append((number, marked))
                elif not buffer.ended:
                    buffer.cells.append((number, plain))
        yield from self._buffers[self._seen].cells

    def _start(self, code: str) -> str:
        """What follows a mark that code starts here."""
        found = START.search(code)
        if found is None or found[1] not in self._buffers:
            return ""
        buffer = self._buffers[found[1]]
        if not buffer.started:
            buffer.cells = []  # what came before the first mark is none of the function's
        elif not buffer.ended:
            raise BuildError("start-code comes again before end-code")
        buffer.started, buffer.ended = True, False
        self._seen = self._seen or found[1]
        return code[found.end() :]

    def _end(self, code: str, started: str) -> str:
        """What precedes a mark that code ends here; `started` where there is none."""
        found = END.search(code)
        if found is None or found[1] not in self._buffers:
            return started
        buffer = self._buffers[found[1]]
        if buffer.ended:
            raise BuildError("end-code comes again before start-code")
        text = started or code
        inside = END.search(text)
        if inside is None:
            raise BuildError("end-code before start-code in one cell")
        buffer.started = buffer.ended = True
        self._seen = self._seen or found[1]
        return text[: inside.start()]


def _unmarked(code: str) -> str:
    lines = code.splitlines()
    return "\n".join(
        line
        for line in lines
        if not ONLY_A_MARK.match(line) and not (LINE in line and COMMENT.match(line))
    )


def _handled(code: str, magics: Magics) -> str:
    """A cell's code after its magics have had their effect."""
    lines = code.splitlines()
    if CELL in code:
        first = next(at for at, line in enumerate(lines) if CELL in line)
        return magics.apply(lines[first], lines[first + 1 :])
    if LINE not in code:
        return code
    kept = []
    for line in lines:
        if COMMENT.match(line):
            continue
        if LINE in line:
            if made := magics.apply(line, []):
                kept.append(made)
        elif not line.startswith(("!", "%")):
            kept.append(line)
    return "\n".join(kept)


def _plain(text: str, path: Path, number: int) -> str:
    """A cell as a module has it: no magics, no shell, and as IPython reads indented cells."""
    lines = [
        line for line in text.splitlines() if LINE not in line and not line.startswith(("!", "%"))
    ]
    if not lines:
        return ""
    while not lines[0].strip() and any(line.strip() for line in lines):
        del lines[0]
    space = lines[0][: len(lines[0]) - len(lines[0].lstrip(" \t"))]
    code = "\n".join(line.removeprefix(space) for line in lines)
    try:
        ast.parse(code)
    except SyntaxError as error:
        shown = (error.text or "").strip()
        raise BuildError(
            f"{path.name}: cell {number}: {error.msg}: {shown!r}; what only IPython runs has no "
            "place in a function: put `# nuclio: ignore` in a cell of its own with it"
        ) from None
    return f"{code}\n" if code.endswith("\n") else f"{code}\n\n"
