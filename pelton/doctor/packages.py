"""The emulator's own needs: whether each can be imported, the runtime client's native part too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from .finding import OK, PROBLEM, Ask, Finding

NAME = "packages"
# Distribution: the modules that are imported of it.
EMULATOR = {
    "awslambdaric": ("awslambdaric.bootstrap", "runtime_client"),
    "boto3": ("boto3",),
    "ministack": ("ministack",),
    "uvicorn": ("uvicorn",),
    "nuclio-sdk": ("nuclio_sdk",),
    "msgpack": ("msgpack",),
}
ADVICE = "pip install 'pelton[emulator]'"
_TRY = """
import importlib, json, sys
said = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


def look(ask: Ask) -> Iterator[Finding]:
    """One finding a distribution; they are imported in another process."""
    modules = [each for of in EMULATOR.values() for each in of]
    done = subprocess.run(
        [sys.executable, "-c", _TRY, *modules], capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    failed = json.loads(lines[-1]) if lines else dict.fromkeys(modules, "the process died")
    for name, of in EMULATOR.items():
        yield judge(name, [failed[each] for each in of if each in failed])


def judge(name: str, failures: Sequence[str]) -> Finding:
    """
    >>> judge("no-such-distribution", ["ModuleNotFoundError: x"]).what
    'no-such-distribution is not installed, and the emulator needs it'
    """
    try:
        release = version(name)
    except PackageNotFoundError:
        said = f"{name} is not installed, and the emulator needs it"
        return Finding(NAME, PROBLEM, said, ADVICE)
    if failures:
        said = f"{name} {release} cannot be imported: {failures[0]}"
        return Finding(NAME, PROBLEM, said, f"{ADVICE}, in an environment of its own")
    return Finding(NAME, OK, f"{name} {release}")
