"""What starting costs: an artifact's imports, and the command line."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from time import perf_counter

from pelton.builders import Resolver, Target, build, load_app

from .row import Row

TIMES = 15
END = "import posix; posix._exit(0)"
APP = """
import pelton

app = pelton.App("small")

def add(n: int) -> int:
    return n + 1

@app.function
def plain(n: int) -> int:
    return n

app.serve(pelton.Graph("graph") >> add, triggers=[pelton.http()])
"""


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench_small.py").write_text(APP)
        app, root = load_app(str(folder / "bench_small.py"))
        target = Target("lambda", f"3.{sys.version_info.minor}")
        resolver = Resolver(folder / "cache", offline=True)
        for function in app.functions.values():
            artifact = build(function, target, root=root, out=folder, resolver=resolver)
            with zipfile.ZipFile(artifact.path) as archive:
                archive.extractall(folder / "task")
        bare, ours = _pair(folder / "task", "pass", "import pelton_entry_graph")
    row = Row("import of what ships, with a graph", bare, ours, "ms", ours - bare, 40, "ms over")
    return [row, _help()]


def _pair(folder: Path, *statements: str) -> list[float]:
    times: list[list[float]] = [[] for _ in statements]
    for _ in range(TIMES):
        for kept, statement in zip(times, statements, strict=True):
            # A sandbox does not end when it has imported: nor does what is measured tidy up.
            code = f"import sys; sys.path.insert(0, {str(folder)!r}); {statement}; {END}"
            kept.append(_run([sys.executable, "-I", "-S", "-B", "-c", code]))
    return [median(each) for each in times]


def _help() -> Row:
    bare = median(_run([sys.executable, "-c", "pass"]) for _ in range(TIMES))
    pelton = str(Path(sys.executable).with_name("pelton"))
    ours = median(_run([pelton, "--help"]) for _ in range(TIMES))
    return Row("pelton --help", bare, ours, "ms", ours, 200, "ms")


def _run(command: list[str]) -> float:
    """Milliseconds from spawn to end."""
    began = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (perf_counter() - began) * 1e3
