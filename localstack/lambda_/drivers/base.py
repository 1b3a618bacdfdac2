"""What every kind of driver is: it starts one sandbox's programs and says how they are ended.

A sandbox asks its driver and nobody else; which kind a function needs is chosen in `choice`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..extensions.program import Program
from .started import OnExit, Started


class Driver(Protocol):
    """Starts the programs of one sandbox.

    kind:    "process" or "container"
    lag:     seconds in which what it prints may still be on its way here
    address: where listeners of its external extensions are
    notice:  a line for the function's log on what stands in for what, b"" for none
    """

    kind: str
    lag: float
    notice: bytes

    @property
    def address(self) -> str: ...

    def extensions(self) -> dict[str, str]:
        """Its external extensions: file name, and where the sandbox sees the file."""

    async def start(self, api: str, address: str, output: int, on_exit: OnExit) -> Started:
        """Start the runtime.  Raises `ForkServerGone`.

        api:     where its Runtime API is
        address: as above, "" without extensions
        output:  the descriptor that it prints to; the caller closes it
        on_exit: called once
        """

    async def start_extension(self, program: Program, path: str, api: str, address: str) -> None:
        """Start one of its extensions.  Raises `ForkServerGone`."""

    def forget(self) -> None:
        """The sandbox has ended, and its /tmp goes."""


# (its /tmp, its log stream) -> a driver for a new sandbox of one revision
Make = Callable[[Path, str], Driver]
