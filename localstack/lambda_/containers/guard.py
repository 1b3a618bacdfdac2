"""What ends containers whose emulator was killed: a program of its own, which outlives it.

An engine's containers are nobody's children, so no end of a process ends them.  This waits for the
end of its input, which the emulator holds, and then removes whatever has the emulator's label.  It
is started by path, without site-packages.

    guard.py ENGINE LABEL
"""

from __future__ import annotations

import subprocess
import sys
import time

SWEEPS, PAUSE = 3, 0.7  # a container may only just be made


def main(engine: str, label: str) -> None:
    if sys.stdin.buffer.read():  # a word: none is left
        return
    for sweep in range(SWEEPS):
        if sweep:
            time.sleep(PAUSE)
        listed = subprocess.run(
            [engine, "ps", "--all", "--quiet", "--filter", f"label={label}"],
            stdout=subprocess.PIPE,
            check=False,
        )
        if found := listed.stdout.decode().split():
            quiet = subprocess.DEVNULL
            subprocess.run(
                [engine, "rm", "--force", *found], stdout=quiet, stderr=quiet, check=False
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
