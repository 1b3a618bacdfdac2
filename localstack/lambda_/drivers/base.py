"""What every kind of driver is: it starts one sandbox's programs and says how they are ended.

A sandbox asks its driver and nobody else; which kind a function needs is chosen in `choice`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..extensions.program import Program

# (exit code, negative for a signal; peak memory of its largest process in KB)
OnExit = Callable[[int, int], None]


class Started(Protocol):
    """A runtime that has been started.

    pid:   of its first process on this machine, 0 while that is not known
    fault: AWS's type and words for why it could not be run at all, "" both when it could
    """

    @property
    def pid(self) -> int: ...

    @property
    def fault(self) -> tuple[str, str]: ...

    def terminate(self) -> None:
        """SIGTERM for its first process."""

    def kill(self) -> None:
        """End it, and what it started, at once."""


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
