"""Every kind of resource that a deploy reads, makes and deletes, by its name.  See `base`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .api_route import ApiRoute
from .archive import Archive
from .base import PARTS, Change, Resource, dump
from .broker_mapping import BrokerMapping
from .bucket import Bucket
from .bucket_notification import BucketNotification
from .event_config import EventConfig
from .event_rule import EventRule
from .function import LambdaFunction
from .http_api import HttpApi
from .image import Image
from .jetstream import JetStream
from .kafka_topic import KafkaTopic
from .layer import Layer
from .log_group import LogGroup
from .nuclio_function import NuclioFunction
from .nuclio_gateway import NuclioGateway
from .nuclio_project import NuclioProject
from .nuclio_release import NuclioRelease
from .permission import Permission
from .provisioned import Provisioned
from .queue import Queue
from .queue_mapping import QueueMapping
from .release import Release
from .role import Role
from .rule import Rule
from .schedule import Schedule
from .stream import Stream
from .stream_mapping import StreamMapping
from .subscription import Subscription
from .table_mapping import TableMapping
from .url import Url
from .websocket_api import WebSocketApi
from .websocket_route import WebSocketRoute

KINDS: Mapping[str, type[Resource]] = {
    each.kind: each
    for each in (
        Bucket,
        Archive,
        Queue,
        Stream,
        JetStream,
        KafkaTopic,
        Layer,
        Image,
        Role,
        LogGroup,
        LambdaFunction,
        Release,
        Provisioned,
        QueueMapping,
        StreamMapping,
        TableMapping,
        BrokerMapping,
        Url,
        Rule,
        Permission,
        EventConfig,
        HttpApi,
        ApiRoute,
        WebSocketApi,
        WebSocketRoute,
        BucketNotification,
        Subscription,
        EventRule,
        Schedule,
        NuclioProject,
        NuclioFunction,
        NuclioRelease,
        NuclioGateway,
    )
}


def load(document: Mapping[str, Any]) -> Resource:
    """A resource from what `dump` made of it.

    >>> load(dump(Queue(name="orders", visibility=30))) == Queue(name="orders", visibility=30)
    True
    """
    values = {name: _tuple(value) for name, value in document.items() if name != "kind"}
    return KINDS[document["kind"]](**values)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


__all__ = ["KINDS", "PARTS", "Change", "Resource", "dump", "load"]
