"""An SQS queue that an app asks for: between functions of a graph, or for dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource
from .function import APP_TAG

if TYPE_CHECKING:
    from ..targets.target import Target

_MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_TAKEN = ("QueueAlreadyExists", "QueueNameExists")
_ASKED = ["VisibilityTimeout", "RedrivePolicy", "ApproximateNumberOfMessages"]


@dataclass(frozen=True, kw_only=True)
class Queue(Resource):
    """A queue, by its name.

    visibility:  seconds; None where it is not said (a queue of dead letters)
    dead_letter: the queue that gets what was handed out `receives` times; "" for none
    ordered:     a FIFO queue
    messages:    live only: how many are in it, about
    """

    kind: ClassVar[str] = "queue"
    platform: ClassVar[str] = "sqs"
    part: ClassVar[str] = "triggers"
    shown: ClassVar[tuple[str, ...]] = ("visibility", "dead_letter", "receives")
    tagged: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    visibility: int | None = None
    dead_letter: str = ""
    receives: int = 0
    ordered: bool = False
    messages: int = field(default=0, compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return (*((f"queue:{self.dead_letter}",) if self.dead_letter else ()), *self.after)

    @property
    def _says(self) -> tuple[str, ...]:
        """The fields that it says anything of: none of a plain queue's are touched."""
        return self.shown if self.visibility is not None else ()

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        cause = self.causes.get("", "")
        if have is None:
            order = "FIFO" if self.ordered else "standard"
            yield Change(self.part, f"queue {self.name}", None, order, cause)
            yield from self.differences(self._says, None)
            return
        for each in self.differences(self._says, have):
            yield Change(self.part, f"queue {self.name} {each.what}", each.old, each.new, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"queue {self.name}", f"{self.messages} messages", None)

    def keeps(self) -> str:
        if not self.messages:
            return ""
        return f"about {self.messages} messages wait in it; take them out, or use `pelton destroy`"

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action == "delete" and self.messages:
            return f"about {self.messages} messages in it are lost"
        return ""

    def instead_of(self, have: Self) -> str:
        same = self.name.removesuffix(".fifo") == have.name.removesuffix(".fifo")
        if not same or self.ordered == have.ordered:
            return ""
        return (
            "whether a queue keeps an order belongs to it and to its name, and cannot be changed; "
            "messages do not move over"
        )

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        sqs = target.aws.client("sqs")
        try:
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except sqs.exceptions.QueueDoesNotExist:
            return None
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_ASKED)["Attributes"]
        tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        policy = json.loads(told.get("RedrivePolicy", "{}"))
        return cls(
            name=name,
            app=tags.get(APP_TAG, ""),
            visibility=int(told["VisibilityTimeout"]),
            dead_letter=policy.get("deadLetterTargetArn", "").rpartition(":")[2],
            receives=int(policy.get("maxReceiveCount", 0)),
            ordered=name.endswith(".fifo"),
            messages=int(told.get("ApproximateNumberOfMessages", 0)),
        )

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        sqs = target.aws.client("sqs")
        for page in sqs.get_paginator("list_queues").paginate():
            for url in page.get("QueueUrls", []):
                with target.aws.ignoring(*_MISSING):
                    if sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(APP_TAG) == app:
                        yield url.rpartition("/")[2]

    def create(self, target: Target) -> None:
        sqs = target.aws.client("sqs")
        more = {"FifoQueue": "true"} if self.ordered else {}
        attributes = {**self._attributes(sqs), **more}
        with target.aws.ignoring(*_TAKEN):
            sqs.create_queue(QueueName=self.name, Attributes=attributes, tags={APP_TAG: target.app})
            return
        self.update(target, self)

    def update(self, target: Target, have: Self) -> None:
        sqs = target.aws.client("sqs")
        if attributes := self._attributes(sqs):
            url = sqs.get_queue_url(QueueName=self.name)["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def _attributes(self, sqs: Any) -> dict[str, str]:
        found = {} if self.visibility is None else {"VisibilityTimeout": str(self.visibility)}
        if self.dead_letter:
            url = sqs.get_queue_url(QueueName=self.dead_letter)["QueueUrl"]
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            arn = told["Attributes"]["QueueArn"]
            policy = {"deadLetterTargetArn": arn, "maxReceiveCount": self.receives}
            found["RedrivePolicy"] = json.dumps(policy)
        return found

    def delete(self, target: Target) -> None:
        sqs = target.aws.client("sqs")
        with target.aws.ignoring(*_MISSING):
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=self.name)["QueueUrl"])
