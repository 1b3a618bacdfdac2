"""Container engines: functions that are images need one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ..localstack.lambda_.containers.engine import Engines, NoEngine
from .finding import OK, WARNING, Ask, Finding

NAME = "engines"


def look(ask: Ask) -> Iterator[Finding]:
    """The engine that the emulator would use, or what each said."""
    try:
        found = asyncio.run(Engines().find())
    except NoEngine as error:
        yield Finding(
            NAME,
            WARNING,
            f"no container engine works, so functions that are images are refused: {error}",
            "start docker's daemon, or install podman or nerdctl; archives need none",
        )
        return
    yield Finding(NAME, OK, f"{found.name} {found.release} at {found.executable}")
