"""Members that take the same value, as one generated function: no list to walk, no frame between.

A member that is one plain step of the user's own is called directly; an error says its line, and
the line the member, as in `compile`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .compile import Run, identifier, note, show

_FIRST_LINE = 3


def _sum(values: Sequence[str]) -> str:
    """The source of what `sum` gives for floats: from 3.12 on it rounds but once."""
    if sys.version_info >= (3, 12):
        return f"sum(({', '.join(values)},))"
    return f"({' + '.join(['0.0', *values])})"


def compile_together(path: str, members: Mapping[Any, Run], answer: str, scope: Any = None) -> Run:
    """The plain function `run(value, context=None)` that asks every member in order.

    answer: the source that makes the answer of `v0`, `v1` … and of what `scope` names

    >>> compile_together("demo", {"a": lambda value, context: value}, "return [v0]")("x", None)
    ['x']
    """
    calls, paths = [], list[str | None]()
    names: dict[str, Any] = dict(scope or {})
    for place, (key, run) in enumerate(members.items()):
        name = f"{identifier(str(key))}_{place}"
        alone = getattr(run, "alone", None)
        names[name] = alone.call if alone else run
        more = (f", {alone.context}=context" if alone.context else "") if alone else ", context"
        calls.append(f"        v{place} = {name}(value{more})")
        paths.append(alone.path if alone else None)
    source = "\n".join(
        ["def run(value, context=None):", "    try:", *calls]
        + [f"        {line}" for line in answer.splitlines()]
        + ["    except Exception as error:", "        blame(error)", "        raise", ""]
    )
    file = f"<graph {path}>"

    def blame(error: Exception) -> None:
        trace = error.__traceback__
        assert trace is not None
        place = trace.tb_lineno - _FIRST_LINE
        show(file, source)
        if place >= len(paths):
            note(error, path)
        elif (inside := paths[place]) is not None:
            note(error, inside, trace.tb_frame.f_locals["value"])

    names |= {"blame": blame, "__name__": __name__}
    exec(compile(source, file, "exec"), names)
    made: Run = names["run"]
    return made


def combined(count: int, combine: Callable[[Sequence[Any]], Any], *, mean: bool) -> tuple[str, Any]:
    """The answer's source, and its scope, for `compile_together`: what `combine` makes of the list.

    mean: whether `combine` is the mean of equal weights, which is made in place of plain floats
    """
    values = [f"v{place}" for place in range(count)]
    listed = ", ".join(values)
    lines = [f"return combine([{listed}])"]
    if mean:
        kinds = " is ".join(f"{each}.__class__" for each in values)
        lines.insert(0, f"if {kinds} is float: return {_sum(values)} / {count}")
    return "\n".join(lines), {"combine": combine}
