"""An app as an environment has it: what its code says, then the file's layers, one over the other.

code < file < file's `env.NAME` < command line; in each layer what is for all functions, then what
is for one.  Tables (`environment`, `tags`) are joined key by key.  Nothing is changed in the user's
app: the environment's is another, of the same functions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..handlers.app import App
from ..handlers.errors import WrongUse
from ..handlers.frozen import Frozen
from ..handlers.function import Function
from ..handlers.settings import Settings, check_name
from ..handlers.triggers.broker_handoff import BrokerHandoff
from ..handlers.triggers.kinesis import StreamHandoff
from ..handlers.triggers.sqs import Handoff
from .errors import WrongSettings
from .kinds.base import hidden
from .settings_file import Layer, SettingsFile, read_settings

_OF_AWS = ("role", "log_days", "provisioned", "vpc")
_TABLES = ("environment", "tags")
HANDOFFS = (Handoff, StreamHandoff, BrokerHandoff)
_PLAIN = ("memory", "timeout", "concurrency")


@dataclass(frozen=True, slots=True)
class Value:
    """A setting, and where it comes from."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Environment:
    """What an environment makes of an app.

    name:      "" for none
    app:       the app to build and deploy; its functions by the names that they have there
    values:    region, prefix and suffix
    functions: each function's settings, by its name in the code
    """

    name: str
    app: App
    values: Mapping[str, Value] = field(default_factory=dict)
    functions: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def deployed(self, name: str) -> str:
        """What a function of the code is called there."""
        return f"{self.value('prefix')}{name}{self.value('suffix')}"

    @property
    def origins(self) -> dict[str, dict[str, str]]:
        """Which key of the file each setting is from that the code does not decide, by the name
        that the function has there."""
        return {
            self.deployed(name): {
                key: each.origin for key, each in settings.items() if ": " in each.origin
            }
            for name, settings in self.functions.items()
        }

    def value(self, key: str) -> str:
        """One of `values`; "" where nobody says it."""
        return str(self.values[key].value) if key in self.values else ""

    def document(self) -> dict[str, Any]:
        """As JSON has it, without what a name says is secret."""
        return {
            "environment": self.name,
            "app": self.app.name,
            "settings": {key: _document(key, each) for key, each in self.values.items()},
            "functions": {
                name: {
                    "deployed": self.deployed(name),
                    **{key: _document(key, each) for key, each in settings.items()},
                }
                for name, settings in self.functions.items()
            },
        }


def environment_of(
    app: App, root: Path, name: str = "", given: Mapping[str, str] | None = None
) -> Environment:
    """`app` in the environment `name` of the settings file beside it.

    given: what the command line says, by key ("" for what it does not)

    Raises `WrongSettings` with file and key.
    """
    file = read_settings(root)
    return overlay(app, file, name, given or {})


def overlay(app: App, file: SettingsFile, name: str, given: Mapping[str, str]) -> Environment:
    """The same of a file that was read."""
    layers = file.layers(name)
    for layer in (file.base, *file.environments.values()):
        _refuse_unknown(app, layer)
    values: dict[str, Value] = {}
    for layer in layers:
        for key in ("region", "prefix", "suffix"):
            if key in layer.values:
                values[key] = Value(layer.values[key], layer.at(key))
    if given.get("region"):
        values["region"] = Value(given["region"], "--region")
    functions = {each.name: _resolved(each, layers) for each in app.functions.values()}
    made = Environment(name, app, values, functions)
    return Environment(name, _app(made) if layers else app, values, functions)


def _refuse_unknown(app: App, layer: Layer) -> None:
    for name in layer.functions:
        if name not in app.functions:
            close = get_close_matches(name, app.functions, n=1)
            known = ", ".join(app.functions) or "none"
            near = f"did you mean {close[0]!r}?" if close else f"it has {known}"
            raise WrongSettings(
                f"{layer.at('functions', name)}: app {app.name} has no function {name!r}; {near}"
            )


def _resolved(function: Function[..., Any], layers: tuple[Layer, ...]) -> dict[str, Value]:
    found = dict(_said(function))
    for layer in layers:
        own = layer.functions.get(function.name, {})
        for values, keys in ((layer.values, ()), (own, ("functions", function.name))):
            for key, value in values.items():
                for inner, each in _flat(key, value):
                    if key in (*_PLAIN, *_OF_AWS, *_TABLES):
                        found[inner] = Value(each, layer.at(*keys, inner))
    return found


def _said(function: Function[..., Any]) -> Iterator[tuple[str, Value]]:
    """What the code says, by key."""
    settings, place = function.settings, f"{Path(function.file).name}:{function.line}"
    for key in (*_PLAIN, *_OF_AWS):
        value = getattr(settings.aws if key in _OF_AWS else settings, key)
        if value not in (None, "", 0) or (key == "concurrency" and value == 0):
            yield key, Value(value, place)
    for key in _TABLES:
        for inner, value in _flat(key, getattr(settings, key)):
            yield inner, Value(value, place)


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if key in _TABLES:
        yield from ((f"{key}.{name}", each) for name, each in value.items())
    else:
        yield key, value


def _app(environment: Environment) -> App:
    """The app of the environment: the same functions, with other settings and names."""
    given = environment.app
    name = environment.deployed(given.name)
    _check_name(name, environment, "app")
    made = App(name)
    for function in given.functions.values():
        other = copy.copy(function)
        other.settings = _settings(function, environment.functions[function.name])
        other.name = environment.deployed(function.name)
        if other.name != function.name:
            _check_renamed(function, environment)
            _check_name(other.name, environment, "function")
        made.functions[other.name] = other
    return made


def _settings(function: Function[..., Any], values: Mapping[str, Value]) -> Settings:
    """The function's settings with these in their places; each is checked as in the code."""
    settings = function.settings
    for key, value in values.items():
        head, _, inner = key.partition(".")
        changed: Any = {head: value.value}
        if inner:
            changed = {head: {**getattr(settings, head), inner: value.value}}
        try:
            if head in _OF_AWS:
                aws = type(settings.aws)(**{**vars(settings.aws), **changed})
                changed = {"aws": aws}
            settings = Settings(**{**vars(settings), **changed})
        except WrongUse as error:
            raise WrongSettings(f"{value.origin}: {error.what}") from None
    return settings


def _check_renamed(function: Function[..., Any], environment: Environment) -> None:
    if function.sends or any(isinstance(each, HANDOFFS) for each in function.triggers):
        raise WrongSettings(
            f"{_renamed_by(environment)}: function {function.name!r} is a part of a graph that is "
            "spread over queues, whose names are in the code; give each environment an account or "
            "a region of its own"
        )


def _check_name(name: str, environment: Environment, of: str) -> None:
    try:
        check_name(name, of)
    except WrongUse as error:
        where = _renamed_by(environment)
        raise WrongSettings(f"{where}: {error.what}; {error.advice}") from None


def _renamed_by(environment: Environment) -> str:
    keys = [key for key in ("prefix", "suffix") if environment.value(key)]
    return environment.values[keys[0]].origin if keys else "the app's name"


def _document(key: str, value: Value) -> dict[str, Any]:
    said = vars(value.value) if isinstance(value.value, Frozen) else hidden(key, value.value)
    return {"value": said, "from": value.origin}
