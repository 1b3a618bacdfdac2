"""Bytecode for the target's Python, so that a cold start does not compile what it imports.

Only the interpreter of the target's version can make it; where the machine has none, the artifact
goes without, and its report says so.  The same source gives the same bytes: marshal's version 2 has
no references, whose marks depend on what else lives in the compiling process.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath

from .errors import BuildError
from .interpreters import interpreter

CHILD = "bytecode_child.py"
# A package's own tests are never imported by a function: numpy's alone would be 8 MB of bytecode.
TESTS = frozenset({"tests", "test"})
# Part of every key: another way of making it is another bytecode.
FORM = 1


def bytecode(sources: Mapping[str, bytes], python: str, cache: Path) -> dict[str, bytes] | None:
    """`__pycache__` files by place, for the `.py` among `sources`; None without that Python.

    A source that does not compile (a template, another Python's) has none.
    """
    tool = interpreter(python)
    if tool is None:
        return None
    tag = f"cpython-{python.replace('.', '')}"
    kept = {
        place: cache / f"{tag}-{FORM}" / _key(place, content)
        for place, content in sources.items()
        if place.endswith(".py") and not TESTS.intersection(place.split("/")[1:-1])
    }
    missing = {place: path for place, path in kept.items() if not path.exists()}
    if missing:
        _compile(tool, {place: (sources[place], path) for place, path in missing.items()})
    made = {_place(place, tag): path.read_bytes() for place, path in kept.items()}
    return {place: content for place, content in made.items() if content}


def _key(place: str, content: bytes) -> str:
    key = hashlib.sha256(place.encode() + b"\0" + content).hexdigest()
    return f"{key[:2]}/{key[2:]}"


def _place(place: str, tag: str) -> str:
    path = PurePosixPath(place)
    return str(path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc")


_ROOM = "make room or give another cache (XDG_CACHE_HOME)"


def _compile(tool: str, wanted: Mapping[str, tuple[bytes, Path]]) -> None:
    """Fill the cache, all in one process of the target's Python."""
    try:
        done = _run(tool, wanted)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BuildError(
            "the artifact's bytecode cannot be written into the cache: "
            f"{error.strerror or error}{where}; {_ROOM}"
        ) from error
    if done.returncode:
        said = done.stderr.strip()
        if " cannot be written: " in said:
            raise BuildError(f"the artifact's bytecode: {said}; {_ROOM}")
        raise BuildError(f"{tool} could not compile the artifact's bytecode: {said}")


def _run(tool: str, wanted: Mapping[str, tuple[bytes, Path]]) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder, as_file(files(__package__) / CHILD) as child:
        lines = []
        for index, (place, (content, path)) in enumerate(wanted.items()):
            source = Path(folder) / str(index)
            source.write_bytes(content)
            path.parent.mkdir(parents=True, exist_ok=True)
            lines.append(json.dumps([place, str(source), str(path)]))
        return subprocess.run(
            [tool, "-I", "-W", "ignore", str(child)],
            input="\n".join(lines), capture_output=True, text=True, check=False,
        )  # fmt: skip
