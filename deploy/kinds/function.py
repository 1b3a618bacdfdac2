"""A Lambda function: code, configuration, tags and reserved concurrency.

What was deployed is told by its own tags: the app, the digest of the artifact's files, and the
`CodeSha256` that Lambda said when that digest went up, which tells code changed by others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource
from .code_changes import code_changes, code_sha256
from .layer import arns_of, layer_keys, layers_of

if TYPE_CHECKING:
    from ..targets.target import Target

APP_TAG = "pelton:app"
DIGEST_TAG = "pelton:digest"
CODE_TAG = "pelton:code"
OUR_TAGS = (APP_TAG, DIGEST_TAG, CODE_TAG)
# How the tags begin that tell of releases: no deploy of code or settings touches them.
_OF_RELEASES = ("pelton:release", "pelton:ledger.")
_CODE = frozenset({"architecture", "digest", "code", "dependencies", "code changed by others"})
# In IAM a new role is there before Lambda can take it.
_NOT_YET = (
    "cannot be assumed by Lambda",
    "is being modified",
    "does not have permissions to call SendMessage",
    "does not have permissions to call CreateNetworkInterface",
)
_NETWORK = ("subnets", "security_groups")
_ENTERS = (
    "Lambda makes network interfaces, which takes a minute or two where no other function has the "
    "same subnets and security groups; in a VPC it reaches the internet, and AWS's services, only "
    "through a NAT gateway (which costs by the hour) or endpoints of the VPC"
)
_ANEW = (
    "replaced, for Lambda makes no image of a zip and no zip of an image: until it is there again "
    "callers get errors; its versions and aliases go with the old one"
)
_LEAVES = "its network interfaces stay for up to 20 minutes, and until then their subnets, too"


@dataclass(frozen=True, kw_only=True)
class LambdaFunction(Resource):
    """A Lambda function.  Memory in MB, timeout in seconds.

    dead_letter: ARN of the queue that gets asynchronous events that failed for good; "" for none
    subnets, security_groups: of the VPC that it is in, by id, in order; () for none of ours
    digest:      of the artifact's files; sha256 of its zip, both hex
    bucket, path: where the zip is uploaded; "" when it goes with the request
    layers:      ours by name, others by ARN, in their order
    image:       the image that it runs, in place of a zip; live only that it is one
    code_sha256: live only: the code's, and code_tag what it was when `digest` went up, base64
    routes:      wanted only: methods and paths, which are in the code
    sources, packages, zipped, unzipped, import_ms: of the artifact; what the last deploy's state
                 remembers of them tells what has changed since
    """

    kind: ClassVar[str] = "function"
    tagged: ClassVar[bool] = True
    shown: ClassVar[tuple[str, ...]] = (
        "handler",
        "runtime",
        "memory",
        "timeout",
        "description",
        "environment",
        "role",
        "ephemeral_mb",
        "dead_letter",
        "subnets",
        "security_groups",
        "concurrency",
        "tags",
    )

    runtime: str
    handler: str
    role: str
    architecture: str = "x86_64"
    memory: int = 128
    timeout: int = 3
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    ephemeral_mb: int = 512
    dead_letter: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    concurrency: int | None = None
    digest: str = ""
    layers: tuple[str, ...] = ()
    image: str = field(default="", compare=False)
    sha256: str = field(default="", compare=False)
    bucket: str = field(default="", compare=False)
    path: str = field(default="", compare=False)
    code_sha256: str = field(default="", compare=False)
    code_tag: str = field(default="", compare=False)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    packages: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    zipped: int = field(default=0, compare=False)
    unzipped: int = field(default=0, compare=False)
    import_ms: float | None = field(default=None, compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        archive = (f"archive:{self.bucket}/{self.path}",) if self.bucket else ()
        image = (f"image:{self.image}",) if self.image else ()
        return (*archive, *image, *layer_keys(self.layers), *self.after)

    # -- deciding
    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            yield from self.differences(("runtime", "handler", "memory", "timeout"), None)
            yield from self.differences(("environment", *_NETWORK, "concurrency"), None)
            return
        yield from code_changes(self, have, last or {})
        yield from self.differences(self.shown, have)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action == "delete":
            return _LEAVES if self.subnets else ""
        if action == "replace":
            return _ANEW
        network = any(each.what in _NETWORK for each in changes)
        if network:
            return _ENTERS if self.subnets else _LEAVES
        return ""

    # -- reading
    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        client = target.aws.client("lambda")
        try:
            found = client.get_function(FunctionName=name)
        except client.exceptions.ResourceNotFoundException:
            return None
        if _in_motion(found["Configuration"]):
            target.aws.settle(name)
            found = client.get_function(FunctionName=name)
        return cls._from(name, found)

    @classmethod
    def _from(cls, name: str, found: Mapping[str, Any]) -> Self:
        has, tags = found["Configuration"], found.get("Tags", {})
        return cls(
            name=name,
            function=name,
            app=tags.get(APP_TAG, ""),
            runtime=has.get("Runtime", ""),
            handler=has.get("Handler", ""),
            role=has["Role"],
            architecture=has.get("Architectures", ["x86_64"])[0],
            memory=has["MemorySize"],
            timeout=has["Timeout"],
            description=has.get("Description", ""),
            environment=has.get("Environment", {}).get("Variables", {}),
            tags={key: tags[key] for key in tags if _is_users(key)},
            ephemeral_mb=has.get("EphemeralStorage", {}).get("Size", 512),
            dead_letter=has.get("DeadLetterConfig", {}).get("TargetArn", ""),
            subnets=_in_order(has, "SubnetIds"),
            security_groups=_in_order(has, "SecurityGroupIds"),
            concurrency=found.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
            digest=tags.get(DIGEST_TAG, ""),
            layers=layers_of(has),
            image="an image" if has.get("PackageType") == "Image" else "",
            code_sha256=has["CodeSha256"],
            code_tag=tags.get(CODE_TAG, ""),
        )

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        client = target.aws.client("lambda")
        for page in client.get_paginator("list_functions").paginate():
            for each in page["Functions"]:
                with target.aws.ignoring("ResourceNotFoundException"):
                    tags = client.list_tags(Resource=each["FunctionArn"]).get("Tags", {})
                    if tags.get(APP_TAG) == app:
                        yield each["FunctionName"]

    # -- doing
    def create(self, target: Target) -> None:
        client = target.aws.client("lambda")

        def make() -> None:
            client.create_function(
                **self._configuration(target),
                PackageType="Image" if self.image else "Zip",
                Code=self._code(target),
                Architectures=[self.architecture],
                Tags=self._all_tags(target.app),
            )

        try:
            target.aws.patiently(make, _not_yet)
        except client.exceptions.ResourceConflictException:
            have = self.read(target, self.name)
            if have is None or have.app not in ("", target.app):
                raise
            self.update(target, have)
            return
        target.aws.settle(self.name)
        if self.image:  # only Lambda can tell its CodeSha256
            self._tag_image(client)
        if self.concurrency is not None:
            self._set_concurrency(client)

    def update(self, target: Target, have: Self) -> None:
        client = target.aws.client("lambda")
        changed = {each.what.partition(".")[0] for each in self.changes(have)}
        anew = bool(changed & _CODE)
        if anew:
            client.update_function_code(
                FunctionName=self.name, Architectures=[self.architecture], **self._code(target)
            )
            target.aws.settle(self.name)
        if changed & {*self.shown, "layers"} - {"concurrency", "tags"}:
            call = client.update_function_configuration
            target.aws.patiently(lambda: call(**self._configuration(target, have)), _not_yet)
            target.aws.settle(self.name)
        self._set_tags(target, have, anew=anew)
        if anew and self.image:
            self._tag_image(client)
        if "concurrency" in changed:
            self._set_concurrency(client)

    def _set_tags(self, target: Target, have: Self, *, anew: bool) -> None:
        """After the code: what a tag says of it is true, whenever it is read."""
        client = target.aws.client("lambda")
        old = {**have.tags, APP_TAG: have.app, DIGEST_TAG: have.digest, CODE_TAG: have.code_tag}
        new = self._all_tags(target.app)
        if not anew:
            new = {**new, CODE_TAG: have.code_tag}
        arn = client.get_function_configuration(FunctionName=self.name)["FunctionArn"]
        if gone := sorted(have.tags.keys() - new.keys()):
            client.untag_resource(Resource=arn, TagKeys=gone)
        if set_anew := {key: value for key, value in new.items() if old.get(key) != value}:
            client.tag_resource(Resource=arn, Tags=set_anew)

    def _set_concurrency(self, client: Any) -> None:
        if self.concurrency is None:
            client.delete_function_concurrency(FunctionName=self.name)
        else:
            client.put_function_concurrency(
                FunctionName=self.name, ReservedConcurrentExecutions=self.concurrency
            )

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("lambda").delete_function(FunctionName=self.name)

    # -- as Lambda takes it
    def _configuration(self, target: Target, have: Self | None = None) -> dict[str, Any]:
        groups = list(self.security_groups)
        network = {"SubnetIds": list(self.subnets), "SecurityGroupIds": groups}
        layers = arns_of(target, self.layers)
        of_zip = {"Runtime": self.runtime, "Handler": self.handler, "Layers": layers}
        return {
            "FunctionName": self.name,
            **({} if self.image else of_zip),
            "Role": self.role,
            "MemorySize": self.memory,
            "Timeout": self.timeout,
            "Description": self.description,
            "EphemeralStorage": {"Size": self.ephemeral_mb},
            "DeadLetterConfig": {"TargetArn": self.dead_letter},
            **({"VpcConfig": network} if self.subnets or (have and have.subnets) else {}),
            "Environment": {"Variables": dict(self.environment)},
        }

    def _code(self, target: Target) -> dict[str, Any]:
        if self.image:
            return {"ImageUri": self.image}
        if self.bucket:
            return {"S3Bucket": self.bucket, "S3Key": self.path}
        return {"ZipFile": target.archives[self.sha256].read_bytes()}

    def _all_tags(self, app: str) -> dict[str, str]:
        ours = {APP_TAG: app, DIGEST_TAG: self.digest}
        if not self.image:
            ours[CODE_TAG] = code_sha256(self.sha256)
        return {**self.tags, **ours}

    def _tag_image(self, client: Any) -> None:
        has = client.get_function_configuration(FunctionName=self.name)
        client.tag_resource(Resource=has["FunctionArn"], Tags={CODE_TAG: has["CodeSha256"]})


def _is_users(tag: str) -> bool:
    return tag not in OUR_TAGS and not tag.startswith(("aws:", *_OF_RELEASES))


def _in_order(configuration: Mapping[str, Any], member: str) -> tuple[str, ...]:
    return tuple(sorted((configuration.get("VpcConfig") or {}).get(member) or ()))


def _in_motion(configuration: Mapping[str, Any]) -> bool:
    updating = configuration.get("LastUpdateStatus") == "InProgress"
    return updating or configuration.get("State") == "Pending"


def _not_yet(error: Any) -> bool:
    return any(each in str(error) for each in _NOT_YET)


def bare(function: LambdaFunction) -> LambdaFunction:
    """The function without what only its artifact can tell: as `read` would say it."""
    return replace(function, sources={}, packages={}, zipped=0, unzipped=0, import_ms=None)
