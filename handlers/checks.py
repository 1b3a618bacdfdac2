"""What declarations check, and how a wrong one is said with the line that wrote it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from .errors import WrongUse
from .frozen import NoSuchField

P = ParamSpec("P")
T = TypeVar("T")

Where = tuple[str, int]

_SPECIFIER = r"\s*(===|~=|==|!=|<=|>=|<|>)\s*[^\s,;()<>=!~]+\s*"
# Compiled when one is not a plain name: what ships pays for it at every cold start.
_REQUIREMENT = (
    r"\s*[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\s*(\[[\w\s,.-]*\])?\s*"
    rf"(@\s*\S+\s*|\(?({_SPECIFIER})(,{_SPECIFIER})*\)?)?\s*(;.+)?"
)


def caller(depth: int) -> Where:
    """The file and line of the frame `depth` above the one that asks."""
    frame = sys._getframe(depth)
    return frame.f_code.co_filename, frame.f_lineno


def said_at(where: Where, check: Callable[..., T], *args: Any, **named: Any) -> T:
    """Run a check; what it finds wrong is said with the place of the declaration."""
    try:
        return check(*args, **named)
    except WrongUse as error:
        if error.file:
            raise
        raise WrongUse(error.what, file=where[0], line=where[1], advice=error.advice) from None
    except TypeError as error:
        if (wrong := _misuse(check, args, named, error)) is None:
            raise
        raise WrongUse(wrong[0], file=where[0], line=where[1], advice=wrong[1]) from None


def placed(make: Callable[P, T]) -> Callable[P, T]:
    """`make`, whose faults are said with the file and line that called it."""

    def call(*args: P.args, **named: P.kwargs) -> T:
        return said_at(caller(2), make, *args, **named)

    for name in ("__doc__", "__module__", "__name__", "__qualname__", "__annotations__"):
        setattr(call, name, getattr(make, name))
    call.__wrapped__ = make  # type: ignore[attr-defined]
    return call


def _misuse(
    make: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any], error: TypeError
) -> tuple[str, str] | None:
    """What a call has too much or too little, and what to write; None where that is right."""
    import inspect  # only what is wrong pays for it

    if isinstance(error, NoSuchField):
        name = error.of if make.__name__ == "__init__" else make.__name__
        return f"{name}() has no {error.name}=", _meant(error.name, error.fields)
    wanted = inspect.signature(make)
    try:
        wanted.bind(*args, **named)
    except TypeError as said:
        known = _words(make, wanted.parameters)
        unknown = [each for each in named if each not in known]
        advice = _meant(unknown[0], known) if unknown else f"its words are {', '.join(known)}"
        return f"{make.__name__}(): {said}", advice
    return None


def _words(make: Callable[..., Any], parameters: Mapping[str, Any]) -> list[str]:
    """By their names, also those that `**words: Unpack[…]` stands for."""
    from typing import get_args, get_type_hints

    found: list[str] = []
    for name, each in parameters.items():
        if str(each.annotation).startswith("Unpack["):
            (shared,) = get_args(get_type_hints(make, include_extras=True)[name])
            found += shared.__annotations__
        else:
            found.append(name)
    return found


def _meant(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}=?" if near else f"known are {', '.join(known)}"


def in_range(name: str, value: object, least: int, most: int, unit: str = "") -> None:
    """
    >>> in_range("memory", "128", 128, 10240)
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: memory='128' is no whole number
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongUse(f"{name}={value!r} is no whole number")
    if not least <= value <= most:
        raise WrongUse(f"{name}={value} is outside {least} to {most}{unit}")


def one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    """`given` is one of the words that are known."""
    if given not in known:
        raise WrongUse(f"{name}={given!r} is unknown", advice=f"use one of {', '.join(known)}")


def text(name: str, value: object, most: int = 0) -> None:
    """`value` is a string, of `most` characters at the most (0: of any length)."""
    if not isinstance(value, str):
        raise WrongUse(f"{name}={value!r} is no string")
    if most and len(value) > most:
        raise WrongUse(f"{name} has {len(value)} characters, {most} are allowed")


def check_application(application: object, name: str, triggers: tuple[Any, ...]) -> None:
    """An ASGI application can be called, and its triggers bring HTTP requests."""
    if not callable(application) or hasattr(application, "wsgi_app"):
        wrapped = hasattr(application, "wsgi_app")
        raise WrongUse(
            f"app.asgi was given {application!r}, which is no ASGI application",
            advice="wrap it with a2wsgi.WSGIMiddleware" if wrapped else "give the application",
        )
    for each in triggers:
        if each.kind != "http":
            raise WrongUse(
                f"function {name} is an ASGI application and has the trigger {each.kind}",
                advice="give it HTTP triggers alone, and the queue or schedule to another function",
            )


def texts(name: str, values: object) -> None:
    """`values` maps strings to strings."""
    if not isinstance(values, Mapping):
        raise WrongUse(f"{name}={values!r} is no mapping of names to values")
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise WrongUse(f"{name}[{key!r}] = {value!r}: names and values must be strings")


# How the name of a file with requirements ends; what selects a part of it may follow.
_FILES = (".txt", ".in", ".toml", ".lock")


def requirement(value: object) -> None:
    """One entry of `requirements`: a requirement as pip writes it, the path of a wheel or of a
    project's folder, or a file with requirements after `-r`, with constraints after `-c`.  Source:
    PEP 508, short of environment markers' grammar; pip's requirements file format.

    >>> requirement("pydantic[email]>=2,<3; python_version > '3.10'")
    >>> requirement("./libs/ours"), requirement("-r pyproject.toml[aws]")
    (None, None)
    >>> requirement("pydantic>>1")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: requirement 'pydantic>>1' is not as pip writes it; ...
    """
    if isinstance(value, str) and value.isascii() and value.isalnum():
        return
    if not isinstance(value, str):
        raise WrongUse(
            f"requirement {value!r} is no string", advice='write a name: "pydantic>=2,<3"'
        )
    if advice := _refused(value):
        raise WrongUse(f"requirement {value!r} cannot be packed", advice=advice)
    if names_a_file(value):
        raise WrongUse(f"requirement {value!r} is the name of a file", advice=f'write "-r {value}"')
    if not (
        value.startswith(("-r ", "-c ")) or is_path(value) or re.fullmatch(_REQUIREMENT, value)
    ):
        raise WrongUse(
            f"requirement {value!r} is not as pip writes it",
            advice='write a name and, if you like, versions: "pydantic>=2,<3"',
        )


def _refused(text: str) -> str:
    """What to write instead of a requirement that no artifact can hold; "" for others."""
    if text.startswith(("-e", "--editable")):
        path = text.partition(" ")[2].strip() or "./folder"
        return f'an editable install points to files of this machine: write "{path}"'
    if re.search(r"(^|@\s*)(git|hg|svn|bzr)\+", text):
        return "what version control holds is not the same twice: make a wheel of it and name that"
    if text.startswith("-") and not text.startswith(("-r ", "-c ")):
        return 'of options only "-r FILE" and "-c FILE" may stand here; others go into a file'
    return ""


def names_a_file(text: str) -> bool:
    """Whether `text` is the name of a file with requirements, or of a part of one.

    >>> names_a_file("requirements.txt"), names_a_file("pyproject.toml[aws,onnx]")
    (True, True)
    >>> names_a_file("pyproject.toml:serving"), names_a_file("pydantic")
    (True, False)
    """
    file = re.match(r"[^\[\]:;@=<>!~\s]+", text)
    return file is not None and file[0].endswith(_FILES)


def is_path(text: str) -> bool:
    """Whether a requirement is the path of a wheel, an sdist or a project's folder."""
    bare = text.partition("[")[0].partition(";")[0].strip()
    return "@" not in bare and (
        bare.startswith(("./", "../", "/")) or bare.endswith((".whl", ".tar.gz"))
    )


def data_files(pattern: object) -> None:
    """A glob of files beside the app: relative, and going nowhere above it."""
    if not isinstance(pattern, str) or not pattern:
        raise WrongUse(f"include={pattern!r} is no pattern", advice='write a glob: "data/*.csv"')
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
        raise WrongUse(
            f"include={pattern!r} leads out of the app's folder",
            advice="name files beside the app, relative to it",
        )
