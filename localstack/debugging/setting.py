"""What a process that is debugged is told, and the command line that tells it: plain data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS = 86_400  # that everything may take in such a process: a day


@dataclass(frozen=True, slots=True)
class Debug:
    """A debugger in one process.

    wait:  whether nothing of the function runs before a client is attached
    desk, token: where and by what the process says how far it is
    """

    wait: bool
    desk: tuple[str, int]
    token: str

    def command(
        self, line: Sequence[str], folder: str, root: str, library: Sequence[str]
    ) -> list[str]:
        """The command line `line` (a Python, a program, its arguments) with a debugger.

        folder: where the process sees the debugger;  root: and its function's code
        library: folders whose code is not the function's own

        >>> debug = Debug(False, ("127.0.0.1", 9), "t")
        >>> line = debug.command(["python3", "main.py"], "/d", "/var/task", ["/opt"])
        >>> line[:4], line[5:]
        (['python3', '-X', 'frozen_modules=off', '/d/start.py'], ['main.py'])
        """
        setting = {
            "wait": self.wait,
            "root": root,
            "library": [folder, *library],
            "desk": self.desk,
            "token": self.token,
        }
        python, *rest = line
        # Of a frozen module there is no source to step into.
        options = ["-X", "frozen_modules=off"]
        return [python, *options, f"{folder}/start.py", json.dumps(setting), *rest]
