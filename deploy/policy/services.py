"""AWS's services as botocore's and boto3's own models tell them: methods, operations, resources.

Reads the models' files and makes no client.  Source: the data that both libraries ship.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..errors import CannotPlan
from .values import Collection, Identifiers, Part, Text, text

# Where a service's actions begin with another word than the one its calls are signed for.
# Source: Service Authorization Reference, "service prefix" of each page.
_PREFIXES = {
    "cloudwatch": "cloudwatch",
    "iot-data": "iot",
    "iot-jobs-data": "iotjobsdata",
    "resourcegroupstaggingapi": "tag",
    "mturk": "mechanicalturk",
    "s3control": "s3",
}
# Methods that boto3 adds to a model's, and what they call in the end.
_TRANSFERS = {
    "upload_file": ("PutObject", "AbortMultipartUpload"),
    "upload_fileobj": ("PutObject", "AbortMultipartUpload"),
    "download_file": ("GetObject",),
    "download_fileobj": ("GetObject",),
    "copy": ("CopyObject", "AbortMultipartUpload"),
}
_TRANSFER_MEMBERS = {
    "upload_file": ("Filename", "Bucket", "Key"),
    "upload_fileobj": ("Fileobj", "Bucket", "Key"),
    "download_file": ("Bucket", "Key", "Filename"),
    "download_fileobj": ("Bucket", "Key", "Fileobj"),
    "copy": ("CopySource", "Bucket", "Key"),
}
Request = tuple[str, Identifiers]  # an operation, and what is known of its members


@cache
def _loader() -> Any:
    try:
        import boto3
        from botocore.loaders import Loader
    except ImportError:
        raise CannotPlan(
            "boto3 is not installed, whose models say what a call needs: pip install 'pelton[aws]'"
        ) from None
    return Loader(
        extra_search_paths=[str(Path(boto3.__file__).parent / "data"), Loader.BUILTIN_DATA_PATH]
    )


@cache
def service(name: str) -> Service | None:
    """The service by the name that `boto3.client` takes; None for a name that it does not know."""
    from botocore.exceptions import UnknownServiceError

    try:
        return Service(name, _loader().load_service_model(name, "service-2"))
    except (UnknownServiceError, ValueError):
        return None


class Service:
    """One service.

    >>> sqs = service("sqs")
    >>> sqs.prefix, sqs.operation("send_message_batch")
    ('sqs', 'SendMessageBatch')
    """

    def __init__(self, name: str, model: Mapping[str, Any]) -> None:
        self.name, self._model = name, model

    @property
    def prefix(self) -> str:
        """How its actions begin."""
        told = self._model["metadata"]
        return str(_PREFIXES.get(self.name) or told.get("signingName") or told["endpointPrefix"])

    @cached_property
    def _operations(self) -> dict[str, str]:
        from botocore import xform_name

        return {xform_name(each): each for each in self._model["operations"]}

    def has(self, operation: str) -> bool:
        """Whether it has an operation of that name."""
        return operation in self._model["operations"]

    def operation(self, method: str) -> str | None:
        """The operation that a client's method calls."""
        return self._operations.get(method)

    def calls(self, method: str) -> tuple[str, ...]:
        """The operations that a client's method calls, those that boto3 added, too."""
        if self.name == "s3" and method in _TRANSFERS:
            return _TRANSFERS[method]
        found = self.operation(method)
        return (found,) if found else ()

    def positions(self, method: str) -> tuple[str, ...]:
        """What a client's method calls its positional arguments (only boto3's own have any)."""
        return _TRANSFER_MEMBERS.get(method, ()) if self.name == "s3" else ()

    def http(self, operation: str) -> str:
        """The HTTP method of an operation."""
        return str(self._model["operations"][operation].get("http", {}).get("method", "POST"))

    def route(self, method: str, path: str, given: Mapping[str, str]) -> Request | None:
        """The operation that a request of a REST protocol addresses, and what its path says.

        given: the query's parameters, and `CopySource` where its header was there
        """
        best: tuple[int, str, Identifiers] | None = None
        segments = [unquote(each) for each in path.strip("/").split("/")]
        for name, told in self._model["operations"].items():
            http = told.get("http", {})
            if http.get("method") != method:
                continue
            where, _, query = str(http["requestUri"]).partition("?")
            found = _matched(where.strip("/").split("/"), segments)
            score = self._fits(told, dict(parse_qsl(query, keep_blank_values=True)), given)
            if found is None or score is None:
                continue
            score += sum(not each.startswith("{") for each in where.strip("/").split("/"))
            if best is None or score > best[0]:
                best = (score, name, found)
        return (best[1], best[2]) if best else None

    def _fits(
        self, told: Mapping[str, Any], literals: Mapping[str, str], given: Mapping[str, str]
    ) -> int | None:
        """How much of what an operation must be given is there; None where something is not."""
        if any(given.get(name) != value for name, value in literals.items() if name != "x-id"):
            return None
        shape = self._model["shapes"].get(told.get("input", {}).get("shape", ""), {})
        required = set(shape.get("required", ()))
        must = [
            member.get("locationName", name)
            for name, member in shape.get("members", {}).items()
            if name in required and member.get("location") == "querystring"
        ]
        if "CopySource" in required:
            must.append("CopySource")
        if any(each not in given for each in must):
            return None
        return 10 * (len(must) + len(literals))

    def waiter(self, name: str) -> str | None:
        """The operation that a waiter asks."""
        from botocore import xform_name
        from botocore.exceptions import UnknownServiceError

        try:
            told = _loader().load_service_model(self.name, "waiters-2")["waiters"]
        except (UnknownServiceError, ValueError):
            return None
        found = {xform_name(each): told[each]["operation"] for each in told}
        return found.get(name)

    @cached_property
    def _resources(self) -> Mapping[str, Any]:
        from botocore.exceptions import UnknownServiceError

        try:
            found: Mapping[str, Any] = _loader().load_service_model(self.name, "resources-1")
        except (UnknownServiceError, ValueError):
            return {"service": {}, "resources": {}}
        return found

    def _shape(self, part: Part) -> Mapping[str, Any]:
        if not part.shape:
            return dict(self._resources["service"])
        return dict(self._resources["resources"].get(part.shape, {}))

    def collection(self, part: Part, name: str) -> Collection | None:
        """The collection that an attribute of a part is."""
        return Collection(part, name) if self._named(part, "hasMany", name) else None

    def part(self, part: Part, name: str, given: list[Text | None]) -> Part | None:
        """The part that `name` of another makes, or is: `resource.Table("t")`, `object.bucket`."""
        every = self._resources["resources"]
        if not part.shape and name in every:  # a service's own resource makes each of its parts
            names = [each["name"] for each in every[name].get("identifiers", ())]
            values = [*given, *(None for _ in names)]
            pairs = zip(names, values, strict=False)
            return Part(self.name, name, tuple((key, value or text("*")) for key, value in pairs))
        found = self._shape(part).get("has", {}).get(name) or self._named(part, "has", name)
        if not found:
            return None
        told, left = found["resource"], list(given)
        identifiers = []
        for each in told.get("identifiers", ()):
            value: Text | None = None
            if each["source"] == "input":
                value = left.pop(0) if left else None
            elif each["source"] == "identifier":
                value = dict(part.identifiers).get(each["name"])
            identifiers.append((each["target"], value or text("*")))
        return Part(self.name, told["type"], tuple(identifiers))

    def requests(self, owner: Part | Collection, name: str) -> tuple[Request, ...]:
        """What a method of a part, or of a collection of parts, calls."""
        if isinstance(owner, Collection):
            told = self._named(owner.of, "hasMany", owner.name)
            asked = [_request(told, owner.of.identifiers)] if told else []
            made = self.made(owner, "", ())
            if made and (batch := self._named(made, "batchActions", name)):
                asked.append(_request(batch, made.identifiers))
            return tuple(asked)
        if self.name == "s3" and (transfers := _TRANSFERS.get(name)):
            bucket = dict(owner.identifiers)
            known = (("Bucket", "BucketName"), ("Bucket", "Name"), ("Key", "Key"))
            found = tuple((to, bucket[name]) for to, name in known if name in bucket)
            return tuple((each, found) for each in transfers)
        if name == "batch_writer":
            return (("BatchWriteItem", (("TableName", dict(owner.identifiers)["Name"]),)),)
        if name in ("load", "reload") and (load := self._shape(owner).get("load")):
            return (_request(load, owner.identifiers),)
        if waiter := self._waiter_of(owner, name):
            return (waiter,)
        told = self._named(owner, "actions", name)
        return (_request(told, owner.identifiers),) if told else ()

    def _waiter_of(self, part: Part, name: str) -> Request | None:
        if not name.startswith("wait_until_"):
            return None
        told = self._named(part, "waiters", name.removeprefix("wait_until_"))
        if not told:
            return None
        from botocore import xform_name

        asked = self.waiter(xform_name(told["waiterName"]))
        named = {"request": {"operation": asked, "params": told.get("params", ())}}
        return _request(named, part.identifiers) if asked else None

    def made(self, owner: Part | Collection, name: str, given: Identifiers) -> Part | None:
        """The part that an action gives, or the parts that a collection is of."""
        if isinstance(owner, Collection):
            told, of = self._named(owner.of, "hasMany", owner.name), owner.of
        else:
            told, of = self._named(owner, "actions", name), owner
        resource = (told or {}).get("resource")
        if not resource:
            return None
        mine, asked = dict(of.identifiers), dict(given)
        found = []
        for each in resource.get("identifiers", ()):
            value: Text | None = None
            if each["source"] == "identifier":
                value = mine.get(each["name"])
            elif each["source"] == "requestParameter":
                value = asked.get(each["path"])
            elif self.name == "sqs" and each["target"] == "Url":
                value = asked.get("QueueName")
            found.append((each["target"], value or text("*")))
        return Part(self.name, resource["type"], tuple(found))

    def _named(self, part: Part, kind: str, name: str) -> Mapping[str, Any] | None:
        """What a shape has under a kind by a name in Python's style."""
        from botocore import xform_name

        for key, value in self._shape(part).get(kind, {}).items():
            if xform_name(key) == name:
                found: Mapping[str, Any] = value
                return found
        return None


def _matched(template: list[str], segments: list[str]) -> Identifiers | None:
    """What a path's parameters are; None where it is another path.

    >>> _matched(["{Bucket}", "{Key+}"], ["b", "a", "c"])
    (('Bucket', Text(parts=('b',))), ('Key', Text(parts=('a/c',))))
    """
    greedy = bool(template) and template[-1].endswith("+}")
    if greedy and len(segments) >= len(template):
        last = len(template) - 1
        segments = [*segments[:last], "/".join(segments[last:])]
    if len(template) != len(segments):
        return None
    found = []
    for mine, theirs in zip(template, segments, strict=True):
        if mine.startswith("{"):
            if not theirs:
                return None
            found.append((mine.strip("{}+"), text(theirs)))
        elif mine != theirs:
            return None
    return tuple(found)


def _request(told: Mapping[str, Any], identifiers: Identifiers) -> Request:
    mine = dict(identifiers)
    known = [
        (each["target"], mine[each["name"]])
        for each in told["request"].get("params", ())
        if each["source"] == "identifier" and each.get("name") in mine
    ]
    return told["request"]["operation"], tuple(known)
