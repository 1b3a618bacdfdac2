"""How much memory a sandbox's processes have, as the kernel counts it.

Counted against a function's limit are its own pages: not files that are only mapped, which the
kernel can drop (and /tmp, that is in memory here, is a disk on AWS).  Reported is the most that was
ever resident.  This knows process ids only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

READ = 1 << 16


def processes(pid: int) -> Iterator[int]:
    """The process and all that descend from it, as far as they are there."""
    yield pid
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        for child in _read(f"/proc/{pid}/task/{thread}/children").split():
            yield from processes(int(child))


def held_kb(pid: int, limit_kb: int) -> int:
    """What the process and its descendants hold, in KB.

    Pages that a forked process still shares with its parent count twice; only where that would be
    over the limit are they told apart, which takes the kernel a while.
    """
    found = list(processes(pid))
    held = sum(field(_read(f"/proc/{each}/status"), b"RssAnon:") for each in found)
    if held <= limit_kb or len(found) == 1:
        return held
    return sum(field(_read(f"/proc/{each}/smaps_rollup"), b"Pss_Anon:") for each in found)


def resident_kb(pid: int) -> int:
    """What of the process and its descendants is in memory, in KB; shared pages count each time."""
    return sum(field(_read(f"/proc/{each}/status"), b"VmRSS:") for each in processes(pid))


def field(text: bytes, name: bytes) -> int:
    """A number of /proc/<pid>/status or the like; 0 where it is not.

    >>> field(b"VmPeak:\\t  10 kB\\nVmHWM:\\t    7 kB\\n", b"VmHWM:")
    7
    """
    _, _, rest = text.partition(name)
    return int(rest.split(maxsplit=1)[0]) if rest else 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(READ)
    except OSError:  # it has ended
        return b""
