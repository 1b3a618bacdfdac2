"""A plugin of pytest's: garbage is collected after each test, so that what one has left open is
told of that one (`make leaks`).  In a usual run it would be told of whichever test happens to run
when garbage is collected."""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    gc.collect()
