"""Where a deploy goes, as facts: region, account, the ARNs that follow from them.  Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue that is there.  `visibility` in seconds."""

    arn: str
    visibility: int = 30


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deploy goes: the account's facts, the app's queues, and the streams of its tables."""

    region: str
    account: str
    partition: str = "aws"
    role: str = ""  # for functions that name none
    queues: Mapping[str, Queue] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)  # names, with the ARNs of their streams
    reached: str = ""  # what boto3 is told to reach it, as Python writes it; "" where it knows

    def client(self, service: str) -> str:
        """A client of a service, as Python makes it: for errors that say what to do.

        >>> place = Place("eu-west-1", "111111111111", reached="region_name='eu-west-1'")
        >>> print(place.client("s3"))
        boto3.client('s3', region_name='eu-west-1')
        """
        return f"boto3.client({', '.join(filter(None, (repr(service), self.reached)))})"

    @property
    def bucket(self) -> str:
        """The bucket archives go through."""
        return f"pelton-artifacts-{self.account}-{self.region}"

    def rule_arn(self, rule: str) -> str:
        """An EventBridge rule's ARN."""
        return f"arn:{self.partition}:events:{self.region}:{self.account}:rule/{rule}"

    def role_arn(self, role: str) -> str:
        """A role's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{role}"

    def queue_arn(self, queue: str) -> str:
        """A queue's ARN."""
        return f"arn:{self.partition}:sqs:{self.region}:{self.account}:{queue}"

    def stream_arn(self, stream: str) -> str:
        """A Kinesis stream's ARN."""
        return f"arn:{self.partition}:kinesis:{self.region}:{self.account}:stream/{stream}"

    def function_arn(self, function: str) -> str:
        """A Lambda function's ARN."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{function}"
