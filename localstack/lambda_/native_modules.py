"""Native modules of an archive: whether what will run it can load them.

An archive that could not run here is refused with its cause: built for another interpreter, another
machine or another operating system.  It knows archives as zip files, no function and no store.
"""

from __future__ import annotations

import platform
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from . import unpacking
from .errors import invalid
from .interpreters import Interpreter

_ELF_MACHINES = {62: "x86_64", 183: "aarch64", 3: "i686", 40: "arm"}
_MACH_O = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def refuse_foreign(opened: zipfile.ZipFile, python: Interpreter, reason: str) -> None:
    """Raises InvalidParameterValueException for an archive whose modules `python` cannot load.

    reason: why that is not the Python of the function's runtime, "" when it is
    """
    problem = native_problem(opened, python)
    if problem:
        why = f" ({reason})" if reason else ""
        raise invalid(
            f"{problem}; this function runs on Python {python.version} on Linux {machine()}{why} "
            "and cannot load it. Build the archive for that interpreter and platform "
            "(GET /_pelton/health names them)."
        )


def native_problem(opened: zipfile.ZipFile, python: Interpreter) -> str:
    """Why the native modules of an archive cannot be loaded by a Python here, or ""."""
    modules: dict[str, list[str]] = {}
    for info in opened.infolist():
        if (
            is_native(info.filename)
            and _is_seen(info.filename, python)
            and not unpacking.is_link(info)
        ):
            path = PurePosixPath(info.filename)
            modules.setdefault(str(path.parent / path.name.partition(".")[0]), []).append(
                info.filename
            )
    for names in modules.values():
        problems = [_problem(opened, name, python) for name in names]
        if all(problems):  # one module may be there for several interpreters
            return problems[0]
    return ""


def is_native(name: str) -> bool:
    """Whether a file of this name is a native module or library."""
    return name.endswith((".so", ".pyd", ".dylib")) or ".so." in PurePosixPath(name).name


def _is_seen(name: str, python: Interpreter) -> bool:
    """A layer may bring one folder a Python: only its own is on the path of each.

    >>> from .interpreters import own
    >>> _is_seen("python/lib/python2.7/site-packages/a.so", own()), _is_seen("python/a.so", own())
    (False, True)
    """
    if not name.startswith("python/lib/python"):
        return True
    return name.startswith(f"python/lib/{python.runtime}/")


def _problem(opened: zipfile.ZipFile, name: str, python: Interpreter) -> str:
    built_for = "".join(_foreign(opened, name, python))
    return f"{name} is built for {built_for}" if built_for else ""


def _foreign(opened: zipfile.ZipFile, name: str, python: Interpreter) -> Iterator[str]:
    """What the module is built for, when that is not this Python."""
    tag = _interpreter_tag(name)
    if tag and tag != python.tag:
        digits = tag.partition("-")[2]
        yield f"CPython {digits[:1]}.{digits[1:]}" if digits.isdigit() else tag
        return
    with opened.open(name) as file:
        head = file.read(20)
    if head[:4] != b"\x7fELF":
        # A linker script or an empty file is text and harmless; other systems' formats are not.
        if not name.endswith(".so") or head[:4] in _MACH_O:
            yield "another operating system"
        return
    found = int.from_bytes(head[18:20], "little")
    if _ELF_MACHINES.get(found) != machine():
        yield f"the machine {_ELF_MACHINES.get(found, found)}"


def _interpreter_tag(name: str) -> str:
    """
    >>> _interpreter_tag("a.cpython-312-x86_64-linux-gnu.so"), _interpreter_tag("a.abi3.so")
    ('cpython-312', '')
    """
    for part in PurePosixPath(name).name.split("."):
        if part.startswith(("cpython-", "pypy")):
            return "-".join(part.split("-")[:2])
    return ""


def machine() -> str:
    """This machine as the kernel names it."""
    return platform.machine()
