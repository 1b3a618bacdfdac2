"""Runs in the target's Python under `-X importtime`: import an artifact's entry module.

Arguments: the unpacked artifact, the module, and NAME=FOLDER for each module that the platform's
runtime brings.  What is imported here would be missing in the times, so next to nothing is.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec, PathFinder


class Runtime:
    """Finds what the platform's runtime would bring, and nothing else of this machine's."""

    def __init__(self, folders: dict[str, str]) -> None:
        self.folders = folders

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> "ModuleSpec | None":
        if path is None and name in self.folders:
            return PathFinder.find_spec(name, [self.folders[name]])
        return None


def import_module(name: str, package: "str | None" = None) -> object:
    """Python times `__import__` alone, so modules imported by name go through it, too."""
    if name.startswith("."):
        from importlib.util import resolve_name

        name = resolve_name(name, package or "")
    __import__(name)
    return sys.modules[name]


def main(tree: str, module: str, *runtime: str) -> None:
    sys.path.insert(0, tree)
    sys.meta_path.append(Runtime(dict(each.split("=", 1) for each in runtime)))
    importlib.import_module = import_module  # type: ignore[assignment]
    __import__(module)


if __name__ == "__main__":
    main(*sys.argv[1:])
