"""A template of the Serverless Application Model.  Source: AWS SAM's "Resource and property
reference".  `sam deploy` uploads the archives beside it, and makes permissions by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kinds.base import Resource
from ..kinds.function import LambdaFunction
from ..kinds.permission import Permission
from ..kinds.queue_mapping import QueueMapping
from ..kinds.release import Release
from ..kinds.rule import Rule
from ..kinds.stream_mapping import StreamMapping
from ..kinds.table_mapping import TableMapping
from ..kinds.url import Url
from ..versions.release import LIVE
from .base import Asked, Exported, left_out, yaml_text
from .cfn_events import Properties, Said, get, ref
from .cloudformation import FORMAT, PLACE, PLATFORM, Words

__all__ = ["PLACE", "PLATFORM", "write"]
# Said as members and events of the function.
_OF_FUNCTIONS: tuple[type[Resource], ...] = (
    Url,
    QueueMapping,
    StreamMapping,
    TableMapping,
    Rule,
    Release,
)
# How the ids of the statements begin that SAM makes by itself.
_ITS_OWN = ("pelton-url", "pelton-cron-")


def write(asked: Asked) -> Exported:
    """The template, and how it is deployed."""
    words = SamWords(asked)
    document = {
        **FORMAT,
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": f"The functions of {asked.app}.",
        "Resources": dict(words.all()),
        "Outputs": words.outputs(),
    }
    known = [each.kind for each in (*words.kinds, *_OF_FUNCTIONS)]
    return Exported(
        {"template.yaml": yaml_text(document)},
        next=(f"sam deploy --stack-name {asked.app} --capabilities CAPABILITY_IAM --resolve-s3",),
        notes=left_out(asked.resources, known),
    )


class SamWords(Words):
    """The same in SAM's words."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        for kind in _OF_FUNCTIONS:
            del self.kinds[kind]

    def all(self) -> Iterator[tuple[str, Properties]]:
        own = {self.of(e) for e in self.asked.of(Permission) if e.sid.startswith(_ITS_OWN)}
        yield from ((name, body) for name, body in super().all() if name not in own)

    def alias_arn(self, function: str) -> Any:
        return ref(f"{self.names.of('function', function)}.Alias")

    def alias_id(self, function: str) -> str:
        return f"{self.names.of('function', function)}Alias{LIVE}"

    def dead_letter(self, it: LambdaFunction) -> Properties:
        if not it.dead_letter:
            return {}
        kind = "SNS" if ":sns:" in it.dead_letter else "SQS"
        return {"DeadLetterQueue": {"Type": kind, "TargetArn": self.source(it.dead_letter)}}

    def function(self, it: LambdaFunction) -> Said:
        said = {**self.settings(it), "CodeUri": self.asked.archives[it.name]}
        said["Tags"] = self.tags(it)
        if any(each.name == it.name for each in self.asked.of(Release)):
            said |= {"AutoPublishAlias": LIVE, "AutoPublishAliasAllProperties": True}
            said |= self.waiting(it.name)
        if any(each.name.partition(":")[0] == it.name for each in self.asked.of(Url)):
            said["FunctionUrlConfig"] = {"AuthType": "NONE"}
        if events := self.events(it.name):
            said["Events"] = events
        return "AWS::Serverless::Function", said, self.log_first(it)

    def events(self, function: str) -> Properties:
        found: Properties = {}
        for each in self.asked.of(QueueMapping):
            if each.function == function:
                found[f"Queue{len(found)}"] = self.event("SQS", "Queue", each)
        for stream in self.asked.of(StreamMapping):
            if stream.function == function:
                found[f"Stream{len(found)}"] = self.event("Kinesis", "Stream", stream)
        for table in self.asked.of(TableMapping):
            if table.function == function:
                found[f"Table{len(found)}"] = self.event("DynamoDB", "Stream", table)
        for rule in self.asked.of(Rule):
            if rule.function == function:
                said = {"Schedule": rule.expression, "Name": rule.name}
                found[f"Schedule{len(found)}"] = {"Type": "Schedule", "Properties": said}
        return found

    def event(self, kind: str, member: str, it: QueueMapping | StreamMapping) -> Properties:
        said = self.mapping(it)[1]
        said.pop("FunctionName")
        if failures := said.get("DestinationConfig"):
            failures["OnFailure"]["Type"] = "SQS"
        return {"Type": kind, "Properties": {member: said.pop("EventSourceArn"), **said}}

    def outputs(self) -> Properties:
        found: Properties = {}
        for each in self.asked.of(Url):
            function = self.names.of("function", each.name.partition(":")[0])
            found[f"{function}Address"] = {"Value": get(f"{function}Url", "FunctionUrl")}
        every = super().outputs()
        kept = ("ApiAddress", "WebSocketAddress")
        return found | {name: every[name] for name in kept if name in every}
