"""What the tests of every kind of artifact build with."""

from pathlib import Path

import pytest

from ..support import Maker


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)
