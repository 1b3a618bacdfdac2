"""What every test has: properties that are about values, never about how fast the machine is, and
no module of another file's apps.

As many examples as the whole suite's five minutes allow; `make test-slow` tries many more.
"""

import gc
import sys
import sysconfig
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .tries import ORDINARY

settings.register_profile(
    "any speed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=ORDINARY,
)
settings.register_profile("exhaustive", settings.get_profile("any speed"), max_examples=500)
settings.load_profile("any speed")

_ROOT = Path(__file__).parents[1]
_EXAMPLES = str(_ROOT / "examples")
_OURS = (str(_ROOT), *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """A slow test that asks for a fixture which is not there is not left out: it fails here as it
    would for those who run it."""
    lost = [each for each in items if isinstance(each, pytest.Function) and _lacks(each)]
    yield
    items += [each for each in lost if each not in items]


def _lacks(test: pytest.Function) -> bool:
    known = {*test._fixtureinfo.name2fixturedefs, "request"}
    return not known.issuperset(test.fixturenames)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is found stays to the end of the run: looking for garbage in it is for nothing."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def modules_of_apps_go_with_their_file() -> Iterator[None]:
    """Apps of two files may have modules of one name, `app` the first of them, and the files of
    a process run in any order."""
    known, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - known:
        place = getattr(sys.modules[name], "__file__", None) or ""
        if place and (place.startswith(_EXAMPLES) or not place.startswith(_OURS)):
            del sys.modules[name]
    sys.path[:] = path
