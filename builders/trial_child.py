"""Runs in a clean process: import a module, and print which of the user's own were loaded by name.

Arguments: root folder, module.  Prints one JSON line: [[place, file that asked, line], ...].
"""

import builtins
import importlib
import importlib.util
import json
import opcode
import os
import sys
from types import FrameType
from typing import Any

STATEMENT = opcode.opmap["IMPORT_NAME"]
original_import_module, original_import = importlib.import_module, builtins.__import__


class Watch:
    """What the user's own code asks for by name: {module: (file, line)}."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.asked: dict[str, tuple[str, int]] = {}

    def place(self, file: Any) -> str | None:
        """A file's place below the root; None for others."""
        path = os.path.realpath(file) if file else ""
        return os.path.relpath(path, self.root) if path.startswith(self.root + os.sep) else None

    def note(self, name: str, frame: FrameType | None) -> None:
        """Keep the first of the user's own frames from `frame` on."""
        while frame is not None:
            found = self.place(frame.f_code.co_filename)
            if found and "site-packages" not in found:
                self.asked.setdefault(name, (found, frame.f_lineno))
                return
            frame = frame.f_back

    def import_module(self, name: str, package: str | None = None) -> Any:
        full = name
        if name.startswith(".") and package:
            full = importlib.util.resolve_name(name, package)
        self.note(full, sys._getframe(1))
        return original_import_module(name, package)

    def by_name(self, name: str, *args: Any, **named: Any) -> Any:
        frame = sys._getframe(1)
        if frame.f_code.co_code[frame.f_lasti] != STATEMENT:
            self.note(name, frame)
        return original_import(name, *args, **named)


def main(root: str, module: str) -> None:
    watch = Watch(root)
    importlib.import_module = watch.import_module
    builtins.__import__ = watch.by_name
    sys.path.insert(0, watch.root)
    stdout, sys.stdout = sys.stdout, sys.stderr
    original_import(module)
    found = []
    for name, (file, line) in watch.asked.items():
        loaded = watch.place(getattr(sys.modules.get(name), "__file__", None))
        if loaded:
            found.append([loaded, file, line])
    print(json.dumps(sorted(found)), file=stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
