"""The settings of a function, as given to `@app.function(...)` and checked there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .errors import WrongUse
from .frozen import Frozen
from .platforms import Aws, Nuclio
from .triggers.base import Trigger

NOTHING: Mapping[str, str] = MappingProxyType({})
STYLES = (None, "lambda", "nuclio")
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Settings(Frozen):
    """memory in MB (128 to 10240), timeout in seconds (1 to 900), concurrency as the number of
    events handled at once at the most (None: the platform's own limit).

    >>> Settings(memory=64)
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: memory=64 is outside 128 to 10240 MB
    """

    memory: int = 128
    timeout: int = 3
    environment: Mapping[str, str] = NOTHING
    requirements: tuple[str, ...] = ()
    description: str = ""
    tags: Mapping[str, str] = NOTHING
    triggers: tuple[Trigger, ...] = ()
    concurrency: int | None = None
    style: str | None = None
    include: tuple[str, ...] = ()
    aws: Aws = Aws()
    nuclio: Nuclio = Nuclio()

    def __post_init__(self) -> None:
        _in_range("memory", self.memory, 128, 10240, " MB")
        _in_range("timeout", self.timeout, 1, 900, " seconds")
        if self.concurrency is not None:
            _in_range("concurrency", self.concurrency, 0, 1_000_000, "")
        if self.style not in STYLES:
            raise WrongUse(
                f"style={self.style!r} is unknown", advice='use "lambda", "nuclio" or none'
            )
        _strings("environment", self.environment)
        _strings("tags", self.tags)
        for name, value in (("requirements", self.requirements), ("include", self.include)):
            if not all(isinstance(each, str) for each in value):
                raise WrongUse(f"{name} must be a list of strings")
        for trigger in self.triggers:
            if not isinstance(trigger, Trigger):
                raise WrongUse(
                    f"{trigger!r} is no trigger",
                    advice="use pelton.http(...), pelton.sqs(...) or pelton.cron(...)",
                )


def _in_range(name: str, value: object, least: int, most: int, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongUse(f"{name}={value!r} is no whole number")
    if not least <= value <= most:
        raise WrongUse(f"{name}={value} is outside {least} to {most}{unit}")


def _strings(name: str, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise WrongUse(f"{name}[{key!r}] = {value!r}: names and values must be strings")


def check_name(name: str) -> None:
    """A name that both platforms take: 1 to 64 letters, digits, '-' and '_'.

    Source: Lambda's FunctionName pattern; Nuclio's own narrower rule is checked when planning.
    """
    if not (1 <= len(name) <= 64 and NAME_CHARACTERS.issuperset(name)):
        raise WrongUse(
            f"function name {name!r} is not allowed",
            advice="use 1 to 64 letters, digits, '-' or '_'",
        )
