"""Bytecode for the target's Python, so that a cold start does not compile what it imports.

Only the interpreter of the target's version can make it; where the machine has none, the artifact
goes without, and its report says so.  The same source gives the same bytes: marshal's version 2 has
no references, whose marks depend on what else lives in the compiling process.  What was made is
kept compressed, as an archive takes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path

from .content import DEFLATED, LEVEL, File, Files, Packed, Ready
from .errors import BuildError
from .interpreters import interpreter
from .whole import write_whole

CHILD = "bytecode_child.py"
# A package's own tests are never imported by a function: numpy's alone would be 8 MB of bytecode.
TESTS = frozenset({"tests", "test"})
# Part of every key: another way of making it is another bytecode.
FORM = 2
# Fewer modules than this are compiled sooner than another interpreter has begun.
WORTH_A_PROCESS = 100
# Gzip's header of what has no name and no time, and what follows: CRC-32 and size.
HEADER, TRAILER = b"\x1f\x8b\x08" + bytes(6) + b"\xff", struct.Struct("<II")


def bytecode(sources: Files, python: str, cache: Path) -> dict[str, File] | None:
    """`__pycache__` files by place, for the `.py` among `sources`; None without that Python.

    A source that does not compile (a template, another Python's) has none.
    """
    tool = interpreter(python)
    if tool is None:
        return None
    tag = f"cpython-{python.replace('.', '')}"
    kept = {
        place: cache / f"{tag}-{FORM}" / _key(place, file.sha256)
        for place, file in sources.items()
        if is_compiled(place)
    }
    missing = {place: path for place, path in kept.items() if not path.exists()}
    if missing:
        _compile(tool, {place: (sources[place], path) for place, path in missing.items()})
    made = {_place(place, tag): path.read_bytes() for place, path in kept.items()}
    return {place: _ready(content) for place, content in made.items() if content}


def is_compiled(place: str) -> bool:
    """Whether a file of an artifact may have bytecode."""
    return place.endswith(".py") and not TESTS.intersection(place.split("/")[1:-1])


def _key(place: str, sha256: str) -> str:
    key = hashlib.sha256(f"{place}\0{sha256}".encode()).hexdigest()
    return f"{key[:2]}/{key[2:]}"


def _place(place: str, tag: str) -> str:
    """
    >>> _place("a/b.py", "cpython-312"), _place("b.py", "cpython-312")
    ('a/__pycache__/b.cpython-312.pyc', '__pycache__/b.cpython-312.pyc')
    """
    folder, slash, name = place.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


def _ready(kept: bytes) -> File:
    crc, size = TRAILER.unpack(kept[-TRAILER.size :])
    return Ready(Packed(DEFLATED, crc, size, kept[len(HEADER) : -TRAILER.size]))


def _gzip(content: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    trailer = TRAILER.pack(zlib.crc32(content), len(content))
    return HEADER + packer.compress(content) + packer.flush() + trailer


_ROOM = "make room or give another cache (XDG_CACHE_HOME)"


def _compile(tool: str, wanted: Mapping[str, tuple[File, Path]]) -> None:
    """Fill the cache, by as many processes of the target's Python as there is work for."""
    places = sorted(wanted, key=lambda place: -wanted[place][0].size)
    many = max(1, min(os.cpu_count() or 1, len(places) // WORTH_A_PROCESS))
    parts = [{place: wanted[place] for place in places[at::many]} for at in range(many)]
    try:
        with ThreadPoolExecutor(many) as pool:
            told = [each for each in pool.map(lambda part: _run(tool, part), parts) if each]
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BuildError(
            "the artifact's bytecode cannot be written into the cache: "
            f"{error.strerror or error}{where}; {_ROOM}"
        ) from error
    if told and " cannot be written: " in told[0]:
        where = tempfile.gettempdir()
        raise BuildError(f"the artifact's bytecode: {told[0]}; make room in {where}")
    if told:
        raise BuildError(f"{tool} could not compile the artifact's bytecode: {told[0]}")


def _run(tool: str, wanted: Mapping[str, tuple[File, Path]]) -> str:
    """Compile some, and keep them; what went wrong, "" for nothing."""
    with tempfile.TemporaryDirectory() as folder, as_file(files(__package__) / CHILD) as child:
        lines = []
        for index, (place, (file, path)) in enumerate(wanted.items()):
            source = Path(folder) / str(index)
            source.write_bytes(file.read())
            path.parent.mkdir(parents=True, exist_ok=True)
            lines.append(json.dumps([place, str(source), f"{source}.pyc"]))
        done = subprocess.run(
            [tool, "-I", "-W", "ignore", str(child)],
            input="\n".join(lines), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            return done.stderr.strip() or f"it ended with {done.returncode}"
        for index, (_, path) in enumerate(wanted.values()):
            made = (Path(folder) / f"{index}.pyc").read_bytes()
            write_whole(path, _gzip(made) if made else b"")
    return ""
