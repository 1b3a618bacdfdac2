"""Versions on Lambda: published versions, and the alias `live` that triggers point at, with a share
of its calls for a second version while a canary is under way.

Facts are CloudWatch's: it tells an alias's two versions apart by `ExecutedVersion`.  The record of
releases is in the function's tags.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import CannotRelease
from ..targets.aws import Aws
from .canary import Canary
from .facts import METRICS, Facts
from .ledger import Ledger, from_tags, to_tags
from .release import LIVE, Released, Split, Version

LATEST = "$LATEST"
_PERIOD = 86_400  # one value for a canary, two where it lasts over midnight
_ASKED = {
    "requests": ("Invocations", "Sum"),
    "failed": ("Errors", "Sum"),
    "time": ("Duration", "Sum"),
    "p50": ("Duration", "p50"),
    "p90": ("Duration", "p90"),
    "p95": ("Duration", "p95"),
    "p99": ("Duration", "p99"),
    "max": ("Duration", "Maximum"),
}


class LambdaVersions:
    """The `Platform` of an account."""

    name = "lambda"
    metrics = METRICS

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    @property
    def _lambda(self) -> Any:
        return self._aws.client("lambda")

    def read(self, function: str) -> Released:
        """The function's versions, who answers, and the record; raises `CannotRelease` when there
        is no such function."""
        with self._aws.named(f"function {function!r}"):
            try:
                found = self._lambda.get_function(FunctionName=function)
            except self._lambda.exceptions.ResourceNotFoundException:
                raise CannotRelease(
                    f"there is no function {function!r} on lambda; `pelton deploy` makes it"
                ) from None
            versions = tuple(self._versions(function))
            aliases = {each["Name"]: each for each in self._aliases(function)}
        split = _split(aliases[LIVE]) if LIVE in aliases else None
        names = {name: str(each["FunctionVersion"]) for name, each in aliases.items()}
        return Released(function, versions, split, names, from_tags(found.get("Tags", {})))

    def keep(self, released: Released, ledger: Ledger) -> None:
        self.tag(released.function, to_tags(ledger))

    def send(self, released: Released, split: Split) -> None:
        weights = {split.new: split.share} if split.new else {}
        self._point(released, LIVE, split.stable, {"AdditionalVersionWeights": weights})

    def refuse_split(self, function: str) -> None:
        """A weighted alias can always."""

    def refuse_sticky(self, function: str, sticky: str) -> None:
        raise CannotRelease(
            f"a weighted alias of Lambda draws the version of each request anew, and does not go "
            f"by {sticky}; leave --sticky out"
        )

    def name_version(self, released: Released, alias: str, number: str) -> None:
        self._point(released, alias, number, {"AdditionalVersionWeights": {}})

    def mark(self, canary: Canary) -> Mapping[str, Mapping[str, float]] | None:
        """CloudWatch tells of any time."""
        return None

    def facts(self, canary: Canary, now: float) -> tuple[Facts, Facts]:
        """What CloudWatch has since the step began; on AWS it is minutes behind."""
        versions = (canary.new, canary.baseline)
        queries = [
            _query(f"v{which}_{name}", canary.function, version, *metric)
            for which, version in enumerate(versions)
            for name, metric in _ASKED.items()
        ]
        with self._aws.named(f"function {canary.function!r}: CloudWatch"):
            answer = self._aws.client("cloudwatch").get_metric_data(
                MetricDataQueries=queries,
                StartTime=dt.datetime.fromtimestamp(int(canary.since), dt.UTC),
                EndTime=dt.datetime.fromtimestamp(int(now) + 60, dt.UTC),
            )
        told = {each["Id"]: each["Values"] for each in answer["MetricDataResults"]}
        new, baseline = (
            _facts(version, {name: told.get(f"v{which}_{name}", []) for name in _ASKED})
            for which, version in enumerate(versions)
        )
        return new, baseline

    def remove(self, released: Released, number: str) -> None:
        with self._aws.named(f"function {released.function!r}, version {number}"):
            self._lambda.delete_function(FunctionName=released.function, Qualifier=number)

    def publish(self, function: str) -> str:
        """Publish what the function is now; the number of the version, an older one's when nothing
        has changed since."""
        with self._aws.named(f"function {function!r}"):
            self._aws.settle(function)
            number = str(self._lambda.publish_version(FunctionName=function)["Version"])
            pace = {"Delay": 0.2, "MaxAttempts": 1500}
            waiter = self._lambda.get_waiter("published_version_active")
            waiter.wait(FunctionName=function, Qualifier=number, WaiterConfig=pace)
        return number

    def tags(self, function: str) -> dict[str, str]:
        """The function's tags."""
        with self._aws.named(f"function {function!r}"):
            return dict(self._lambda.get_function(FunctionName=function).get("Tags", {}))

    def tag(self, function: str, tags: Mapping[str, str]) -> None:
        """Set these."""
        with self._aws.named(f"function {function!r}"):
            found = self._lambda.get_function_configuration(FunctionName=function)
            self._lambda.tag_resource(Resource=found["FunctionArn"], Tags=dict(tags))

    def _point(self, released: Released, alias: str, number: str, routing: dict[str, Any]) -> None:
        function = released.function
        members = {
            "FunctionName": function,
            "Name": alias,
            "FunctionVersion": number,
            "RoutingConfig": routing,
        }
        with self._aws.named(f"function {function!r}, alias {alias}"):
            try:
                self._lambda.update_alias(**members)
            except self._lambda.exceptions.ResourceNotFoundException:
                self._lambda.create_alias(**members)

    def _versions(self, function: str) -> Iterator[Version]:
        pages = self._lambda.get_paginator("list_versions_by_function")
        for page in pages.paginate(FunctionName=function):
            for each in page["Versions"]:
                if each["Version"] != LATEST:
                    digest = base64.b64decode(each["CodeSha256"]).hex()[:12]
                    yield Version(each["Version"], digest, each["LastModified"])

    def _aliases(self, function: str) -> Iterator[dict[str, Any]]:
        pages = self._lambda.get_paginator("list_aliases")
        for page in pages.paginate(FunctionName=function):
            yield from page["Aliases"]


def _split(alias: Mapping[str, Any]) -> Split:
    """
    >>> _split({"FunctionVersion": "3", "RoutingConfig": {"AdditionalVersionWeights": {"4": 0.1}}})
    Split(stable='3', new='4', share=0.1, sticky='')
    """
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    for new, share in weights.items():
        return Split(str(alias["FunctionVersion"]), new, share)
    return Split(str(alias["FunctionVersion"]))


def _query(name: str, function: str, version: str, metric: str, stat: str) -> dict[str, Any]:
    """What CloudWatch is asked: one metric of one version, as called by the alias `live`."""
    dimensions = {
        "FunctionName": function,
        "Resource": f"{function}:{LIVE}",
        "ExecutedVersion": version,
    }
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": key, "Value": dimensions[key]} for key in dimensions],
            },
            "Period": _PERIOD,
            "Stat": stat,
        },
    }


def _facts(version: str, told: Mapping[str, list[float]]) -> Facts:
    """Of two days' values the worse.

    >>> _facts("4", {"requests": [10.0], "failed": [1.0], "time": [250.0], "p99": [80.0]})
    Facts(version='4', requests=10.0, errors=0.1, mean=25.0, p50=None, p90=None, p95=None, \
p99=80.0, max=None)
    """
    requests = sum(told.get("requests", ()))
    if not requests:
        return Facts(version)
    slow = {name: max(told.get(name) or [0.0]) or None for name in ("p50", "p90", "p95", "p99")}
    return Facts(
        version,
        requests,
        sum(told.get("failed", ())) / requests,
        mean=sum(told.get("time", ())) / requests,
        max=max(told.get("max") or [0.0]) or None,
        **slow,
    )
