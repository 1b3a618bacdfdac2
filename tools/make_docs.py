"""Write what is generated in docs/: the code map, the reference, the table of promises.

All come from the code, so they say what the code says; `tests/test_docs.py` fails when a
file here is not what this would write.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = {
    "pelton": "the front door: lazy public names, the command line, testing",
    "handlers": "the words people write; knows no other part",
    "runtime": "what ships inside an artifact",
    "serving_graph": "typed steps joined into a graph",
    "builders": "an app becomes artifacts",
    "deploy": "a plan, then its application",
    "event_sources": "brokers' messages become deliveries; knows no other part",
    "localstack": "the emulator; imports nothing of the app side",
}
BEGIN, END = "<!-- code map: begin -->\n", "<!-- code map: end -->\n"


def modules(part: str) -> Iterator[Path]:
    """The modules of a part in reading order, links left out."""
    for path in sorted((ROOT / part).rglob("*.py")):
        if not any(parent.is_symlink() for parent in path.parents):
            yield path


def sentence(path: Path) -> str:
    """The first sentence of the module's docstring, which alone is parsed where it comes first."""
    whole, quotes = path.read_text(), '"""'
    ends = whole.find(quotes, 3) + 3 if whole.startswith(quotes) else len(whole)
    text = ast.get_docstring(ast.parse(whole[:ends])) or ""
    paragraph = text.strip().partition("\n\n")[0]
    return " ".join(re.split(r"(?<=[.?!])(?:  |\n)", paragraph)[0].split())


def code_map() -> str:
    """One block a part, one line a module."""
    blocks = []
    for part, purpose in PARTS.items():
        rows = [(str(path.relative_to(ROOT)), sentence(path)) for path in modules(part)]
        lines = [f"| `{name}` | {text} |" for name, text in rows]
        blocks.append(
            "\n".join(
                [
                    f"### {part}/: {purpose}",
                    "",
                    "| file | what it is |",
                    "| --- | --- |",
                    *lines,
                    "",
                ]
            )
        )
    return "\n".join(blocks)


def architecture() -> str:
    text = (ROOT / "docs" / "architecture.md").read_text()
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + code_map() + "\n" + END + rest.split(END)[1]


def reference() -> str:
    """Every public name of `pelton` and `pelton.testing`, with signature and docstring."""
    import inspect

    import pelton
    import pelton.testing

    lines = [
        "# Reference",
        "",
        "Generated from the docstrings by `make docs`; every example runs as a test.",
        "",
    ]
    for module in (pelton, pelton.testing):
        lines += [f"## {module.__name__}", ""]
        for name in sorted(module.__all__):
            value = getattr(module, name)
            text = inspect.getdoc(value)
            if name.startswith("__") or not text or inspect.ismodule(value):
                continue
            lines += [f"### `{module.__name__}.{name}`", ""]
            if inspect.isroutine(value):
                lines += ["```python", f"{name}{signature(value)}", "```", ""]
            lines += ["```text", text, "```", ""]
    return "\n".join(lines)


def signature(maker: Callable[..., object]) -> str:
    """As `inspect` has it, with what `**words: Unpack[…]` stands for: its words, and the defaults
    of the class that is made of them."""
    import inspect
    from typing import get_args, get_type_hints

    told = inspect.signature(maker)
    last = list(told.parameters.values())[-1:]
    if not (last and last[0].name == "words" and "Unpack" in str(last[0].annotation)):
        return str(told)
    hints = get_type_hints(maker, include_extras=True)
    (words,) = get_args(hints["words"])
    shared = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=getattr(hints["return"], name),
            annotation=annotation.__forward_arg__,
        )
        for name, annotation in words.__annotations__.items()
    ]
    own = [each for each in told.parameters.values() if each.name != "words"]
    return str(told.replace(parameters=[*own, *shared]))


def fidelity() -> str:
    """The emulator's own account of itself, then what the tests prove of it, by their marks."""
    from pelton.localstack.fidelity import page

    sys.path.insert(0, str(ROOT / "tools"))
    from fidelity_marks import marks, tables

    proven = tables(marks(ROOT / "tests"))
    return (
        f"{page()}\n## Behaviour by behaviour, with its proof\n\n"
        "Each row is a test that CI runs, or `make test-slow` where it says slow; `exact` means as "
        "the source says that the platform does it.\n\n"
        f"{proven}"
    )


def event_sources() -> str:
    """The how-to with its table of promises, as the sources say them."""
    sys.path.insert(0, str(ROOT / "tools"))
    from promises.table import page

    return page((ROOT / "docs" / "how-to" / "event-sources.md").read_text())


def promises() -> str:
    """Every source, every promise, every proof."""
    sys.path.insert(0, str(ROOT / "tools"))
    from promises.page import page

    return page()


FILES = {
    "docs/architecture.md": architecture,
    "docs/fidelity.md": fidelity,
    "docs/how-to/event-sources.md": event_sources,
    "docs/promises.md": promises,
    "docs/reference.md": reference,
}


def main() -> None:
    for name, make in FILES.items():
        (ROOT / name).write_text(make())
        print(name)


if __name__ == "__main__":
    sys.exit(main())
