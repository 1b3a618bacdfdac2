"""A Nuclio function, deployed from an uploaded archive, its source code or an image.

What was asked for is kept in the function's annotations: a dashboard fills in defaults of its own,
and an asked-for value could not be told from those.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..targets.nuclio import FAILED, ON_ITS_WAY
from .base import Change, Reference, Resource, changed_sources, salted, unequal

if TYPE_CHECKING:
    from ..targets.target import Target

PROJECT_LABEL = "nuclio.io/project-name"
APP_LABEL = "pelton/app"
DIGEST_ANNOTATION = "pelton/digest"
SPEC_ANNOTATION = "pelton/spec"  # the spec as last asked for
LINK_SECONDS = 24 * 3600
_IMPORTED = "imported"  # kept as it was exported, and never deployed
_NAMES = ("imagePullSecrets",)  # they name a Secret, and hold none
_TO_THE_END = {"x-nuclio-wait-function-action": "true"}


@dataclass(frozen=True, kw_only=True)
class NuclioFunction(Resource):
    """A Nuclio function: its config's spec without the archive's address or the source code.

    digest: of the artifact's files, hex; the archive is `path` of `bucket`, where there is one
    source: base64, where the code is in the configuration
    state:  live only
    routes: wanted only: methods and paths, which are in the code
    sources, zipped: of the artifact; what the last deploy's state remembers of them tells what has
            changed since
    """

    kind: ClassVar[str] = "nuclio_function"
    platform: ClassVar[str] = "nuclio"
    tagged: ClassVar[bool] = True

    project: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = field(default="nuclio", compare=False)
    source: str = field(default="", compare=False, repr=False)
    bucket: str = field(default="", compare=False)
    path: str = field(default="", compare=False)
    state: str = field(default="", compare=False)
    routes: tuple[str, ...] = field(default=(), compare=False)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    zipped: int = field(default=0, compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        code = (f"archive:{self.bucket}/{self.path}",) if self.bucket else ()
        if image := self.spec.get("image"):
            code = (f"image:{image}",)
        return (f"nuclio_project:{self.project}", *code, *self.after)

    def pulls(self, changes: tuple[Change, ...]) -> bool:
        return True  # Nuclio builds code and configuration together

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        cause = self.causes.get("", "")
        if have is None:
            yield Change(self.part, "runtime", None, self.spec.get("runtime"), cause)
            if self.routes:
                yield Change("triggers", "http", None, ", ".join(self.routes), cause)
            return
        if have.state in (*FAILED, *ON_ITS_WAY, _IMPORTED):
            yield Change(self.part, "state", have.state, "ready")
        if have.digest != self.digest:
            yield from self._code_changes(have, last or {})
        yield from self.differences(("project", "labels"), have)
        for what, old, new in unequal("spec", _comparable(have.spec), _comparable(self.spec)):
            if what != "spec.build.commands":
                part = "triggers" if what.startswith("spec.triggers") else self.part
                yield Change(part, what, old, new, self._cause(what))
        yield from self._command_changes(have)

    def _code_changes(self, have: Self, last: Mapping[str, Any]) -> Iterator[Change]:
        cause = self.causes.get("", "")
        known = last if last.get("digest") == have.digest else {}
        found = list(changed_sources(self.sources, known))
        yield from found or [
            Change("code", "digest", have.digest[:12] or None, self.digest[:12], cause)
        ]
        if known.get("zipped") and self.zipped and known["zipped"] != self.zipped:
            yield Change("code", "size", known["zipped"], self.zipped)

    def _command_changes(self, have: Self) -> Iterator[Change]:
        """What is installed, distribution by distribution, then the other commands."""
        cause = self.causes.get("", "")
        (old, before), (new, after) = _installed(have.spec), _installed(self.spec)
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                what = f"dependencies.{name}"
                yield Change("dependencies", what, old.get(name), new.get(name), cause)
        if before != after:
            yield Change(self.part, "spec.build.commands", before or None, after or None, cause)

    def _cause(self, what: str) -> str:
        """Where a value of the spec comes from: variables and memory may be a settings file's."""
        key = what.replace("spec.env.", "environment.")
        key = {"spec.resources.limits.memory": "memory", "spec.eventTimeout": "timeout"}.get(
            key, key
        )
        return self.causes.get(key, self.causes.get("", ""))

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action != "update":
            return ""
        if any(each.what == "state" and each.old in ON_ITS_WAY for each in changes):
            if len(changes) == 1:
                return "an earlier deploy of the same is under way: its end is waited for"
            return "an earlier deploy is under way: Nuclio takes this one at its end"
        given = self.spec.get("image")
        return "Nuclio runs the image anew" if given else "Nuclio builds an image anew"

    def remembered(self, salt: str = "") -> dict[str, Any]:
        spec = _comparable(self.spec)
        spec["env"] = {name: salted(value, salt) for name, value in spec["env"].items()}
        kept = {key: value for key, value in super().remembered(salt).items() if key != "source"}
        return {**kept, "spec": spec}

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        assert target.nuclio is not None
        found = target.nuclio.get(f"/api/functions/{name}", name)
        if found is None:
            return None
        metadata = found.get("metadata", {})
        labels = dict(metadata.get("labels") or {})
        notes = metadata.get("annotations") or {}
        return cls(
            name=name,
            function=name,
            app=labels.pop(APP_LABEL, ""),
            project=labels.pop(PROJECT_LABEL, ""),
            spec=json.loads(notes.get(SPEC_ANNOTATION, "{}")),
            digest=notes.get(DIGEST_ANNOTATION, ""),
            labels={key: labels[key] for key in labels if not key.startswith("nuclio.io/")},
            namespace=metadata.get("namespace", "nuclio"),
            state=found.get("status", {}).get("state", ""),
        )

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        if target.nuclio is None:
            return
        for name, each in (target.nuclio.get("/api/functions", "functions") or {}).items():
            if (each.get("metadata", {}).get("labels") or {}).get(APP_LABEL) == app:
                yield name

    def create(self, target: Target) -> None:
        self._put(target, "POST", "/api/functions", fine=(409,))

    def take_over(self, target: Target) -> None:
        """Take the place of whatever runs under its name, and come back when that has answered all
        that came to it."""
        self._put(target, "POST", "/api/functions", fine=(409,), headers=_TO_THE_END)

    def update(self, target: Target, have: Self) -> None:
        assert target.nuclio is not None
        only = [each.what for each in self.changes(have)] == ["state"]
        if only and have.state in ON_ITS_WAY and target.nuclio.comes(self.name):
            return  # what a deploy that was killed began
        self._put(target, "PUT", f"/api/functions/{self.name}")

    def _put(
        self,
        target: Target,
        method: str,
        path: str,
        fine: tuple[int, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        assert target.nuclio is not None
        document = self._document(target)
        place = f"/api/functions/{self.name}"
        answer = target.nuclio.change(
            method, path, self.name, place, json=document, fine=fine, headers=headers
        )
        if answer.status_code in fine:  # it was there already
            self._put(target, "PUT", place, headers=headers)
            return
        target.nuclio.settle(self.name)

    def delete(self, target: Target) -> None:
        assert target.nuclio is not None
        target.nuclio.delete("/api/functions", self.name, self.namespace)

    def _document(self, target: Target) -> dict[str, Any]:
        notes = {
            DIGEST_ANNOTATION: self.digest,
            SPEC_ANNOTATION: json.dumps(self.spec, sort_keys=True),
        }
        build = dict(self.spec.get("build", {}))
        if self.source:
            build["functionSourceCode"] = self.source
        elif self.bucket:
            build |= {"path": self._archive_url(target), "codeEntryType": "archive"}
        labels = {**self.labels, PROJECT_LABEL: self.project, APP_LABEL: target.app or self.app}
        return {
            "apiVersion": "nuclio.io/v1",
            "kind": "Function",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": labels,
                "annotations": notes,
            },
            "spec": {**self.spec, "build": build},
        }

    def _archive_url(self, target: Target) -> str:
        """Where a dashboard can fetch the uploaded archive: a link signed for a day."""
        parameters = {"Bucket": self.bucket, "Key": self.path}
        return str(
            target.aws.client("s3").generate_presigned_url(
                "get_object", Params=parameters, ExpiresIn=LINK_SECONDS
            )
        )


def _comparable(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec whose variables are a mapping, so that they compare one by one.

    >>> asked = {"secretKeyRef": {"name": "db", "key": "password"}}
    >>> _comparable({"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": asked}]})
    {'env': {'A': '1', 'B': 'key password of the Secret db'}}
    """
    variables = {each["name"]: _told(each) for each in spec.get("env") or ()}
    named = {key: Reference(spec[key]) for key in _NAMES if spec.get(key)}
    return {**spec, **named, "env": variables}


def _installed(spec: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """(versions of what the build commands pin, by name; the other commands).

    >>> _installed({"build": {"commands": ["pip install six==1.17.0 idna==3.7", "apt-get update"]}})
    ({'six': '1.17.0', 'idna': '3.7'}, ['apt-get update'])
    """
    found: dict[str, str] = {}
    others = []
    for command in (spec.get("build") or {}).get("commands") or ():
        words = shlex.split(str(command).removeprefix("pip install "))
        pins = [each.partition("==") for each in words]
        if str(command).startswith("pip install ") and all(version for _, _, version in pins):
            found |= {name: version for name, _, version in pins}
        else:
            others.append(command)
    return found, others


def _told(variable: Mapping[str, Any]) -> Any:
    """A variable's value; of a secret's, where it comes from, which may be shown."""
    asked = (variable.get("valueFrom") or {}).get("secretKeyRef")
    if asked:
        return Reference(f"key {asked.get('key')} of the Secret {asked.get('name')}")
    return variable.get("value")
