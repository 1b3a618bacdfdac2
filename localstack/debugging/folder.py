"""The folder with the debugger, as processes that are debugged see it: debugpy and its start.

One a Python, for its bytecode; debugpy's own native parts only make it faster, and where they are
for another Python it does without.
"""

from __future__ import annotations

import hashlib
import subprocess
from importlib.resources import files
from pathlib import Path

from ..link_farm import RuntimeMissing, link_farm

MISSING = "a function is debugged by debugpy, which is not installed: pip install 'pelton[debug]'"


def debugger_folder(executable: str, tag: str, cache: Path | None = None) -> Path:
    """The folder for the Python `executable`, made when it is not there yet.

    tag: of that Python, as in "cpython-312"
    Raises `RuntimeMissing` when debugpy is not installed, or there is no room for it.
    """
    start = (files(__package__) / "start.py").read_bytes()
    try:
        return link_farm(
            ["debugpy"],
            f"debugger-{hashlib.sha256(start).hexdigest()[:8]}",
            cache,
            tag=tag,
            finish=lambda folder: _finish(executable, folder, start),
        )
    except RuntimeMissing:
        raise RuntimeMissing(MISSING) from None
    except OSError as error:
        raise RuntimeMissing(
            f"the debugger cannot be put into the cache: {error.strerror or error} "
            f"({error.filename2 or error.filename})"
        ) from error


def _finish(executable: str, folder: Path, start: bytes) -> None:
    (folder / "start.py").write_bytes(start)
    # What a Python cannot compile it will say when it is imported.
    subprocess.run(
        [executable, "-I", "-S", "-m", "compileall", "-q", str(folder),
         "--invalidation-mode", "unchecked-hash"],
        stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip
