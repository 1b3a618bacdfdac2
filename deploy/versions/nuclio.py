"""Versions on Nuclio, which has none of its own: each is a function's configuration, kept in its
project's annotations with the record of releases.

The one that answers runs under the function's name; a canary's runs as `NAME-canary` behind the
function's API gateway, which shares the requests.  So only requests through the gateway are part of
a canary; promoting replaces the function in place, which its callers do not notice.  Where Nuclio
has no gateways, a router of ours shares them (`nuclio_router`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..errors import CannotRelease
from ..kinds.nuclio_function import NuclioFunction
from ..kinds.nuclio_gateway import NuclioGateway
from ..targets.nuclio import FAILED, Nuclio
from ..targets.target import Target
from . import nuclio_counts, nuclio_router
from .canary import Canary
from .facts import METRICS, Facts
from .ledger import Ledger, read_ledger
from .nuclio_record import Record, keep_record, read_record
from .nuclio_router import VERSION_LABEL
from .release import Released, Split, Version, moment

_MOST_NAME = 63


class NuclioVersions:
    """The `Platform` of a dashboard.

    project: of functions that are not there yet;  counts: where processors' counts are read
    """

    name = "nuclio"

    def __init__(self, target: Target, project: str = "", counts: str = "/metrics") -> None:
        self._target, self._project, self._counts = target, project, counts

    @property
    def _nuclio(self) -> Nuclio:
        assert self._target.nuclio is not None
        return self._target.nuclio

    @property
    def metrics(self) -> tuple[str, ...]:
        """Processors count few; a router of ours measures all of them."""
        return ("errors", "requests", "mean") if self._has_gateways else METRICS

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
        return read_record(self._nuclio, self.project_of(function), function)

    def _keep(self, function: str, record: Record) -> None:
        keep_record(self._nuclio, self.project_of(function), function, record)

    def project_of(self, function: str) -> str:
        """The function's project; the one given for a function that is not there."""
        found = NuclioFunction.read(self._target, function)
        return found.project if found else self._project

    def _split(self, function: str, live: str) -> Split:
        canary = self._running(canary_of(function))
        if canary is None:
            return Split(live)
        if not self._has_gateways:
            router = nuclio_router.read_router(self._found(function))
            return Split(live, canary, router.share, router.sticky) if router else Split(live)
        gateway = NuclioGateway.read(self._target, function)
        share = gateway.share(canary_of(function)) if gateway else 0
        return Split(live, canary, share / 100) if share else Split(live)

    @cached_property
    def _has_gateways(self) -> bool:
        return self._nuclio.has_gateways()

    def _found(self, name: str) -> dict[str, Any] | None:
        return self._nuclio.get(f"/api/functions/{name}", name)

    def _running(self, name: str) -> str | None:
        """The version that a function runs ("" for one that was deployed without); None where it
        is not there."""
        found = self._found(name)
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
        """First who is to answer is there and ready, then requests are sent there, then who answers
        no more goes, after the last event that it has."""
        function = released.function
        if split.new:
            self.refuse_split(function)
        if self._has_gateways:
            self._by_gateway(function, split)
        else:
            self._by_router(function, split)
        record = self.record(function)
        if record.live != split.stable:
            self._keep(function, replace(record, live=split.stable))

    def _by_gateway(self, function: str, split: Split) -> None:
        if split.new:
            self._deploy(self._version(canary_of(function), function, split.new))
        self._deploy(self._version(function, function, split.stable))
        self._share(function, split)
        if not split.new:
            self._delete(canary_of(function))

    def _by_router(self, function: str, split: Split) -> None:
        """See `nuclio_router`."""
        stable = self._version(stable_of(function), function, split.stable)
        others = nuclio_router.without_requests(self._version(function, function, split.stable))
        if not split.new:
            self._delete(triggers_of(function))
            self._deploy(self._version(function, function, split.stable))
            self._delete(canary_of(function))
            self._delete(stable_of(function))
            return
        canary = self._version(canary_of(function), function, split.new)
        self._deploy(canary)
        self._deploy(stable)
        was = nuclio_router.read_router(self._found(function))
        if was is None or (was.share, was.sticky) != (split.share, split.sticky):
            stable = replace(stable, app=self.project_of(function))
            nuclio_router.router(function, stable, canary, split, was).take_over(self._target)
        self._nuclio.settle(function)
        if others is not None:
            self._deploy(replace(others, name=triggers_of(function), app=""))

    def refuse_sticky(self, function: str, sticky: str) -> None:
        """Only a router of ours can go by what a request has."""
        nuclio_router.check_sticky(sticky)
        if self._has_gateways:
            raise CannotRelease(
                f"an API gateway of Nuclio draws who answers each request anew, and does not go by "
                f"{sticky}; leave --sticky out"
            )

    def name_version(self, released: Released, alias: str, number: str) -> None:
        record = self.record(released.function)
        self._keep(released.function, replace(record, aliases={**record.aliases, alias: number}))

    def remove(self, released: Released, number: str) -> None:
        record = self.record(released.function)
        versions = {key: each for key, each in record.versions.items() if key != number}
        self._keep(released.function, replace(record, versions=versions))

    def _version(self, name: str, function: str, number: str) -> NuclioFunction:
        """A version under a name; a canary is called by requests alone, or what a rule or a queue
        sends would come to both."""
        kept = self.record(function).versions[number]
        spec = json.loads(json.dumps(kept["spec"]))
        project = self.project_of(function)
        if name != function:
            spec["triggers"] = _requests_only(spec.get("triggers") or {})
        return NuclioFunction(
            name=name,
            # A deploy reads whose a function is; what only a canary needs is nobody's to plan.
            app=project if name == function else "",
            project=project,
            spec=spec,
            digest=kept["digest"],
            labels={**kept["labels"], VERSION_LABEL: number},
            namespace=kept["namespace"],
            bucket=kept["bucket"],
            path=kept["path"],
        )

    def _deploy(self, wanted: NuclioFunction) -> None:
        """Run it, if its version does not run there, and come back when it answers."""
        there = NuclioFunction.read(self._target, wanted.name)
        number = wanted.labels[VERSION_LABEL]
        if there and there.labels.get(VERSION_LABEL) == number and there.state not in FAILED:
            self._nuclio.settle(wanted.name)
        else:
            wanted.take_over(self._target)

    def _delete(self, name: str) -> None:
        if self._found(name) is not None:
            self._nuclio.delete("/api/functions", name)

    def _share(self, function: str, split: Split) -> None:
        gateway = NuclioGateway.read(self._target, function)
        if gateway is None:
            return
        upstreams: tuple[tuple[str, int], ...] = ((function, 0),)
        if split.new:
            percent = max(1, round(split.share * 100))
            # Nuclio makes a canary's ingress of every upstream that has a percentage, and needs
            # one of the usual kind beside it.
            upstreams = ((function, 0), (canary_of(function), percent))
        replace(gateway, upstreams=upstreams).update(self._target, gateway)

    def refuse_split(self, function: str) -> None:
        """Behind no gateway, and under no name that is too long."""
        longest = canary_of(function) if self._has_gateways else triggers_of(function)
        if len(longest) > _MOST_NAME:
            raise CannotRelease(f"{longest!r} is too long a name on nuclio for a canary")
        if self._has_gateways and NuclioGateway.read(self._target, function) is None:
            raise CannotRelease(
                f"function {function!r} has no API gateway on nuclio to share its requests: give "
                "it one with nuclio=pelton.Nuclio(host='HOST') and deploy; `pelton promote` "
                "works without"
            )

    # -- what is counted
    def mark(self, canary: Canary) -> Mapping[str, Mapping[str, float]] | None:
        """What had been counted of both versions before."""
        return self._counted(canary.function)

    def facts(self, canary: Canary, now: float) -> tuple[Facts, Facts]:
        """What was counted since; who began anew (a processor, a router) counts from nothing."""
        stable = canary.function if self._has_gateways else stable_of(canary.function)
        names = (canary_of(canary.function), stable)
        counts, before = self._counted(canary.function), canary.counted or {}
        tell = nuclio_counts.facts_of if self._has_gateways else nuclio_router.facts_of
        new, baseline = (
            tell(version, counts[name], nuclio_counts.since(counts[name], before.get(name, {})))
            for version, name in zip((canary.new, canary.baseline), names, strict=True)
        )
        return new, baseline

    def _counted(self, function: str) -> dict[str, dict[str, float]]:
        if self._has_gateways:
            names = (function, canary_of(function))
            return nuclio_counts.processors(self._nuclio, names, self._counts)
        router = nuclio_router.read_router(self._found(function))
        if router is None:
            raise CannotRelease(f"the requests of {function!r} are not shared by pelton's router")
        return nuclio_router.counts(self._nuclio, function, router.key)


def canary_of(function: str) -> str:
    return f"{function}-canary"


def stable_of(function: str) -> str:
    return f"{function}-stable"


def triggers_of(function: str) -> str:
    return f"{function}-triggers"


def names_of(function: str) -> tuple[str, ...]:
    """Everything that may run for a function; what others send to goes first."""
    return (function, triggers_of(function), canary_of(function), stable_of(function))


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
