"""The settings of a function, as given to `@app.function(...)` and checked there."""

from __future__ import annotations

from collections.abc import Mapping

from .checks import data_files, in_range, requirement, text, texts
from .errors import WrongUse
from .frozen import Frozen
from .platforms import NOTHING, Aws, Nuclio
from .telemetry import Telemetry
from .triggers.base import Trigger

STYLES = (None, "lambda", "nuclio", "asgi")
TRIGGERS = (
    "pelton.http(...), cloudevents, cron, directory, dynamodb, eventbridge, kafka, kinesis, mqtt, "
    "nats, postgres, rabbitmq, redis, s3, sns, source, sqs, websocket, websocket_api"
)
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Settings(Frozen):
    """memory in MB (128 to 10240), timeout in seconds (1 to 900), concurrency as the number of
    events handled at once at the most (None: the platform's own limit), trim as words that switch
    a rule of what requirements need not bring on ("locales") or off ("no-tests"), import_budget in
    milliseconds that the artifact may take to import (None: any), pickled to send the function as
    a pickle (by cloudpickle) and not by its module.

    >>> Settings(memory=64)
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: memory=64 is outside 128 to 10240 MB
    """

    memory: int = 128
    timeout: int = 3
    versions: int = 0  # how many a deploy keeps to go back to; 0: it replaces what is there
    environment: Mapping[str, str] = NOTHING
    requirements: tuple[str, ...] = ()
    description: str = ""
    tags: Mapping[str, str] = NOTHING
    triggers: tuple[Trigger, ...] = ()
    concurrency: int | None = None
    telemetry: Telemetry = Telemetry()
    style: str | None = None
    include: tuple[str, ...] = ()
    trim: tuple[str, ...] = ()
    import_budget: int | None = None
    pickled: bool = False
    aws: Aws = Aws()
    nuclio: Nuclio = Nuclio()

    def __post_init__(self) -> None:
        in_range("memory", self.memory, 128, 10240, " MB")
        in_range("timeout", self.timeout, 1, 900, " seconds")
        in_range("versions", self.versions, 0, 1000)
        if self.concurrency is not None:
            in_range("concurrency", self.concurrency, 0, 1_000_000)
        if self.import_budget is not None:
            in_range("import_budget", self.import_budget, 1, 900_000, " ms")
        text("description", self.description, 256)
        if self.style not in STYLES:
            raise WrongUse(
                f"style={self.style!r} is unknown", advice='use "lambda", "nuclio" or none'
            )
        texts("environment", self.environment)
        texts("tags", self.tags)
        for each in self.requirements:
            requirement(each)
        for each in self.include:
            data_files(each)
        for each in self.trim:
            text("trim", each)
        _object("aws", self.aws, Aws)
        _object("nuclio", self.nuclio, Nuclio)
        if self.aws.provisioned:
            self._check_provisioned()
        if "memory" in self.nuclio.requests:
            from .kubernetes import check_resources

            limits = {"memory": f"{self.memory}Mi", **self.nuclio.limits}
            check_resources(self.nuclio.requests, limits)
        self._check_triggers()

    def _check_provisioned(self) -> None:
        count = self.aws.provisioned
        if not self.versions:
            raise WrongUse(
                f"Aws(provisioned={count}) is for published versions, and none are kept",
                advice="give versions=10, or how many you want to go back to",
            )
        if self.concurrency is not None and self.concurrency < count:
            raise WrongUse(
                f"Aws(provisioned={count}) is more than concurrency={self.concurrency}",
                advice="raise one or lower the other",
            )

    def _check_triggers(self) -> None:
        for number, trigger in enumerate(self.triggers):
            if not isinstance(trigger, Trigger):
                raise WrongUse(
                    f"{trigger!r} is no trigger",
                    advice=f"use one that pelton makes: {TRIGGERS}",
                )
            for other in self.triggers[:number]:
                if trigger.same_source(other):
                    raise WrongUse(
                        f"{trigger!r} comes twice"
                        + ("" if trigger == other else f": {other!r} is the same source"),
                        advice="keep one of them",
                    )


def _object(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise WrongUse(
            f"{name}={value!r} is no {kind.__name__}",
            advice=f"write {name}=pelton.{kind.__name__}(...)",
        )


def check_name(name: object, of: str = "function") -> None:
    """A name that both platforms take: 1 to 64 letters, digits, '-' and '_'.

    Source: Lambda's FunctionName pattern; Nuclio's own narrower rule is checked when planning.
    """
    if name == "<lambda>":
        raise WrongUse("a lambda has no name of its own", advice="give name=, or write it with def")
    text(f"{of} name", name)
    if not (1 <= len(str(name)) <= 64 and NAME_CHARACTERS.issuperset(str(name))):
        raise WrongUse(
            f"{of} name {name!r} is not allowed",
            advice="use 1 to 64 letters, digits, '-' or '_'",
        )
