"""What a format is given, and what it gives; and the names that templates have for resources."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import CannotPlan
from ..kinds.api_route import ApiRoute
from ..kinds.base import Resource
from ..kinds.broker_mapping import BrokerMapping
from ..kinds.bucket_notification import BucketNotification
from ..kinds.event_config import EventConfig
from ..kinds.event_rule import EventRule
from ..kinds.function import LambdaFunction
from ..kinds.http_api import HttpApi
from ..kinds.log_group import LogGroup
from ..kinds.permission import Permission
from ..kinds.provisioned import Provisioned
from ..kinds.queue import Queue
from ..kinds.queue_mapping import QueueMapping
from ..kinds.release import Release
from ..kinds.role import Role
from ..kinds.rule import Rule
from ..kinds.schedule import Schedule
from ..kinds.stream import Stream
from ..kinds.stream_mapping import StreamMapping
from ..kinds.subscription import Subscription
from ..kinds.table_mapping import TableMapping
from ..kinds.url import Url
from ..kinds.websocket_api import WebSocketApi
from ..kinds.websocket_route import WebSocketRoute

ROLE = "pelton:role"  # in the place of a role's ARN: the template makes one
# Made by whoever applies a template: the archives lie beside it.
_BESIDE = ("bucket", "archive")
Kind = TypeVar("Kind", bound=Resource)


@dataclass(frozen=True, slots=True)
class Asked:
    """An app as its resources.

    archives: a function's zip, by function, as a path from the template's folder
    policies: the least policy of each function, as IAM reads it
    address:  where archives will be fetched from; "" beside the template
    """

    app: str
    resources: tuple[Resource, ...]
    archives: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    address: str = ""

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """Its resources of one kind."""
        return tuple(each for each in self.resources if isinstance(each, kind))

    def apis(self) -> tuple[HttpApi, ...]:
        """Its HTTP API, and none of another kind."""
        return tuple(each for each in self.of(HttpApi) if each.kind == HttpApi.kind)

    def roles(self) -> tuple[LambdaFunction, ...]:
        """The functions for which the template makes a role."""
        return tuple(each for each in self.of(LambdaFunction) if each.role == ROLE)


@dataclass(frozen=True, slots=True)
class Exported:
    """Files by their name, what to do with them, and what to know."""

    files: Mapping[str, str]
    next: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def left_out(resources: Iterable[Resource], known: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each resource that a format has no words for."""
    kinds = {*known, *_BESIDE}
    return tuple(
        f"left out: {each.words} of function {each.function}: this format has no {each.kind}; "
        "`pelton deploy` makes it"
        for each in resources
        if each.kind not in kinds
    )


def said_by(words: Any) -> dict[type[Resource], Any]:
    """By kind of resource, the method of a format's words that says it."""
    return {
        Queue: words.queue,
        Stream: words.stream,
        LambdaFunction: words.function,
        Url: words.url,
        QueueMapping: words.mapping,
        StreamMapping: words.mapping,
        TableMapping: words.mapping,
        BrokerMapping: words.mapping,
        Rule: words.rule,
        Permission: words.permission,
        Role: words.caller,
        LogGroup: words.log_group,
        Release: words.release,
        Provisioned: words.provisioned,
        EventConfig: words.event_config,
        HttpApi: words.http_api,
        ApiRoute: words.api_route,
        WebSocketApi: words.websocket_api,
        WebSocketRoute: words.websocket_route,
        BucketNotification: words.bucket_notification,
        Subscription: words.subscription,
        EventRule: words.event_rule,
        Schedule: words.schedule,
    }


class Names:
    """A name for each resource: unique in one template, or among those of its kind."""

    def __init__(self, form: Callable[[str, str], str], *, by_kind: bool = False) -> None:
        self._form, self._by_kind = form, by_kind
        self._found: dict[str, str] = {}

    def has(self, kind: str, name: str) -> bool:
        """Whether a resource has got its name already."""
        return f"{kind}:{name}" in self._found

    def of(self, kind: str, name: str) -> str:
        """
        >>> names = Names(camel)
        >>> names.of("queue", "a-b"), names.of("queue", "a_b"), names.of("queue", "a-b")
        ('ABQueue', 'ABQueue2', 'ABQueue')
        """
        key = f"{kind}:{name}"
        if key not in self._found:
            beside = f"{kind}:" if self._by_kind else ""
            made = self._form(kind, name)
            taken = {each for known, each in self._found.items() if known.startswith(beside)}
            numbers = (f"{made}{number or ''}" for number in (0, *range(2, 100_000)))
            self._found[key] = next(each for each in numbers if each not in taken)
        return self._found[key]


def camel(kind: str, name: str) -> str:
    """Letters and digits alone, as CloudFormation wants them.

    >>> camel("queue_mapping", "score/orders.fifo")
    'ScoreOrdersFifoQueueMapping'
    """
    words = re.findall(r"[A-Za-z0-9]+", f"{name} {kind}")
    return "".join(each[:1].upper() + each[1:] for each in words)


def snake(kind: str, name: str) -> str:
    """Letters, digits and '_', as Terraform wants them.

    >>> snake("rule", "score.cron0")
    'score_cron0'
    """
    made = re.sub(r"[^A-Za-z0-9_]+", "_", name)
    return made if made[:1].isalpha() else f"r_{made}"


def yaml_text(document: Any) -> str:
    """A document as YAML, in its own order; raises `CannotPlan` where PyYAML is not installed."""
    try:
        import yaml
    except ImportError:
        raise CannotPlan("YAML needs PyYAML: pip install 'pelton[yaml]'") from None
    plain = json.loads(json.dumps(document))  # a reference to a secret is a text of its own kind
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def told_name(resource: Resource) -> str:
    """What tells a resource from others of its kind: of a mapping, its function and its source."""
    if isinstance(resource, QueueMapping | StreamMapping):
        return source_name(resource.function, resource.arn)
    if isinstance(resource, BrokerMapping):
        return f"{resource.function}/{resource.queue}"
    return resource.name


def source_name(function: str, arn: str) -> str:
    """

    >>> source_name("score", "arn:${AWS::Partition}:kinesis:r:0:stream/clicks")
    'score/clicks'
    """
    return f"{function}/{arn.rpartition(':')[2].rpartition('/')[2]}"
