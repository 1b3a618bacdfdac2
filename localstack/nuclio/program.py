"""What a worker runs: the function, the wrapper around it, and how that is told where to listen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WRAPPER, COMMON = "_nuclio_wrapper.py", "wrapper_common.py"
# Nuclio's own for a trigger's mode "async": they are connected to, and do not connect.
SERVERS = ("_nuclio_async_wrapper.py", "_nuclio_wrapper_as_server.py")


class NoWrapper(ValueError):
    """A path at which there is no wrapper that a worker could run."""


def wrapper_at(path: Path) -> Path:
    """The wrapper that a path means: the file, or Nuclio's in the folder that has all its modules
    (as pkg/processor/runtime/python/py of Nuclio has them).  Raises `NoWrapper`."""
    found = path / WRAPPER if path.is_dir() else path
    if found.name in SERVERS:
        raise NoWrapper(
            f"{found} serves a trigger of the mode async, which the emulator has not: "
            f"name {WRAPPER} beside it"
        )
    if not found.is_file():
        raise NoWrapper(f"{path} holds no {WRAPPER}: name the file, or the folder that has it")
    imports = f"from {COMMON.removesuffix('.py')} import" in found.read_text(errors="replace")
    if imports and not (found.parent / COMMON).is_file():
        raise NoWrapper(f"{found} needs {COMMON} beside it: name the folder that has both")
    return found


@dataclass(frozen=True, slots=True)
class Program:
    """What a worker runs, and as what.

    path:      `sys.path` of the function;  python: what its own children are started with
    addresses: the file that says where other functions are
    sockets:   a folder with a short path, for the sockets
    wrapper:   Nuclio's own `_nuclio_wrapper.py`, or None for ours
    runs_on:   the Python that runs it
    mounts:    folders that it sees at other places: source, target, whether it may only read
    platform:  "kube" or "local": by which names functions call each other
    """

    path: Sequence[str]
    python: str
    handler: str
    kind: str
    trigger: str
    namespace: str
    addresses: str
    sockets: Path
    decoded: bool = False
    wrapper: Path | None = None
    platform: str = "kube"
    runs_on: str = sys.executable
    mounts: Sequence[tuple[str, str, bool]] = ()

    def options(self, number: int, events: str, control: str) -> list[str]:
        """The wrapper's options, as the processor gives them."""
        return [
            *("--handler", self.handler),
            *("--event-socket-path", events),
            *("--control-socket-path", control),
            *("--platform-kind", self.platform),
            *("--namespace", self.namespace),
            *("--worker-id", str(number)),
            *("--trigger-kind", self.kind),
            *("--trigger-name", self.trigger),
            *(["--decode-event-strings"] if self.decoded else []),
        ]

    def python_path(self, wrapper: str) -> list[str]:
        """Behind the function's own code, what a wrapper of several files finds beside itself."""
        if self.wrapper is None:
            return list(self.path)
        return [self.path[0], str(Path(wrapper).parent), *self.path[1:]]
