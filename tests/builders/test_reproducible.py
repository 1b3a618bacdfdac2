"""Byte-identical: two checkouts, two Pythons, other clocks, masks, languages, orders and seeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import pelton
from pelton.builders.interpreters import interpreter

from .support import wheel

FILES = {
    "reproducible_app.py": (
        "import pelton\nimport first, second\nfrom package import inner\napp = pelton.App('same')\n"
        "@app.function(requirements=['one', 'two'], include=['data/*'])\n"
        "def f(n: int) -> int:\n    return n\n"
    ),
    "first.py": "import second\nNAMES = {'a', 'b', 'c'}\n",
    "second.py": "import first\n",
    "package/__init__.py": "",
    "package/inner.py": "from . import other\n",
    "package/other.py": "",
    "data/ä.txt": "umlaut",
    "data/b.txt": "b",
}
BUILD = """
import json, os, sys, zlib
from pathlib import Path
os.umask(int(sys.argv[3], 8))
from pelton.builders import Resolver, Target, build, load_app
app, root = load_app(sys.argv[1] + "/reproducible_app.py")
out, cache = Path(sys.argv[2]) / "out", Path(sys.argv[2]) / "cache"
resolver = Resolver(cache, (Path(sys.argv[4]),), offline=True, lock="read")
made = build(app.functions["f"], Target("lambda", "3.99"), root=root, out=out, resolver=resolver)
papers = {each.name: each.read_text() for each in out.iterdir() if each.suffix == ".json"}
print(json.dumps({"digest": made.digest, "sha256": made.sha256, "papers": papers,
                  "zlib": zlib.ZLIB_RUNTIME_VERSION}))
"""


@dataclass(frozen=True)
class Elsewhere:
    """Another machine, as far as one machine has it."""

    python: str
    names: tuple[str, ...]
    umask: str
    seed: str
    environment: tuple[tuple[str, str], ...]


def built(where: Elsewhere, folder: Path, wheels: Path) -> dict[str, Any]:
    root = folder / "checkout"
    for number, place in enumerate(where.names):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[place], encoding="utf-8")
        path.chmod(0o600 if where.umask == "077" else 0o755)
        os.utime(path, (1e9 + number, 1e9 + number))
    uv = find_spec("uv")
    assert uv is not None and uv.origin is not None
    paths = [str(Path(pelton.__file__).parent.parent), str(Path(uv.origin).parent.parent)]
    done = subprocess.run(
        [where.python, "-B", "-c", BUILD, str(root), str(folder), where.umask, str(wheels)],
        capture_output=True, text=True, check=False, cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONHASHSEED": where.seed,
             "PYTHONPATH": os.pathsep.join(paths), **dict(where.environment)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


HERE = Elsewhere(sys.executable, tuple(FILES), "022", "1", (("TZ", "UTC"), ("LC_ALL", "C.UTF-8")))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("one", "two"):
        wheel(folder, name, {f"{name}_more/tests/test_a.py": b"", f"{name}_more/__init__.py": b""})
    return folder


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> dict[str, Any]:
    return built(HERE, tmp_path_factory.mktemp("here"), wheels)


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_elsewhere_and_under_another_python_it_is_the_same(
    version: str, here: dict[str, Any], wheels: Path, tmp_path: Path
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version}")
    other = Elsewhere(
        python, tuple(reversed(FILES)), "077", "4711",
        (("TZ", "Pacific/Auckland"), ("LC_ALL", "de_DE.UTF-8"), ("SOURCE_DATE_EPOCH", "1")),
    )  # fmt: skip
    found = built(other, tmp_path / "another" / "place", wheels)
    assert found["digest"] == here["digest"]
    assert found["papers"] == here["papers"] or found["zlib"] != here["zlib"]
    if found["zlib"] == here["zlib"]:
        assert found["sha256"] == here["sha256"]
