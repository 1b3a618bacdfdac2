"""What is taken over, as data; and the app that says it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HEAD = '''"""Taken over from {source} by `pelton init --from`; the handlers are as they were."""

import pelton
{imports}

app = pelton.App({app!r})
'''


@dataclass(frozen=True, slots=True)
class TakenFunction:
    """A function of somebody's.

    folder:   where its modules are, from the template's folder
    handler:  "module.function"
    style:    "lambda" or "nuclio"
    settings: of `@app.function`, as Python writes their values
    """

    name: str
    folder: str
    handler: str
    style: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Taken:
    """A template: its functions, files that it holds itself, and what was lost, a sentence each."""

    source: str
    app: str
    functions: list[TakenFunction] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def lose(self, line: int, what: str) -> None:
        """Something is not carried over; `line` 0 where it has none of its own."""
        self.lost.append(f"{self.source}:{line}: {what}" if line else f"{self.source}: {what}")


def render(taken: Taken) -> dict[str, str]:
    """The files to write, by their place beside the template: an app a folder of code, because the
    modules of one folder import each other by their own names."""
    found = dict(taken.files)
    folders = list(dict.fromkeys(each.folder for each in taken.functions))
    for folder in folders:
        mine = [each for each in taken.functions if each.folder == folder]
        name = taken.app if len(folders) == 1 else f"{taken.app}-{_word(folder)}"
        place = "/".join(filter(None, (folder, "pelton_app.py")))
        found[place] = _app(taken, name, mine)
    return found


def _app(taken: Taken, name: str, functions: Sequence[TakenFunction]) -> str:
    imports = "\n".join(sorted(map(_import, functions)))
    head = HEAD.format(source=taken.source, imports=imports, app=_word(name))
    return head + "".join(_function(each) for each in functions)


def _function(it: TakenFunction) -> str:
    order = "event, context" if it.style == "lambda" else "context, event"
    said = {"name": repr(it.name), "style": repr(it.style), **it.settings}
    lines = "".join(f"    {name}={value},\n" for name, value in said.items())
    called = _called(it)
    return (
        f"\n\n@app.function(\n{lines})\ndef {called}({order}):\n"
        f"    return {called}_handler({order})\n"
    )


def _import(it: TakenFunction) -> str:
    """By a name of its own: a module is called `app` more often than not."""
    module, _, function = it.handler.rpartition(".")
    return f"from {module.replace('/', '.')} import {function} as {_called(it)}_handler"


def _called(it: TakenFunction) -> str:
    called = re.sub(r"\W", "_", it.name).lower()
    return called if called[:1].isalpha() else f"f_{called}"


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:64] or "app"


def call(name: str, values: Mapping[str, Any], *first: Any) -> str:
    """A call as Python writes it; nothing for no values.

    >>> call("pelton.sqs", {"batch": 5}, "jobs"), call("pelton.Aws", {})
    ("pelton.sqs('jobs', batch=5)", '')
    """
    told = [*map(repr, first), *(f"{key}={value!r}" for key, value in values.items())]
    return f"{name}({', '.join(told)})" if told else ""


def listed(calls: Sequence[str]) -> str:
    """
    >>> listed(["pelton.http()"])
    '[pelton.http()]'
    """
    return f"[{', '.join(calls)}]"
