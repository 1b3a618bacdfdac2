"""A function that was sent as a pickle: its hash and versions are held before a byte of it is read.

Only functions declared with `pickled=True` come this way; a generated entry module says the pins.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..handlers.app import App


def revive(folder: str, file: str, sha256: str, versions: Mapping[str, str]) -> App:
    """The app with the one function that the file in `folder` holds.

    versions: of "python" (major and minor) and of every distribution whose classes are in it

    Raises `ValueError` for another file, another Python or another version.
    """
    import hashlib
    import os

    with open(os.path.join(folder, file), "rb") as opened:
        content = opened.read()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"the pickled function {file} has the sha256 {found}, pinned is {sha256}")
    check_versions(f"the pickled function {file}", versions)
    import pickle

    app_name, name, settings, function, hooks = pickle.loads(content)
    app = App(app_name)
    made = app.function(name=name, **settings)(function)
    for kind, added in hooks.items():
        getattr(made.hooks, kind).extend(added)
    return app


def check_versions(declared: str, versions: Mapping[str, str]) -> None:
    """Raise `ValueError` unless Python and every package are as they were at pickling."""
    for name, wanted in versions.items():
        found = version_of(name)
        if found != wanted:
            here = f"here is {found}" if found else "it is not here"
            raise ValueError(
                f"{declared} was pickled with {name} {wanted}, {here}; use that version, or "
                "pickle it again"
            )


def version_of(package: str) -> str:
    """A package's version; of "python", major and minor; "" where there is none.

    >>> version_of("python").count("."), version_of("no-such-package")
    (1, '')
    """
    if package == "python":
        import sys

        return f"{sys.version_info.major}.{sys.version_info.minor}"
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
