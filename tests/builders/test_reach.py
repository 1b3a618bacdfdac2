"""Which modules a start reaches: which imports run, and what is taken to be on the safe side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.builders.reach import reached


def reach(lib: str, **more: str) -> set[str]:
    """What of `lib`, `a`, `b` and `c` an app reaches that imports `lib`."""
    files = {"app.py": "import lib", "lib.py": lib, "a.py": "", "b.py": "", "c.py": "", **more}
    sources = {place: text.encode() for place, text in files.items()}
    return reached(files, ["app.py"], sources.__getitem__) - {"app.py", "lib.py"}


@pytest.mark.parametrize(
    ("lib", "found"),
    [
        ("import a, b as x", "ab"),
        ("from a import (  # said\n    x,  # a name\n    y,\n)\nfrom b import *", "ab"),
        ("import \\\n    a", "a"),
        ("import a; x = 1", "a"),
        ("if True:\n    import a\nelse:\n    import b", "ab"),
        ("try:\n    import a\nexcept ImportError:\n    import b", "ab"),
        ("class X:\n    import a", "a"),
        ("def f():\n    import a", ""),
        ("async def f():\n    if 1:\n        import a\nimport b", "b"),
        ("def f(\n    x,\n) -> int:\n    import a", ""),
        ("class X:\n    def f(self):\n\n# said\n        import a\n    import b", "b"),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", "b"),
        ("if typing.TYPE_CHECKING:\n    from a import x", ""),
        ("\r\nimport a\r\nfrom b import x\r\n", "ab"),
        ("# import a", ""),
        # By name: at once, or when somebody asks for a name.
        ("for each in ('a', 'b'):\n    __import__(each)", "ab"),
        ('import importlib\nx = importlib.import_module("a")', "a"),
        ("def f():\n    return import_module('a')", ""),
        ("NAMES = {'x': 'a'}\ndef __getattr__(name):\n    ...", "a"),
        ("def __getattr__(name):\n    from b import x\n    return x", ""),
        ("if TYPE_CHECKING:\n    import a\ndef __getattr__(name):\n    ...", "a"),
    ],
)
def test_the_imports_that_run_when_a_module_is_imported_count(lib: str, found: str) -> None:
    assert reach(lib) == {f"{each}.py" for each in found}


def test_packages_relative_names_and_what_lies_above() -> None:
    found = reach(
        "from pkg.deep import one",
        **{"pkg/__init__.py": "", "pkg/deep/__init__.py": "from . import two", "pkg/other.py": "",
           "pkg/deep/one.py": "from ..other import x", "pkg/deep/two.py": "from .three import y",
           "pkg/deep/three.py": "", "pkg/unasked.py": ""},
    )  # fmt: skip
    assert found == {
        "pkg/__init__.py", "pkg/deep/__init__.py", "pkg/other.py", "pkg/deep/one.py",
        "pkg/deep/two.py", "pkg/deep/three.py",
    }  # fmt: skip


def test_of_the_user_s_own_every_statement_counts() -> None:
    files = {"app.py": b"def f():\n    import a\nif TYPE_CHECKING:\n    import b",
             "a.py": b"", "b.py": b""}  # fmt: skip
    assert reached(files, ["app.py"], files.__getitem__) == {"app.py", "a.py"}


def test_behind_a_native_module_is_what_is_said_of_it() -> None:
    files = {"app.py": b"import fast", "fast.cpython-312.so": b"", "a.py": b"import b", "b.py": b""}
    asked: list[str] = []

    def behind(place: str) -> list[str]:
        asked.append(place)
        return ["a.py"]

    assert reached(files, ["app.py"], files.__getitem__, behind) == {"app.py", "a.py", "b.py"}
    assert asked == ["fast.cpython-312.so"]


@given(st.binary(max_size=80), st.text("ifdef:\n\t ()#importa.,;\\\"'", max_size=80))
def test_whatever_a_source_is_it_ends(noise: bytes, text: str) -> None:
    for source in (noise, b"import " + noise, text.encode()):
        files = {"app.py": b"import lib", "lib.py": source}
        assert reached(files, ["app.py"], files.__getitem__) == {"app.py", "lib.py"}
