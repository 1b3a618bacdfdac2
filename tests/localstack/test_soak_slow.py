"""A short soak: mixed load, sandboxes killed at random, and books that must balance."""

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "tools" / "soak.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fidelity(
    "Safety", "under load, with sandboxes killed at random, no acknowledged event is lost"
)
def test_nothing_acknowledged_is_lost() -> None:
    done = subprocess.run([sys.executable, str(SOAK), "--minutes", "1"], check=False)
    assert done.returncode == 0
