"""A function's states as data: what its code and configuration are, and where they stand.

The table of states (Pending > Active, InProgress > Successful) is here; who moves them on,
and when, is elsewhere.  Everything turns into plain documents and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from .function_code import Code
from .names import LATEST

# What a state is told with: State or LastUpdateStatus, its reason, its reason code.
_CREATING = "The function is being created."
# As public reports of CloudFormation and Terraform quote them for versions with SnapStart.
_FAILED = {
    "StateReason": "An error occurred during function initialization.",
    "StateReasonCode": "FunctionError",
    "LastUpdateStatusReason": "An error occurred during function initialization.",
    "LastUpdateStatusReasonCode": "FunctionError",
}


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a function's code and configuration: "$LATEST", or a number and frozen.

    settings: as the API names them (Runtime, Handler, MemorySize, ...), absent when not set
    build:    changes whenever code or settings do; sandboxes belong to a build
    state:    "Pending", "Active" or "Failed";  update: "", "InProgress", "Successful" or "Failed"
    described_as: what described $LATEST when this version was published
    """

    version: str
    settings: Mapping[str, Any]
    code: Code
    last_modified: str
    description: str = ""
    build: str = ""
    revision_id: str = field(default_factory=lambda: str(uuid4()))
    state: str = "Active"
    update: str = "Successful"
    described_as: str | None = None

    @property
    def in_progress(self) -> bool:
        return self.state == "Pending" or self.update == "InProgress"

    @property
    def has_snapshot(self) -> bool:
        """SnapStart: of published versions only."""
        apply_on = self.settings["SnapStart"]["ApplyOn"]
        return self.version != LATEST and apply_on == "PublishedVersions"

    @property
    def layers(self) -> tuple[str, ...]:
        """The contents of its layers, in the order in which they are laid on one another."""
        return tuple(each["Sha256"] for each in self.settings.get("Layers", ()))

    def settled(self) -> Version:
        """The state after Pending or InProgress: Active, Successful, under a new RevisionId."""
        return replace(self, state="Active", update="Successful", revision_id=str(uuid4()))

    def failed(self) -> Version:
        """The state of a version whose init fails while its snapshot is to be taken."""
        return replace(self, state="Failed", update="Failed", revision_id=str(uuid4()))

    def changed(self, now: float, **changes: Any) -> Version:
        """The state while an update is under way."""
        return replace(
            self,
            **changes,
            last_modified=stamp(now),
            update="InProgress",
            build=uuid4().hex,
            revision_id=str(uuid4()),
        )

    def same_as(self, latest: Version) -> bool:
        """Whether publishing `latest` would make this version again."""
        described = self.described_as in (None, latest.description)
        same_code = self.code.sha256 == latest.code.sha256
        return described and same_code and self.settings == latest.settings

    def published(self, number: int, build: str, description: str, pending: bool) -> Version:
        """The version `number` that $LATEST becomes, with a RevisionId of its own."""
        return replace(
            self,
            version=str(number),
            build=build,
            description=description,
            described_as=self.description,
            revision_id=str(uuid4()),
            state="Pending" if pending else "Active",
            update="" if pending else "Successful",
        )

    def revised(self) -> Version:
        """The same under a new RevisionId: something that hangs on it has changed."""
        return replace(self, revision_id=str(uuid4()))

    def told(self) -> dict[str, Any]:
        """State and last update as the API tells them."""
        if self.state == "Pending":
            return {"State": "Pending", "StateReason": _CREATING, "StateReasonCode": "Creating"}
        told = {"State": self.state, "LastUpdateStatus": self.update}
        if self.state == "Failed":
            told |= _FAILED
        if self.update == "InProgress":
            told |= {
                "LastUpdateStatusReason": _CREATING,
                "LastUpdateStatusReasonCode": "Creating",
            }
        return told

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "code": Code.read(document["code"])})


@dataclass(slots=True)
class Alias:
    """A name for a version, or for two with a share of the calls each."""

    name: str
    version: str
    description: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    revision_id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(slots=True)
class Policy:
    """The statements of one resource policy, by statement id, in the order they came.

    The RevisionId is that of a layer's policy; a function's policy has the one of the function,
    version or alias that it belongs to.
    """

    statements: dict[str, dict[str, Any]] = field(default_factory=dict)
    revision_id: str = field(default_factory=lambda: str(uuid4()))
    head: dict[str, Any] = field(default_factory=lambda: {"Version": "2012-10-17", "Id": "default"})

    def document(self) -> dict[str, Any]:
        """The policy as its readers see it."""
        return {**self.head, "Statement": list(self.statements.values())}


@dataclass(slots=True)
class Url:
    """A function URL's settings; `id` is the first label of its host name."""

    id: str
    qualifier: str  # "" or an alias
    auth_type: str
    created: str
    modified: str
    cors: dict[str, Any] | None = None
    invoke_mode: str = "BUFFERED"


@dataclass(slots=True)
class EventConfig:
    """What becomes of asynchronous events; None or "" for what was not set."""

    modified: float
    retries: int | None = None
    age_s: int | None = None
    on_success: str = ""
    on_failure: str = ""


@dataclass(slots=True)
class Function:
    """A function with everything that hangs on its name."""

    name: str
    latest: Version
    versions: dict[str, Version] = field(default_factory=dict)  # kept apart: they never change
    aliases: dict[str, Alias] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)  # by qualifier, "" for none
    urls: dict[str, Url] = field(default_factory=dict)  # by qualifier, "" for none
    event_configs: dict[str, EventConfig] = field(default_factory=dict)  # by qualifier, $LATEST too
    tags: dict[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    recursive_loop: str = "Terminate"
    code_signing: str | None = None  # the ARN of a configuration
    # By version or alias: what is asked for and when; how far it is, the execution side knows.
    provisioned: dict[str, dict[str, Any]] = field(default_factory=dict)
    runtime_updates: dict[str, dict[str, str]] = field(default_factory=dict)  # by version
    published: int = 0  # the highest version number ever given

    def document(self) -> dict[str, Any]:
        """Everything but the published versions, as data."""
        rest = {name: getattr(self, name) for name in _PLAIN}
        tables = {
            name: {key: asdict(each) for key, each in getattr(self, name).items()}
            for name in _TABLES
        }
        return {**rest, **tables, "latest": asdict(self.latest)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Raises TypeError or KeyError for a document of another make."""
        tables = {
            name: {key: kind(**each) for key, each in document.get(name, {}).items()}
            for name, kind in _TABLES.items()
        }
        # What came to be after a document was written is what it is by default.
        rest = {name: document[name] for name in _PLAIN if name in document}
        members: dict[str, Any] = {**rest, **tables}
        return cls(latest=Version.read(document["latest"]), **members)

    def version(self, number: str) -> Version | None:
        return self.latest if number in ("", LATEST) else self.versions.get(number)

    def revision_id(self, qualifier: str = "") -> str:
        """The RevisionId of what `qualifier` names, which must be there."""
        alias = self.aliases.get(qualifier)
        if alias is not None:
            return alias.revision_id
        found = self.version(qualifier)
        assert found is not None, qualifier
        return found.revision_id

    @property
    def unsettled(self) -> list[Version]:
        """The published versions that are not Active yet."""
        return [each for each in self.versions.values() if each.in_progress]


_PLAIN = (
    "name", "tags", "reserved_concurrency", "recursive_loop", "code_signing", "runtime_updates",
    "provisioned", "published",
)  # fmt: skip
_TABLES: Mapping[str, type[Any]] = {
    "aliases": Alias,
    "policies": Policy,
    "urls": Url,
    "event_configs": EventConfig,
}


def stamp(seconds: float) -> str:
    """A time as LastModified writes it.

    >>> stamp(0.5)
    '1970-01-01T00:00:00.500+0000'
    """
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+0000"
