"""`pelton.toml`, or `[tool.pelton]` of `pyproject.toml`: settings by environment, checked.

A file has settings for all environments and, below `env.NAME`, for one.  Knows what a key may be
and nothing of what an app says; a wrong one is said with the file and the key.

    region = "eu-west-1"
    [functions.score]
    memory = 1024
    [env.dev]
    prefix = "dev-"
    functions.score.memory = 512
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..handlers.errors import WrongUse
from ..handlers.secret import secret
from .errors import WrongSettings

FILE, PROJECT = "pelton.toml", "pyproject.toml"
Read = Callable[[Any, str], Any]
TABLES = "an environment's settings stand in [env.NAME], a function's in [functions.NAME]"
_AFFIX = re.compile(r"[A-Za-z0-9_-]{0,32}")


@dataclass(frozen=True, slots=True)
class Layer:
    """One table of settings and where it stands: "pelton.toml: env.dev".

    values, functions: checked; a key's own place is the layer's with the key behind it
    """

    place: str
    values: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def at(self, *keys: str) -> str:
        """The place of a key in it."""
        return f"{self.place}{'' if self.place.endswith(': ') else '.'}{'.'.join(keys)}"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """base: for all environments; environments: more for each, by name; path "" without a file."""

    path: str = ""
    base: Layer = Layer("")
    environments: Mapping[str, Layer] = field(default_factory=dict)

    def layers(self, environment: str) -> tuple[Layer, ...]:
        """What counts in an environment ("": in none), the later over the earlier; raises
        `WrongSettings` for one that the file does not have."""
        if not environment:
            return (self.base,) if self.path else ()
        if not self.path:
            raise WrongSettings(
                f"there is no environment {environment!r}: neither {FILE} nor [tool.pelton] in "
                f"{PROJECT} is beside the app; write [env.{environment}] into {FILE}"
            )
        if environment not in self.environments:
            near = _near(environment, self.environments)
            raise WrongSettings(f"{self.path} has no environment {environment!r}; {near}")
        return (self.base, self.environments[environment])


def read_settings(root: Path) -> SettingsFile:
    """The settings beside an app, in its folder or the nearest above that has any.

    Raises `WrongSettings` with file and key.
    """
    for folder in (root, *root.parents):
        found = [each for each in (_own(folder), _in_project(folder)) if each is not None]
        if len(found) > 1:
            raise WrongSettings(
                f"{folder} has settings in {FILE} and in [tool.pelton] of {PROJECT}; keep one"
            )
        if found:
            return found[0]
        if (folder / PROJECT).is_file() or (folder / ".git").exists():
            break  # the project ends here
    return SettingsFile()


def _own(folder: Path) -> SettingsFile | None:
    path = folder / FILE
    return parse(_toml(path), FILE) if path.is_file() else None


def _in_project(folder: Path) -> SettingsFile | None:
    path = folder / PROJECT
    if not path.is_file():
        return None
    told = _toml(path).get("tool", {}).get("pelton")
    return parse(told, PROJECT, "tool.pelton.") if told is not None else None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{path.name}: {error}") from None
    except OSError as error:
        raise WrongSettings(f"{path.name} cannot be read: {error.strerror or error}") from None


def parse(told: Any, path: str = FILE, head: str = "") -> SettingsFile:
    """A file's settings, checked.

    >>> parse({"memory": "512"})
    Traceback (most recent call last):
    pelton.deploy.errors.WrongSettings: pelton.toml: memory = '512' is no whole number
    >>> parse({"memroy": 512})
    Traceback (most recent call last):
    pelton.deploy.errors.WrongSettings: pelton.toml: memroy is unknown; did you mean 'memory'?
    """
    at = f"{path}: {head}"
    told = dict(_table(told, at.rstrip(". ")))
    environments = _table(told.pop("env", {}), f"{at}env")
    _text(told.pop("app", ""), f"{at}app")  # which app it is: `builders.find_app`
    base = _layer(told, f"{path}: {head}".removesuffix(".") if head else f"{path}: ")
    return SettingsFile(
        path,
        base,
        {name: _layer(each, f"{at}env.{name}") for name, each in environments.items()},
    )


def _layer(told: Any, place: str) -> Layer:
    made = Layer(place)
    values = dict(_table(told, place))
    functions = _table(values.pop("functions", {}), made.at("functions"))
    return Layer(
        place,
        _values(values, made.at, {**FUNCTION, **APP}, ("functions",)),
        {
            name: _values(
                _table(each, made.at("functions", name)),
                lambda *keys, of=name: made.at("functions", of, *keys),
                FUNCTION,
            )
            for name, each in functions.items()
        },
    )


def _values(
    told: Mapping[str, Any],
    at: Callable[..., str],
    known: Mapping[str, Read],
    more: tuple[str, ...] = (),
) -> dict[str, Any]:
    found = {}
    for key, value in told.items():
        if key not in known:
            near = TABLES if isinstance(value, dict) else _near(key, (*known, *more))
            raise WrongSettings(f"{at(key)} is unknown; {near}")
        found[key] = known[key](value, at(key))
    return found


def _near(key: str, known: Any) -> str:
    close = get_close_matches(key, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}"


# -- what a key may be
def _table(value: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WrongSettings(f"{at} = {value!r} is no table")
    return value


def _number(value: Any, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongSettings(f"{at} = {value!r} is no whole number")
    return value


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise WrongSettings(f"{at} = {value!r} is no string")
    return value


def _affix(value: Any, at: str) -> str:
    if not _AFFIX.fullmatch(_text(value, at)):
        raise WrongSettings(f"{at} = {value!r}: use up to 32 letters, digits, '-' or '_'")
    return str(value)


def _texts(value: Any, at: str) -> dict[str, str]:
    return {name: _text(each, f"{at}.{name}") for name, each in _table(value, at).items()}


def _variables(value: Any, at: str) -> dict[str, str]:
    """Texts, and secrets by reference: `DB = { secret = "shop/db", field = "password" }`."""
    return {name: _variable(each, f"{at}.{name}") for name, each in _table(value, at).items()}


def _variable(value: Any, at: str) -> str:
    if not isinstance(value, dict):
        if isinstance(value, str):
            return value
        raise WrongSettings(f"{at} = {value!r} is no string; write {str(value)!r}")
    members = ("secret", "field", "store")
    for key in value:
        if key not in members and ("secret" in value or get_close_matches(key, members)):
            raise WrongSettings(f"{at}.{key} is unknown; {_near(key, members)}")
    if "secret" not in value:
        raise WrongSettings(
            f'{at} is a variable: write a string or {{ secret = "NAME" }}; {TABLES}'
        )
    given = {key: _text(each, f"{at}.{key}") for key, each in value.items()}
    try:
        return secret(given.pop("secret"), **given)
    except WrongUse as error:
        raise WrongSettings(f"{at}: {error.what}; {error.advice}") from None


def _vpc(value: Any, at: str) -> Any:
    """`vpc = { subnets = [...], security_groups = [...] }`; false: in none."""
    if value is False:
        return None
    from ..handlers.vpc import MOST, Vpc

    told = _table(value, at)
    for key in told:
        if key not in MOST:
            raise WrongSettings(f"{at}.{key} is unknown; {_near(key, MOST)}")
    for key in MOST:
        if key not in told:
            raise WrongSettings(f"{at} has no `{key}`, a list of ids")
    try:
        return Vpc(**told)
    except WrongUse as error:
        said = "; ".join(filter(None, (error.what, error.advice)))
        raise WrongSettings(f"{at}: {said}") from None


FUNCTION: Mapping[str, Read] = {
    "concurrency": _number,
    "environment": _variables,
    "log_days": _number,
    "memory": _number,
    "provisioned": _number,
    "role": _text,
    "tags": _texts,
    "timeout": _number,
    "vpc": _vpc,
}
APP: Mapping[str, Read] = {"prefix": _affix, "region": _text, "suffix": _affix}
