"""What installed requirements hold that no function needs: each kind of it is a rule with a name.

A rule is a row of `RULES`; who must be left alone, and why, is a row of `EXCEPTIONS`.  Rules are
about requirements alone: the user's own files are as they are, and licences and metadata stay.
Knows no folder and no artifact.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

# From here on every file below is one of a test; what else a folder of that name holds is code.
_TEST_FILE = re.compile(r"(test_.*|.*_test|conftest)\.py")
_NATIVE_SOURCE = (".h", ".hpp", ".hh", ".hxx", ".cuh", ".c", ".cc", ".cpp", ".cxx", ".cu", ".f90",
                  ".f", ".pxd", ".pyx", ".pxi", ".a", ".lib", ".cmake", ".pc")  # fmt: skip
_FOREIGN = (".dll", ".dylib", ".exe", ".pyd", ".bat", ".ps1")
_CATALOGUE = re.compile(r"/(locale|locales|translations)/([A-Za-z_@-]+)/LC_MESSAGES/[^/]+$")
_LOCALE_DATA = re.compile(r"^babel/locale-data/([A-Za-z_]+)\.dat$")
ENGLISH = frozenset({"en", "root", "C"})


@dataclass(frozen=True, slots=True)
class Rule:
    """name as `trim=` and `--trim` say it; `says` what is left out; `takes` whether a place (with
    '/' between folders) is of that kind; `usual`: on unless switched off."""

    name: str
    says: str
    takes: Callable[[str], bool]
    usual: bool = True


def _tests(place: str) -> bool:
    return bool({"tests", "test"}.intersection(place.split("/")[:-1]))


def _compiled(place: str) -> bool:
    return place.endswith((".pyc", ".pyo"))


def _stubs(place: str) -> bool:
    return place.endswith((".pyi", "/py.typed"))


def _headers(place: str) -> bool:
    return place.endswith(_NATIVE_SOURCE)


def _documents(place: str) -> bool:
    folders = place.split("/")[:-1]
    if place.startswith(("share/man/", "share/doc/", "man/")):
        return True
    documents = {"docs", "doc"}.intersection(folders)
    return bool(documents) and not place.endswith((".py", ".so", ".json", ".yaml", ".yml"))


def _foreign(place: str) -> bool:
    return place.endswith(_FOREIGN)


def _locale_sources(place: str) -> bool:
    return place.endswith((".po", ".pot"))


def _locales(place: str) -> bool:
    """Catalogues of every language but English."""
    found = _CATALOGUE.search(f"/{place}")
    language = found.group(2) if found else ""
    if not found and (data := _LOCALE_DATA.match(place)):
        language = data.group(1)
    return bool(language) and re.split("[_@-]", language)[0] not in ENGLISH


def _none(place: str) -> bool:
    """Bytecode is made at the end of a build, so no requirement's file is of those kinds."""
    return False


RULES = (
    Rule("tests", "folders of tests, where no other module imports them", _tests),
    Rule("pyc", "bytecode that a requirement brought along", _compiled),
    Rule("stubs", "type stubs (.pyi, py.typed)", _stubs),
    Rule("headers", "sources and headers of C, C++, CUDA, Fortran and Cython", _headers),
    Rule("docs", "folders of documents, manual pages", _documents),
    Rule("foreign", "programs and libraries of Windows and macOS", _foreign),
    Rule("locale-sources", "sources of translations (.po, .pot)", _locale_sources),
    Rule("unreached", "bytecode of modules that no import of a start reaches", _none),
    Rule("locales", "translations and locale data other than English", _locales, usual=False),
    Rule("bytecode", "what modules compile to: each start compiles them anew", _none, usual=False),
)
NAMES = tuple(each.name for each in RULES)

# (rule, distribution as its metadata names it in lower case with '-'): why it is left alone.
EXCEPTIONS = {
    ("tests", "twisted"): "twisted.test is public: other packages import its helpers",
    ("tests", "django"): "django.test is public, and settings name modules of it",
    ("tests", "testtools"): "a library for tests",
    ("tests", "hypothesis"): "a library for tests",
    ("tests", "pytest"): "a library for tests",
    ("headers", "torch"): "its compiler and extensions read its headers at run time",
    ("headers", "triton"): "compiles kernels against its headers at run time",
    ("headers", "cupy"): "compiles kernels against its headers at run time",
    ("headers", "numba"): "compiles against its own C sources when a module is exported",
    ("headers", "cffi"): "compiles modules against its headers",
    ("headers", "pythran"): "a compiler: its headers are its library",
    ("headers", "cmdstanpy"): "compiles models against the headers it brings",
    ("headers", "pystan"): "compiles models against the headers it brings",
    ("headers", "nvidia-cuda-runtime-cu12"): "kernels are compiled against its headers",
    ("headers", "nvidia-cuda-nvcc-cu12"): "a compiler: its headers are its library",
    ("headers", "nvidia-cuda-nvrtc-cu12"): "a compiler: its headers are its library",
    ("headers", "jax"): "its kernels are compiled against headers at run time",
    ("headers", "ziglang"): "a compiler: its headers are its library",
    ("headers", "tree-sitter"): "grammars are read as sources",
    ("foreign", "setuptools"): "writes its launchers of Windows into wheels that it builds",
    ("foreign", "distlib"): "writes its launchers of Windows into wheels that it builds",
}


def is_test_file(name: str) -> bool:
    """Whether a file's name is one that a test runner collects.

    >>> is_test_file("test_core.py"), is_test_file("client.py")
    (True, False)
    """
    return _TEST_FILE.fullmatch(name) is not None
