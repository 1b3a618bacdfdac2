"""Build commands and directives as data: what is run, in which order, and what it depends on.

Nothing is run here.  Source: Nuclio's builder (pkg/processor/build): commands become `RUN`
directives before the code is copied, or after it behind `@nuclio.postCopy`; a command that ends
with a backslash goes on in the next.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import DeployFailed

POST_COPY = "@nuclio.postCopy"
TIMEOUT = 3600.0  # seconds, Nuclio's own default of buildTimeoutSeconds
HONOURED = ("RUN", "ENV")
# What changes the machine, where there is no image to change.
SYSTEM = re.compile(
    r"(?:^|[;&|(]\s*)(?:sudo\s+)?(sudo|apt-get|apt|apk|yum|dnf|microdnf|zypper)(?=\s|$)"
)
_OPERATORS = re.compile(r"[;&|<>`$\n]")
# Of the keys of `build`: those that are about images alone are told of and not needed here; those
# that would add files are refused.
IMAGES = ("baseImage", "onbuildImage", "image", "registry", "args", "flags")
REFUSED = ("addedPaths", "scriptPaths", "dependencies")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a function's environment.

    python:    the Python that it is for, to the patch
    steps:     commands, run one after another by a shell
    variables: what they and the function find in their environment
    needs:     whether a step may read the code, so that another code is another environment
    seconds:   how long all of it may take
    """

    python: str
    steps: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    needs: bool = False
    offline: bool = False
    seconds: float = TIMEOUT

    def key(self, code: str = "") -> str:
        """A word for all that the outcome depends on; `code` is the code's digest."""
        said = [self.python, self.steps, self.variables, code if self.needs else ""]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]


def recipe(build: Mapping[str, Any], python: str) -> Recipe | None:
    """What a configuration's `build` asks for, None when that is nothing.

    Raises `DeployFailed` for what needs an image.

    >>> recipe({"commands": ["pip install a \\\\", "b"]}, "3.12.1").steps
    ('pip install a b',)
    >>> recipe({"commands": ["pip install -r requirements.txt"]}, "3.12.1").needs
    True
    >>> recipe({}, "3.12.1")
    """
    for key in REFUSED:
        if build.get(key):
            raise DeployFailed(f"build.{key} needs an image, which the emulator does not build")
    directives = list(_directives(build))
    steps = [value for kind, value in directives if kind == "RUN"]
    steps = [*steps, *_commands(build.get("commands") or [])]
    for step in steps:
        if found := SYSTEM.search(step):
            raise DeployFailed(
                f"build command {step!r}: {found[1]} would change this machine, as no image is "
                "built: install what it needs here, and leave the command out"
            )
    variables = tuple(_variable(value) for kind, value in directives if kind == "ENV")
    if not steps and not variables:
        return None
    return Recipe(
        python,
        tuple(steps),
        variables,
        any(map(needs_code, steps)),
        bool(build.get("offline")),
        float(build.get("buildTimeoutSeconds") or TIMEOUT),
    )


def not_needed(build: Mapping[str, Any]) -> list[str]:
    """The keys that are given and are about images alone."""
    return [key for key in IMAGES if build.get(key)]


def _commands(given: Sequence[Any]) -> Iterator[str]:
    whole = ""
    for each in map(str, given):
        if not whole and each.strip() == POST_COPY:
            continue
        whole += each
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        if whole.strip():
            yield re.sub(r"\s+", " ", whole.strip())
        whole = ""
    if whole.strip():
        yield whole.strip()


def _directives(build: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = build.get("directives") or {}
    for place in ("preCopy", "postCopy"):
        for each in given.get(place) or []:
            kind = str(each.get("kind") or "").upper()
            if kind not in HONOURED:
                raise DeployFailed(
                    f"build directive {kind} needs an image, which the emulator does not build; "
                    f"it has {', '.join(HONOURED)}"
                )
            yield kind, str(each.get("value") or "")


def _variable(value: str) -> tuple[str, str]:
    """
    >>> _variable("A=b c"), _variable("A b")
    (('A', 'b c'), ('A', 'b'))
    """
    name, _, rest = value.partition("=" if "=" in value.split(" ")[0] else " ")
    return name.strip(), rest.strip().strip('"')


def needs_code(step: str) -> bool:
    """Whether a command may read files beside it; only plain installs by name surely do not.

    >>> [needs_code(each) for each in ("pip install a 'b[c]>=1'", "pip install .", "touch x")]
    [False, True, True]
    """
    if _OPERATORS.search(re.sub(r"'[^']*'|\"[^\"$`]*\"", "", step)):
        return True
    try:
        words = shlex.split(step)
    except ValueError:  # the shell will say what is wrong with it
        return True
    if words[:1] and words[0] in ("python", "python3") and words[1:2] == ["-m"]:
        words = words[2:]
    if words[:2] not in (["pip", "install"], ["pip3", "install"]):
        return True
    return any(_is_of_a_file(word) for word in words[2:])


def _is_of_a_file(word: str) -> bool:
    if word.startswith("-"):
        return word[:2] in ("-r", "-c", "-e") or word.startswith(
            ("--requirement", "--constraint", "--editable")
        )
    return word.startswith(".") or (("/" in word) and "://" not in word)
