"""Apps and wheels written by hand, and builds of them, for the tests of artifacts."""

from __future__ import annotations

import base64
import hashlib
import itertools
import zipfile
from pathlib import Path

from pelton.builders import Artifact, Resolver, Target, build, load_app

APP = """
import pelton
{imports}
app = pelton.App("demo")

@app.function(requirements={requirements!r}, {more})
def double(n: int) -> int:
    return 2 * n
"""
_counter = itertools.count()


def wheel(folder: Path, name: str, files: dict[str, bytes] | None = None, tag: str = "") -> None:
    """A small wheel; `files` beside its one module."""
    info = f"{name}-1.0.dist-info"
    tag = tag or "py3-none-any"
    about = f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: {tag}\n"
    held = {
        f"{name}.py": f"x = '{name}'\n".encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": about.encode(),
        **(files or {}),
    }
    record = ""
    for place, data in held.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{place},sha256={digest},{len(data)}\n"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as out:
        for place, data in held.items():
            out.writestr(place, data)
        out.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")


class Maker:
    """Builds apps in a folder of their own, with wheels of ours and no network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "app"
        self.root.mkdir()
        self.out = folder / "out"

    def wheel(self, name: str, files: dict[str, bytes] | None = None, tag: str = "") -> None:
        wheel(self.folder / "wheels", name, files, tag)

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.folder / "cache", (self.folder / "wheels",), offline=True)

    def app(self, source: str) -> Path:
        """The file of an app with that source, under a name that no other has."""
        path = self.root / f"artifact_app_{next(_counter)}.py"
        path.write_text(source)
        return path

    def build(
        self,
        imports: str = "",
        requirements: tuple[str, ...] = (),
        more: str = "",
        *,
        source: str = "",
        file: Path | None = None,
        function: str = "double",
        target: Target | None = None,
        package: str = "",
    ) -> Artifact:
        """`file`: an app's that is there, instead of a new one."""
        text = source or APP.format(imports=imports, requirements=requirements, more=more)
        app, root = load_app(str(file or self.app(text)))
        return build(
            app.functions[function],
            target or Target("lambda", "3.12"),
            root=root,
            out=self.out,
            resolver=self.resolver,
            package=package,
        )


def names(path: Path) -> set[str]:
    """What a zip holds."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())
