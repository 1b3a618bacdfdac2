"""Where pytest looks for tests: in modules of tests, and for examples only where there are some.

By itself it imports every module of the tree and looks through all that each one has, in every
worker, for nothing in more than half of them.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

Found = list[pytest.Collector]


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, Found, Found]:
    found = yield
    if file_path.suffix == ".py" and b">>> " not in file_path.read_bytes():
        return [each for each in found if type(each) is pytest.Module]
    return found
