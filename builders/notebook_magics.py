"""The `%nuclio` magics of a notebook, as changes of a function's configuration.

One magic a method, by its own name.  Environment variables in values are filled in from the
environment of the build, as nuclio-jupyter does.  Source: nuclio-jupyter's README and its help.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any, NoReturn

from .errors import BuildError

LINE = "%nuclio"
CALL = re.compile(rf"%?{LINE}\s+(\w+)\s*(.*)", re.DOTALL)
SETTING = re.compile(r"(\w+(?:\.\w+)*)\s*(\+?=)\s*?(.+)")
RETURN = re.compile(r"[ \t]*#[ \t]*(?:nuclio|mlrun):[ \t]*return")
# Commands of the notebook's own work: they leave nothing in the function.
SILENT = frozenset({"build", "deploy", "help", "show"})
V3IO = ("V3IO_FRAMESD", "V3IO_USERNAME", "V3IO_ACCESS_KEY", "V3IO_API")


class Magics:
    """The configuration of one notebook's function, while its cells are read."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = function_name(name)
        self.config: dict[str, Any] = {
            "apiVersion": "nuclio.io/v1",
            "kind": "Function",
            "metadata": {"name": self.name, "labels": {}, "annotations": {}},
            "spec": {
                "runtime": "python",
                "handler": "handler:handler",
                "env": [],
                "volumes": [],
                "build": {"commands": [], "noBaseImagesPull": True},
            },
        }
        self.files: dict[str, Path] = {}
        self.notes: list[str] = []
        self._folder, self._path = path.parent, path
        self._env_files: list[str] = []
        self._handlers = 0

    def apply(self, line: str, below: list[str]) -> str:
        """The code that a magic and the lines below it become.  Raises `BuildError`."""
        call = CALL.match(line.strip())
        if call is None:
            raise BuildError(f"{line.strip()!r} is no {LINE} command")
        name, words = call[1], call[2].strip()
        if name in SILENT:
            return ""
        act = getattr(self, f"_do_{name}", None)
        if act is None:
            known = sorted(each[4:] for each in dir(self) if each.startswith("_do_"))
            raise BuildError(f"unknown command {LINE} {name}; known are {', '.join(known)}")
        return str(act(words, below) or "")

    def _do_cmd(self, words: str, below: list[str]) -> None:
        commands = self.config["spec"]["build"]["commands"]
        commands += map(os.path.expandvars, _said([_flagless(words), *below]))

    def _do_env(self, words: str, below: list[str]) -> None:
        if words.startswith(("--local-only", "-l")):
            return
        for line in _said([_flagless(words), *below]):
            self._set_env(line)

    def _do_env_file(self, words: str, below: list[str]) -> None:
        for name in _said([words, *below]):
            if (self._folder / name).is_file():
                self._env_files.append(name)
            else:
                self.notes.append(f"{LINE} env_file: {name} is not there and was left out")

    def read_env_files(self) -> None:
        """What environment files say, after all that the cells do."""
        for name in dict.fromkeys(self._env_files):
            for line in _said((self._folder / name).read_text().splitlines()):
                self._set_env(line)

    def _set_env(self, line: str) -> None:
        if line == "%v3io":
            for name in V3IO:
                if name in os.environ:
                    self._put_env(name, os.environ[name])
            return
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise BuildError(f"{line!r} sets no variable; write NAME=value")
        self._put_env(name.strip(), os.path.expandvars(value.strip()))

    def _put_env(self, name: str, value: str) -> None:
        env = self.config["spec"]["env"]
        for each in env:
            if each["name"] == name:
                each.clear()
                each.update(name=name, value=value)
                return
        env.append({"name": name, "value": value})

    def _do_config(self, words: str, below: list[str]) -> None:
        for line in _said([words, *below]):
            found = SETTING.search(line)
            if found is None:
                raise BuildError(f"{line!r} sets nothing; write a.b.c = value, or += for a list")
            text = os.path.expandvars(found[3].strip())
            try:
                value = json.loads(text)
            except ValueError:
                raise BuildError(f"{line!r}: {text} is no JSON; texts go in quotes") from None
            self._set(found[1].split("."), value, append=found[2] == "+=")

    def _set(self, path: list[str], value: Any, *, append: bool) -> None:
        at: Any = self.config
        for part in path[:-1]:
            at = at.setdefault(part, {})
        if not append:
            at[path[-1]] = value
        else:
            at.setdefault(path[-1], []).extend(value if isinstance(value, list) else [value])

    def _do_mount(self, words: str, below: list[str]) -> None:
        parser = _Parser(prog=f"{LINE} mount", add_help=False)
        parser.add_argument("--type", "-t", default="")
        parser.add_argument("--name", "-n", default="fs")
        parser.add_argument("--key", "-k", default="")
        parser.add_argument("--readonly", "-r", default=False)
        options, places = parser.parse_known_args(shlex.split(os.path.expandvars(words)))
        if len(places) != 2:
            raise BuildError(f"{LINE} mount takes two places: in the function, and of the volume")
        volume = _volume(options.type or "v3io", options.name, options.key, places[1])
        mount = {"name": options.name, "mountPath": places[0]}
        self.config["spec"]["volumes"].append({"volumeMount": mount, "volume": volume})

    def _do_add(self, words: str, below: list[str]) -> None:
        parser = _Parser(prog=f"{LINE} add", add_help=False)
        parser.add_argument("--file", "-f", default=[], action="append")
        parser.add_argument("--add-notebook", "-n", action="store_true")
        options, _ = parser.parse_known_args(shlex.split(os.path.expandvars(words)))
        for name in (*options.file, *_said(below)):
            path = self._folder / name
            if not path.is_file() or not path.resolve().is_relative_to(self._folder.resolve()):
                raise BuildError(f"{LINE} add: {name} is no file below the notebook's folder")
            self.files[Path(name).as_posix()] = path
        if options.add_notebook:
            self.files[self._path.name] = self._path

    def _do_handler(self, words: str, below: list[str]) -> str:
        """The cell is the body of a handler; its last line is what it returns."""
        name = words or self._next_handler()
        module = self.config["spec"]["handler"].partition(":")[0]
        self.config["spec"]["handler"] = f"{module}:{name}"
        body = indent("\n".join(below), "    ").splitlines()
        lines = [_returning(line) if RETURN.search(line) else line for line in body]
        lines.insert(0, f"def {name}(context, event):")
        for at in range(len(lines) - 1, -1, -1):
            if lines[at].strip()[:1] not in ("", "#", "%"):
                if "return" not in lines[at]:
                    lines[at] = _returning(lines[at])
                break
        return "\n".join(lines)

    def _next_handler(self) -> str:
        self._handlers += 1
        return f"handler_{self._handlers - 1}" if self._handlers > 1 else "handler"


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BuildError(f"{self.prog}: {message}")


def function_name(text: str) -> str:
    """A notebook's name as a function's, by nuclio-jupyter's rule.

    >>> function_name("My Model_v1.2")
    'my-model-v12'
    """
    return re.sub(r"\s+", "-", text).replace("_", "-").replace(".", "").lower()


def _said(lines: list[str]) -> Iterator[str]:
    """The lines that say something."""
    return (line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def _flagless(words: str) -> str:
    """Without the flag that has the notebook itself leave it alone."""
    return re.sub(r"^(--config-only|-c)(\s+|$)", "", words)


def _returning(line: str) -> str:
    """The line with `return` before its first word."""
    return re.sub(r"\w", lambda found: f"return {found[0]}", line, count=1)


def _volume(kind: str, name: str, key: str, remote: str) -> dict[str, Any]:
    if kind == "v3io":
        if remote.startswith("~/"):
            remote = f"users/{os.environ.get('V3IO_USERNAME', '')}{remote[1:]}"
        container, slash, rest = remote.removeprefix("/").partition("/")
        options = {
            "container": container,
            "subPath": f"{slash}{rest}",
            "accessKey": key or os.environ.get("V3IO_ACCESS_KEY", ""),
        }
        return {"name": name, "flexVolume": {"driver": "v3io/fuse", "options": options}}
    known: dict[str, dict[str, Any]] = {
        "pvc": {"persistentVolumeClaim": {"claimName": remote}},
        "secret": {"secret": {"secretName": remote}},
        "configMap": {"configMap": {"name": remote}},
    }
    if kind not in known:
        raise BuildError(f"{LINE} mount: no volume of type {kind!r}; v3io, {', '.join(known)}")
    return {"name": name, **known[kind]}
