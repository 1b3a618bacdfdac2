"""A model's file: where it lies, what is in it, and whether that is what was pinned.

Knows no format; reading is all that is done here, so nothing of a refused file ever runs.
"""

from __future__ import annotations

from typing import NamedTuple


class ModelFile(NamedTuple):
    """A file that a step loads.

    declared: the path as it was written, relative to the module that wrote it; or an asset's URI
    base:     that module's directory
    module:   that module's name
    sha256:   the pinned hash; "" for none
    """

    declared: str
    base: str
    module: str
    sha256: str = ""

    @property
    def path(self) -> str:
        """The file: beside its module, else under the app's root; where neither is, beside.  An
        asset is fetched; raises `AssetFailed`."""
        if "://" in self.declared:
            from ...runtime.assets import Asset

            return Asset(self.declared, self.sha256).path
        from os.path import exists, join

        root = self.base
        for _ in range(self.module.count(".")):
            root = join(root, "..")
        beside = join(self.base, self.declared)
        below = join(root, self.declared)
        return below if not exists(beside) and exists(below) else beside

    def identity(self) -> tuple[str, int, int]:
        """What tells this file from another, or from itself before it was written again."""
        from os import stat
        from os.path import realpath

        path = realpath(self.path)
        try:
            found = stat(path)
        except OSError:
            return (path, 0, 0)  # whoever reads it says so in a better sentence
        return (path, found.st_size, found.st_mtime_ns)

    def read(self) -> tuple[bytes, str]:
        """The content and its sha256 in hex.

        Raises `FileNotFoundError`, or `ValueError` when another hash is pinned.
        """
        from hashlib import sha256

        try:
            with open(self.path, "rb") as opened:
                content = opened.read()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"the model {self.declared} is not in {self.base}, beside the module "
                f"{self.module}; make it there, or correct the path"
            ) from None
        found = sha256(content).hexdigest()
        if self.sha256 and found != self.sha256:
            raise ValueError(
                f"the model {self.declared} has the sha256 {found}, pinned is {self.sha256}"
            )
        return content, found


def needed(declared: str, requirements: str, *modules: str) -> list[object]:
    """The modules, imported.  Raises `ImportError` that says what a function must require."""
    from importlib import import_module

    try:
        return [import_module(each) for each in modules]
    except ModuleNotFoundError as error:
        if error.name not in {each.partition(".")[0] for each in modules}:
            raise
        raise ImportError(f"{declared} needs {error.name}; add it: {requirements}") from error
