"""uv, which resolves and installs requirements."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from .finding import OK, PROBLEM, Ask, Finding

NAME = "uv"


def look(ask: Ask) -> Iterator[Finding]:
    """Whether the uv that pelton uses answers."""
    try:
        import uv

        done = subprocess.run(
            [uv.find_uv_bin(), "--version"], capture_output=True, text=True, check=True
        )
    except (ImportError, OSError, subprocess.CalledProcessError) as error:
        yield Finding(
            NAME, PROBLEM, f"uv does not run, so no requirement is installed: {error}",
            "pip install uv",
        )  # fmt: skip
        return
    yield Finding(NAME, OK, done.stdout.strip())
