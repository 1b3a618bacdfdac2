"""What the emulator's tests share as fixtures."""

import pytest

from pelton.pytest_plugin import RunningEmulator

# What is here for functions and extensions to run is not pytest's to import.
collect_ignore = ["extension_program.py", "layered_wrapper"]


@pytest.fixture(scope="module")
def module_emulator(pelton_emulator_process: RunningEmulator) -> RunningEmulator:
    """The session's emulator, emptied once: a module's tests share what its first one makes."""
    pelton_emulator_process.reset()
    return pelton_emulator_process
