"""Versions on Nuclio, which has none of its own: each is a function's configuration, kept in its
project's annotations with the record of releases.

The one that answers runs under the function's name; a canary's runs as `NAME-canary` behind the
function's API gateway, which shares the requests.  So only requests through the gateway are part of
a canary; promoting replaces the function in place, which its callers do not notice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..errors import CannotRelease
from ..kinds.nuclio_function import NuclioFunction
from ..kinds.nuclio_gateway import NuclioGateway
from ..targets.nuclio import Nuclio
from ..targets.target import Target
from .canary import Canary
from .facts import Facts
from .ledger import Ledger, read_ledger
from .release import Released, Split, Version, moment

NOTE = "releases.pelton/"
VERSION_LABEL = "pelton/version"
_COUNTED = re.compile(r"^(nuclio_processor_handled_events\w+)\{([^}]*)\} (\S+)$", re.M)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_MOST_NAME = 63


@dataclass(frozen=True, slots=True)
class Record:
    """What a project keeps of one function's releases.

    live: the version that answers;  published: what the last deploy published, as a digest;
    versions: their configurations, by number, the oldest first
    """

    live: str = ""
    published: str = ""
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Record:
        """The record that an annotation says; an empty one for ""."""
        found = json.loads(text) if text else {}
        return cls(
            found.get("live", ""),
            found.get("published", ""),
            found.get("versions", {}),
            found.get("aliases", {}),
            found.get("ledger", {}),
        )


class NuclioVersions:
    """The `Platform` of a dashboard.

    project: of functions that are not there yet;  counts: where processors' counts are read
    """

    name = "nuclio"
    metrics = ("errors", "requests", "mean")

    def __init__(self, target: Target, project: str = "", counts: str = "/metrics") -> None:
        self._target, self._project, self._counts = target, project, counts

    @property
    def _nuclio(self) -> Nuclio:
        assert self._target.nuclio is not None
        return self._target.nuclio

    # -- what is there
    def read(self, function: str) -> Released:
        """The function's versions, who answers, and the record; raises `CannotRelease` when there
        is no such function."""
        record = self.record(function)
        if not record.live and not self._project and self._running(function) is None:
            raise CannotRelease(
                f"there is no function {function!r} on nuclio; `pelton deploy --on nuclio` makes it"
            )
        versions = tuple(
            Version(number, each["digest"][:12], each["made"])
            for number, each in record.versions.items()
        )
        names = {**record.aliases, **({"live": record.live} if record.live else {})}
        split = self._split(function, record.live) if record.live else None
        return Released(function, versions, split, names, read_ledger(record.ledger))

    def record(self, function: str) -> Record:
        """What the function's project keeps of it."""
        document = self._document(self.project_of(function))
        notes = (document or {}).get("metadata", {}).get("annotations") or {}
        return Record.read(notes.get(f"{NOTE}{function}", ""))

    def project_of(self, function: str) -> str:
        """The function's project; the one given for a function that is not there."""
        found = NuclioFunction.read(self._target, function)
        return found.project if found else self._project

    def _split(self, function: str, live: str) -> Split:
        gateway = NuclioGateway.read(self._target, function)
        canary = self._running(_canary(function))
        if gateway is None or canary is None or not gateway.share(_canary(function)):
            return Split(live)
        return Split(live, canary, gateway.share(_canary(function)) / 100)

    def _running(self, name: str) -> str | None:
        """The version that a function runs ("" for one that was deployed without); None where it
        is not there."""
        found = self._nuclio.get(f"/api/functions/{name}", name)
        if found is None:
            return None
        return str((found["metadata"].get("labels") or {}).get(VERSION_LABEL, ""))

    # -- what is changed
    def keep(self, released: Released, ledger: Ledger) -> None:
        record = self.record(released.function)
        self._keep(released.function, replace(record, ledger=ledger.document()))

    def publish(self, wanted: NuclioFunction, now: float) -> str:
        """Keep a configuration as a new version; its number, or an older one's that is the same."""
        record = self.record(wanted.name)
        document = {
            "spec": dict(wanted.spec),
            "digest": wanted.digest,
            "labels": dict(wanted.labels),
            "namespace": wanted.namespace,
            "bucket": wanted.bucket,
            "path": wanted.path,
        }
        for number, each in record.versions.items():
            if {**each, "made": None} == {**document, "made": None}:
                return number
        number = str(max(map(int, record.versions), default=0) + 1)
        versions = {**record.versions, number: {**document, "made": moment(now)}}
        self._keep(wanted.name, replace(record, versions=versions))
        return number

    def tell_published(self, function: str, published: str) -> None:
        """What the last deploy published is now kept."""
        self._keep(function, replace(self.record(function), published=published))

    def send(self, released: Released, split: Split) -> None:
        """First who is to answer is there and ready, then the gateway sends requests, then who
        answers no more goes, after the last event that it has."""
        function = released.function
        if split.new:
            self._refuse_no_gateway(function)
            self._deploy(_canary(function), function, split.new)
        self._deploy(function, function, split.stable)
        self._share(function, split)
        if not split.new and self._running(_canary(function)) is not None:
            self._nuclio.delete("/api/functions", _canary(function))
        record = self.record(function)
        if record.live != split.stable:
            self._keep(function, replace(record, live=split.stable))

    def name_version(self, released: Released, alias: str, number: str) -> None:
        record = self.record(released.function)
        self._keep(released.function, replace(record, aliases={**record.aliases, alias: number}))

    def remove(self, released: Released, number: str) -> None:
        record = self.record(released.function)
        versions = {key: each for key, each in record.versions.items() if key != number}
        self._keep(released.function, replace(record, versions=versions))

    def _deploy(self, name: str, function: str, number: str) -> None:
        """Run a version under a name, if it does not run there; a canary is called by requests
        alone, or what a rule or a queue sends would come to both."""
        if self._running(name) == number:
            return
        kept = self.record(function).versions[number]
        spec = json.loads(json.dumps(kept["spec"]))
        if name != function:
            spec["triggers"] = _requests_only(spec.get("triggers") or {})
        wanted = NuclioFunction(
            name=name,
            project=self.project_of(function),
            spec=spec,
            digest=kept["digest"],
            labels={**kept["labels"], VERSION_LABEL: number},
            namespace=kept["namespace"],
            bucket=kept["bucket"],
            path=kept["path"],
        )
        wanted.create(self._target)

    def _share(self, function: str, split: Split) -> None:
        gateway = NuclioGateway.read(self._target, function)
        if gateway is None:
            return
        upstreams: tuple[tuple[str, int], ...] = ((function, 0),)
        if split.new:
            percent = max(1, round(split.share * 100))
            upstreams = ((function, 100 - percent), (_canary(function), percent))
        replace(gateway, upstreams=upstreams).update(self._target, gateway)

    def _refuse_no_gateway(self, function: str) -> None:
        if len(_canary(function)) > _MOST_NAME:
            raise CannotRelease(f"{_canary(function)!r} is too long a name on nuclio for a canary")
        if NuclioGateway.read(self._target, function) is None:
            raise CannotRelease(
                f"function {function!r} has no API gateway on nuclio to share its requests: give "
                "it one with nuclio=pelton.Nuclio(host='HOST') and deploy; `pelton promote` "
                "works without"
            )

    # -- what is counted
    def mark(self, canary: Canary) -> Mapping[str, Mapping[str, float]] | None:
        """What the processors of both versions had counted before."""
        return self._count((canary.function, _canary(canary.function)))

    def facts(self, canary: Canary, now: float) -> tuple[Facts, Facts]:
        """What they have counted since; a processor that began anew counts from nothing."""
        names = (_canary(canary.function), canary.function)
        counts, before = self._count(names), canary.counted or {}
        new, baseline = (
            _facts(version, counts[name], before.get(name, {}))
            for version, name in zip((canary.new, canary.baseline), names, strict=True)
        )
        return new, baseline

    def _count(self, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
        text = self._nuclio.call("GET", self._counts, "the processors' counts").text
        found: dict[str, dict[str, float]] = {name: {} for name in names}
        for metric, inside, value in _COUNTED.findall(text):
            labels = dict(_LABEL.findall(inside))
            name = labels.get("function", "")
            if name in found and labels.get("trigger_kind") == "http":
                key = labels.get("result") or metric.rpartition("_")[2]
                found[name][key] = found[name].get(key, 0.0) + float(value)
        return found

    # -- the project
    def _keep(self, function: str, record: Record) -> None:
        project = self.project_of(function)
        document = self._document(project)
        if document is None:
            raise CannotRelease(f"there is no project {project!r} on nuclio")
        metadata = document["metadata"]
        said = {f"{NOTE}{function}": json.dumps(asdict(record))}
        notes = {**(metadata.get("annotations") or {}), **said}
        body = {"metadata": {**metadata, "annotations": notes}, "spec": document.get("spec") or {}}
        self._nuclio.call("PUT", "/api/projects", project, json=body)

    def _document(self, project: str) -> dict[str, Any] | None:
        return self._nuclio.get(f"/api/projects/{project}", project) if project else None


def _canary(function: str) -> str:
    return f"{function}-canary"


def _requests_only(triggers: Mapping[str, Any]) -> dict[str, Any]:
    """Its HTTP triggers, at no port of another's.

    >>> _requests_only({"h": {"kind": "http", "attributes": {"port": 80}}, "c": {"kind": "cron"}})
    {'h': {'kind': 'http', 'attributes': {}}}
    """
    found = {name: dict(each) for name, each in triggers.items() if each.get("kind") == "http"}
    for each in found.values():
        kept = each.get("attributes") or {}
        each["attributes"] = {key: value for key, value in kept.items() if key != "port"}
    return found


def _facts(version: str, counted: Mapping[str, float], before: Mapping[str, float]) -> Facts:
    """
    >>> _facts("4", {"success": 9, "failure": 3, "sum": 60}, {"success": 2}).document()
    {'version': '4', 'requests': 10.0, 'errors': 0.3, 'mean': 6.0}
    """
    anew = any(counted.get(key, 0.0) < value for key, value in before.items())
    since = {key: value - (0.0 if anew else before.get(key, 0.0)) for key, value in counted.items()}
    failed = since.get("failure", 0.0)
    requests = since.get("success", 0.0) + failed
    if not requests:
        return Facts(version)
    return Facts(version, requests, failed / requests, mean=since.get("sum", 0.0) / requests)
