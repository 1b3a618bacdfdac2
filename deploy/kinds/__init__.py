"""Every kind of resource that a deploy reads, makes and deletes, by its name.  See `base`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .archive import Archive
from .base import PARTS, Change, Resource, dump
from .bucket import Bucket
from .function import LambdaFunction
from .image import Image
from .layer import Layer
from .nuclio_function import NuclioFunction
from .nuclio_gateway import NuclioGateway
from .nuclio_project import NuclioProject
from .nuclio_release import NuclioRelease
from .permission import Permission
from .queue import Queue
from .queue_mapping import QueueMapping
from .release import Release
from .rule import Rule
from .stream import Stream
from .stream_mapping import StreamMapping
from .url import Url

KINDS: Mapping[str, type[Resource]] = {
    each.kind: each
    for each in (
        Bucket,
        Archive,
        Queue,
        Stream,
        Layer,
        Image,
        LambdaFunction,
        Release,
        QueueMapping,
        StreamMapping,
        Url,
        Rule,
        Permission,
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
