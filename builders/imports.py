"""Every import must find something: in the artifact, in the platform's runtime, or in Python."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable

from .errors import MissingModule
from .sources import Import
from .target import Target

# Import names whose distribution has another name, for the advice in the error.
DISTRIBUTION_OF = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "google": "protobuf",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def top_level(places: Iterable[str]) -> set[str]:
    """The import names that installed files offer.

    >>> sorted(top_level(["a/b.py", "c.py", "a-1.dist-info/RECORD", "d.cpython-312.so", "e.txt"]))
    ['a', 'c', 'd']
    """
    names = set()
    for place in places:
        top, _, inside = place.partition("/")
        if inside and not top.endswith((".dist-info", ".libs", ".data")):
            names.add(top)
        elif not inside and top.endswith((".py", ".so")):
            names.add(top.partition(".")[0])
    return names


def check_imports(
    imports: Iterable[Import],
    own: Iterable[str],
    installed: Collection[str],
    target: Target,
    function: str,
) -> None:
    """Raise `MissingModule` for the first import that would fail on the target.

    own: places of the files in the artifact; installed: import names of the requirements
    """
    known = {place.split("/")[0].removesuffix(".py") for place in own} | set(installed)
    known |= target.runtime_modules | set(sys.stdlib_module_names)
    for each in imports:
        name = each.module.partition(".")[0]
        if name not in known:
            package = DISTRIBUTION_OF.get(name, name)
            raise MissingModule(
                f"{each.file}:{each.line}: function {function} imports {name!r}, which is neither "
                f"in the artifact nor in {target.platform}'s runtime; add {package!r} to its "
                "requirements"
            )
