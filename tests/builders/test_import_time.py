"""Import times: what is read of Python's own lines, whose they are, the budget that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pelton.builders import BuildError, Target
from pelton.builders.errors import CannotImport, TooSlow
from pelton.builders.import_time import Times, lines, measure, parse, refuse_too_slow, summed

from .support import Maker

HERE = f"3.{sys.version_info.minor}"
SAID = """import time: self [us] | cumulative | imported package
import time:       100 |        100 | site
a line that the user's code printed
import time:        30 |         30 |       big.core
import time:        20 |         50 |     big
import time:         5 |          5 |     json
import time:        10 |         65 |   app
import time:         1 |         66 | entry
import time:         9 |          9 | after
"""


def test_what_the_entry_imports_is_counted_and_nothing_else() -> None:
    assert parse(SAID, "entry") == {
        "entry": (1, 66), "app": (10, 65), "json": (5, 5), "big": (20, 50), "big.core": (30, 30),
    }  # fmt: skip
    assert parse(SAID, "nothing") == {}


def times(tree: Path) -> Times:
    for place in ("big/__init__.py", "big/core.py", "big-1.0.dist-info/RECORD", "app.py"):
        (tree / place).parent.mkdir(exist_ok=True)
        (tree / place).write_text("big/__init__.py,,\nbig/core.py,,\n" if "RECORD" in place else "")
    runs = [{name: (own * by, total * by) for name, (own, total) in parse(SAID, "entry").items()}
            for by in (1000, 3000, 2000)]  # fmt: skip
    return summed(runs, "entry", "3.12", tree)


def test_the_median_counts_and_each_module_is_of_a_package(tmp_path: Path) -> None:
    found = times(tmp_path)
    assert (found.total, found.runs) == (132.0, 3)
    assert found.packages[:2] == (("big 1.0", 100.0), ("your code", 20.0))
    assert found.modules[0].name == "big.core"


def test_over_the_budget_is_refused_with_what_costs_most(tmp_path: Path) -> None:
    refuse_too_slow("f", times(tmp_path), 132)
    with pytest.raises(
        TooSlow, match=r"(?s)f takes 132 ms .* 131 ms .*100.0 ms  big 1.0.*big.core"
    ):
        refuse_too_slow("f", times(tmp_path), 131)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("import-time"))


def test_a_build_measures_what_it_built_and_holds_it_to_the_budget(maker: Maker) -> None:
    with pytest.raises(TooSlow, match=r"function double takes .* over its import_budget of 1 ms"):
        maker.build(more="import_budget=1", target=Target("lambda", HERE))
    artifact = maker.build(more="import_budget=60_000", target=Target("lambda", HERE))
    assert artifact.imports is not None
    assert {each.package for each in artifact.imports.modules} >= {"pelton", "your code", "Python"}


def test_what_cannot_be_imported_fails_with_its_trace(maker: Maker) -> None:
    imports = "import os\nif 'PELTON_HERE' not in os.environ:\n    raise KeyError('no such table')"
    more = "import_budget=60_000"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(CannotImport) as caught:
        patch.setenv("PELTON_HERE", "1")
        maker.build(imports, more=more, target=Target("lambda", HERE))
    assert "KeyError: 'no such table'" in str(caught.value)
    assert str(maker.folder) not in str(caught.value)
    assert isinstance(caught.value, BuildError)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("lambda", "2.0"), "this machine has no Python 2.0"),
        (Target("lambda", HERE, architecture="sparc"), "the target is sparc"),
    ],
)
def test_where_it_cannot_be_measured_it_says_so(target: Target, said: str) -> None:
    found = measure([], "entry", target)
    assert said in lines(found)[0]
    refuse_too_slow("f", found, 1)
