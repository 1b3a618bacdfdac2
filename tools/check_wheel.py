"""Build the wheel, install it in an environment of its own, and use it outside this tree.

The editable install reads the root folders; only this shows that the package table ships
them all, and that the command works from what people install.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import uv

ROOT = Path(__file__).parent.parent
PARTS = (
    "builders", "deploy", "event_sources", "handlers", "localstack", "runtime", "serving_graph",
)  # fmt: skip


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def expected() -> set[str]:
    """Every module of the tree, by its place in the wheel."""
    own = [path for path in (ROOT / "pelton").rglob("*.py") if not in_link(path)]
    names = {str(path.relative_to(ROOT)) for path in own} | {"pelton/py.typed"}
    for part in PARTS:
        for path in (ROOT / part).rglob("*.py"):
            names.add(f"pelton/{path.relative_to(ROOT)}")
    return names


def in_link(path: Path) -> bool:
    return any(parent.is_symlink() for parent in path.parents)


def main() -> None:
    tool = uv.find_uv_bin()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run(
            tool,
            "build",
            "--quiet",
            "--wheel",
            "--no-build-isolation",
            "--python",
            sys.executable,
            "--out-dir",
            folder,
        )
        wheel = next(folder.glob("*.whl"))
        missing = expected() - set(zipfile.ZipFile(wheel).namelist())
        if missing:
            sys.exit(f"the wheel lacks {', '.join(sorted(missing))}: see [tool.setuptools]")
        run(tool, "venv", "--quiet", "--python", sys.executable, folder / "env")
        python = folder / "env" / "bin" / "python"
        run(
            tool,
            "pip",
            "sync",
            "--quiet",
            "--python",
            python,
            "--require-hashes",
            ROOT / "requirements.lock",
        )
        run(tool, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
        where = run(
            python,
            "-c",
            "import pelton.localstack, pelton.runtime; print(pelton.__file__)",
            cwd=folder,
        )
        if not where.startswith(str(folder)):
            sys.exit(f"pelton was imported from {where}, not from the wheel")
        answer = run(folder / "env" / "bin" / "pelton", "--help", cwd=folder)
        if "deploy" not in answer:
            sys.exit(f"`pelton --help` from the wheel printed:\n{answer}")
    print("wheel: holds every module, imports and answers outside the tree")


if __name__ == "__main__":
    main()
