"""A SAM template.  Source: AWS SAM's "Resource and property reference" and "Globals section"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...handlers.platforms import ARCHITECTURES, LAMBDA_PYTHONS
from ..errors import BuildError
from .base import Taken, TakenFunction, call, listed
from .yaml_lines import Intrinsic, Lines, load

FUNCTION = "AWS::Serverless::Function"
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
# Said by settings of ours, or by nothing that a function would miss.
_CARRIED = {
    "FunctionName", "Handler", "Runtime", "CodeUri", "MemorySize", "Timeout", "Description",
    "Environment", "Architectures", "EphemeralStorage", "ReservedConcurrentExecutions", "Tags",
    "Role", "Events", "FunctionUrlConfig", "PackageType",
}  # fmt: skip


def read(path: Path) -> Taken:
    """The functions of a template.  Raises `BuildError` where it has none."""
    document = load(path.read_text(), path.name)
    resources = document.get("Resources") if isinstance(document, Lines) else None
    if not isinstance(resources, Lines):
        raise BuildError(f"{path}: a SAM template has Resources")
    taken = Taken(path.name, path.resolve().parent.name)
    shared = (document.get("Globals") or Lines()).get("Function") or Lines()
    for name, resource in resources.items():
        line = resources.line(name)
        if resource.get("Type") == FUNCTION:
            _Function(taken, name, resource, shared, resources, path.parent, line).take()
        else:
            kind = resource.get("Type")
            taken.lose(line, f"{name} ({kind}) is not a function: keep it in a template of its own")
    for name in document:
        if name in ("Parameters", "Conditions", "Mappings", "Outputs"):
            taken.lose(document.line(name), f"{name}: an app has no such section")
    if not taken.functions:
        raise BuildError(f"{path}: no {FUNCTION} in it can be taken over; {'; '.join(taken.lost)}")
    return taken


class _Function:
    """One function of a template, on its way to an app."""

    def __init__(
        self,
        taken: Taken,
        logical: str,
        resource: Lines,
        shared: Lines,
        resources: Lines,
        root: Path,
        line: int,
    ) -> None:
        self.taken, self.logical, self.resources, self.root = taken, logical, resources, root
        self.own, self.shared, self.at = resource.get("Properties") or Lines(), shared, line
        # What its code waits for is of the resource, not of the function.
        for key in resource.keys() - {"Type", "Properties", "Metadata"}:
            self.lose(resource.line(key), key, "")

    def lose(self, line: int, what: str, why: str) -> None:
        because = f": {why}" if why else ""
        self.taken.lose(line or self.at, f"{self.logical}.{what} is not carried over{because}")

    def get(self, name: str, default: Any = None) -> Any:
        """A property that can be told here: of the function, else of all."""
        for of in (self.own, self.shared):
            if name in of:
                if isinstance(of[name], Intrinsic):
                    self.lose(of.line(name), name, f"{of[name]} is known when it is deployed")
                    return default
                return of[name]
        return default

    def take(self) -> None:
        runtime = self.get("Runtime", "")
        if runtime not in LAMBDA_PYTHONS:
            self.taken.lose(self.at, f"{self.logical}: {runtime or 'its runtime'} is no Python")
            return
        for name in dict.fromkeys((*self.own, *self.shared)):
            if name not in _CARRIED:
                line = self.own.line(name) or self.shared.line(name)
                self.lose(line, name, "say it with pelton, or in a template of its own")
        folder = str(self.get("CodeUri", ".")).strip("/").removeprefix("./")
        folder = "" if folder == "." else folder
        name = str(self.get("FunctionName", self.logical))
        handler = str(self.get("Handler", ""))
        self.taken.functions.append(
            TakenFunction(name, folder, handler, "lambda", dict(self.settings(folder)))
        )

    def settings(self, folder: str) -> Iterator[tuple[str, str]]:
        for ours, theirs in (
            ("memory", "MemorySize"),
            ("timeout", "Timeout"),
            ("description", "Description"),
            ("concurrency", "ReservedConcurrentExecutions"),
        ):
            if (value := self.get(theirs)) is not None:
                yield ours, repr(value)
        if variables := dict(self.variables()):
            yield "environment", repr(variables)
        if tags := {k: v for k, v in (self.get("Tags") or {}).items() if isinstance(v, str)}:
            yield "tags", repr(tags)
        if (self.root / folder / "requirements.txt").is_file():
            yield "requirements", repr("requirements.txt")
        if triggers := list(dict.fromkeys(self.triggers())):
            yield "triggers", listed(triggers)
        if aws := call("pelton.Aws", dict(self.aws())):
            yield "aws", aws

    def variables(self) -> Iterator[tuple[str, str]]:
        for of in (self.shared, self.own):
            found = (of.get("Environment") or Lines()).get("Variables") or Lines()
            for name, value in found.items():
                if isinstance(value, Intrinsic | Lines | list):
                    self.lose(
                        found.line(name),
                        f"Environment.{name}",
                        f"{value} is known when it is deployed; give it as environment=",
                    )
                else:
                    yield name, str(value)

    def aws(self) -> Iterator[tuple[str, Any]]:
        yield "runtime", self.get("Runtime")
        (architecture,) = self.get("Architectures", ["x86_64"])
        if architecture in ARCHITECTURES[1:]:
            yield "architecture", architecture
        if (role := self.get("Role")) is not None:
            yield "role", role
        if size := (self.get("EphemeralStorage") or {}).get("Size"):
            yield "ephemeral_mb", size

    # -- what calls it
    def triggers(self) -> Iterator[str]:
        url = self.get("FunctionUrlConfig")
        if url:
            if url.get("AuthType") == "NONE":
                yield call("pelton.http", {}, "ANY", "/")
            else:
                self.lose(self.own.line("FunctionUrlConfig"), "FunctionUrlConfig", "not public")
        events = self.own.get("Events") or Lines()
        for name, event in events.items():
            made = self.event(name, event, events.line(name))
            if made:
                yield made

    def event(self, name: str, event: Lines, line: int) -> str:
        kind, said = event.get("Type"), event.get("Properties") or Lines()
        if kind in ("Api", "HttpApi"):
            return self.http(name, str(kind), said, line)
        if kind == "SQS" and (queue := self.source(said.get("Queue"), "QueueName")):
            batch = {"batch": said["BatchSize"]} if "BatchSize" in said else {}
            wait = said.get("MaximumBatchingWindowInSeconds")
            return call("pelton.sqs", {**batch, **({"window": wait} if wait else {})}, queue)
        if kind == "Kinesis" and (stream := self.source(said.get("Stream"), "Name")):
            values = {
                "batch": said.get("BatchSize"),
                "window": said.get("MaximumBatchingWindowInSeconds"),
                "start": said.get("StartingPosition"),
            }
            given = {key: value for key, value in values.items() if value is not None}
            return call("pelton.kinesis", given, stream)
        if kind == "Schedule" and (made := _cron(str(said.get("Schedule", "")))):
            if "Input" in said:
                self.lose(said.line("Input"), f"Events.{name}.Input", "the event is pelton's own")
            return made
        self.lose(line, f"Events.{name} ({kind})", "pelton has no such trigger, or not so said")
        return ""

    def http(self, name: str, kind: str, said: Lines, line: int) -> str:
        if "RestApiId" in said or "ApiId" in said or "Auth" in said:
            self.lose(line, f"Events.{name}: its API and its Auth", "it gets a public function URL")
        if kind == "Api":
            why = "the handler sees payload format 2.0, as of an HTTP API, and not a REST API's 1.0"
            self.lose(line, f"Events.{name}: its form", why)
        method = str(said.get("Method", "any")).upper()
        path = str(said.get("Path", "/"))
        if path == "$default" or "$default" in method:
            method, path = "ANY", "/"
        return call("pelton.http", {}, method, path)

    def source(self, value: Any, named: str) -> str:
        """A queue or stream: its ARN, or its name where it is of the same template."""
        if isinstance(value, str):
            return value
        if isinstance(value, Intrinsic) and value.tag in ("!GetAtt", "!Ref"):
            told = value.value if isinstance(value.value, list) else str(value.value).split(".")
            found = self.resources.get(str(told[0])) or Lines()
            name = (found.get("Properties") or Lines()).get(named)
            return name if isinstance(name, str) else ""
        return ""


def _cron(expression: str) -> str:
    """A schedule in pelton's words; "" for one that has none.

    >>> _cron("rate(5 minutes)"), _cron("cron(0 6 * * ? *)"), _cron("cron(0 6 ? * 2#1 *)")
    ("pelton.cron(every='5m')", "pelton.cron(schedule='0 6 * * *')", '')
    """
    if matched := _RATE.fullmatch(expression):
        return call("pelton.cron", {"every": f"{matched[1]}{matched[2][0]}"})
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    if len(fields) != 6 or fields[5] != "*":
        return ""
    minute, hour, day, month, weekday = ("*" if each == "?" else each for each in fields[:5])
    if weekday != "*" or not all(re.fullmatch(r"[\d*/,-]+", e) for e in (minute, hour, day, month)):
        return ""  # weekdays are counted from another day
    return call("pelton.cron", {"schedule": f"{minute} {hour} {day} {month} *"})
