"""What a second build costs: its requirements, answered from what the first one noted."""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from pelton.builders import Resolver, Target
from pelton.handlers.app import App
from pelton.handlers.function import Function

from .row import Row

REQUIREMENTS, FILES, TIMES = 30, 250, 15


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        names = [f"requirement-{number}" for number in range(REQUIREMENTS)]
        for each in names:
            _wheel(root / "wheels", each.replace("-", "_"))
        function, target = _function(names), Target("lambda", "3.12")
        resolver = Resolver(root / "cache", (root / "wheels",), offline=True, lock="write")
        made = resolver.install(function, target, root)
        assert made is not None
        walk, ours = [], []
        for _ in range(TIMES):
            walk.append(_timed(lambda: [e.stat() for e in sorted(made.home.rglob("*"))]))
            ours.append(_timed(lambda: resolver.install(function, target, root)))
    row = "requirements of a second build (30, with 7,600 files)"
    return [Row(row, median(walk), median(ours), "ms", median(ours), 20, "ms")]


def _function(names: list[str]) -> Function[..., Any]:
    app = App("bench")

    @app.function(requirements=names)
    def work(n: int) -> int:
        return n

    return work


def _timed(call: Any) -> float:
    began = perf_counter()
    call()
    return (perf_counter() - began) * 1000


def _wheel(folder: Path, name: str) -> None:
    """A wheel of many small files."""
    info = f"{name}-1.0.dist-info"
    files = {f"{name}/module_{number}.py": f"x = {number}\n" for number in range(FILES)}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: t\nTag: py3-none-any\n"
    record = "".join(f"{place},{_digest(text)},{len(text)}\n" for place, text in files.items())
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as out:
        for place, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            out.writestr(place, text)


def _digest(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"
