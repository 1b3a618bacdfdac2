"""Pythons: pelton's own, and one for each of Lambda's runtimes."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from ..localstack.lambda_.interpreters import VERSIONS, Interpreter, find, own
from .finding import OK, WARNING, Ask, Finding

NAME = "interpreters"


def look(ask: Ask) -> Iterator[Finding]:
    """The operating system, then every version of Python."""
    yield _system(platform.system())
    for version in VERSIONS:
        yield _finding(version, find(version))


def _system(name: str) -> Finding:
    if name == "Linux":
        return Finding(NAME, OK, f"{name} {platform.machine()}, pelton runs on Python {_here()}")
    return Finding(
        NAME,
        WARNING,
        f"{name}: AWS's runtime client has no wheel for it, so Lambda functions do not run here",
        "use Linux, or Windows' own by WSL; build, plan and deploy to AWS work here",
    )


def _here() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _finding(version: str, found: Interpreter | None) -> Finding:
    if found is not None:
        return Finding(NAME, OK, f"Python {version}: {found.release} at {found.executable}")
    return Finding(
        NAME,
        WARNING,
        f"no Python {version}: functions with that runtime run on {own().version} here, and their "
        "artifacts have no bytecode",
        f"uv python install {version}",
    )
