"""Calls that an emulator saw functions make, as its record tells them; and how they differ from
what the code says.

The record is `GET /_pelton/calls` of an emulator, or that answer in a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ..errors import CannotPlan
from .arns import Account
from .document import covers
from .needs import Call, Need, needs_of
from .services import Service, service
from .values import ANY

FILE = "pelton.calls.json"
WHY = "seen on the emulator"
# Services that sign with a name which is not boto3's for them, the likeliest first.
_SIGNED = {
    "apigateway": ("apigateway", "apigatewayv2"),
    "bedrock": ("bedrock-runtime", "bedrock"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "es": ("opensearch", "es"),
    "execute-api": ("apigatewaymanagementapi",),
    "iotdata": ("iot-data",),
    "monitoring": ("cloudwatch",),
    "sagemaker": ("sagemaker-runtime", "sagemaker"),
    "ses": ("sesv2", "ses"),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "timestream": ("timestream-write", "timestream-query"),
}
_LOCAL_ACCOUNT = "000000000000"


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the record: how a function's request addressed a service."""

    function: str
    service: str
    method: str = "POST"
    path: str = "/"
    query: str = ""
    operation: str = ""
    members: tuple[tuple[str, str], ...] = ()
    failed: int = 0


def read_record(where: str) -> tuple[Record, ...]:
    """The record of an emulator by its address, or of a file; raises `DeployError`."""
    if where.startswith(("http://", "https://")):
        return parse(_fetched(where))
    try:
        told = json.loads(Path(where).read_text())
    except (OSError, ValueError) as error:
        raise CannotPlan(f"{where} is no record of calls: {error}") from None
    return parse(told)


def _fetched(address: str) -> Any:
    import httpx

    from ..targets.aws import unreachable
    from ..tls import speaks_tls

    try:
        answer = httpx.get(
            f"{address.rstrip('/')}/_pelton/calls",
            timeout=10,
            trust_env=False,
            verify=speaks_tls(address),
        )
        answer.raise_for_status()
        return answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise unreachable(address, str(error)) from None


def parse(told: Any) -> tuple[Record, ...]:
    """The record as its JSON has it.

    >>> parse({"calls": [{"function": "f", "service": "sqs", "operation": "SendMessage"}]})[0].path
    '/'
    """
    if not isinstance(told, dict) or not isinstance(told.get("calls"), list):
        raise CannotPlan("this is no record of calls: it has no list `calls`")
    return tuple(
        Record(
            str(each.get("function", "")),
            str(each.get("service", "")),
            str(each.get("method", "POST")),
            str(each.get("path", "/")),
            str(each.get("query", "")),
            str(each.get("operation", "")),
            tuple(sorted((str(k), str(v)) for k, v in each.get("members", {}).items())),
            int(each.get("failed", 0)),
        )
        for each in told["calls"]
    )


def calls_seen(records: Iterable[Record], function: str, where: Account) -> Iterator[Call]:
    """What a function was seen to call; what no model knows is left out."""
    for record in records:
        if record.function == function and (call := _call(record, where)):
            yield call


def _call(record: Record, where: Account) -> Call | None:
    members = {name: _home(value, where) for name, value in record.members}
    for name in _SIGNED.get(record.service, (record.service,)):
        known = service(name)
        if known is None:
            continue
        operation, more = _operation(known, record, members)
        if operation:
            return Call(name, operation, {**members, **more}, WHY)
    return None


def _operation(
    known: Service, record: Record, members: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    if record.operation:
        return (record.operation if known.has(record.operation) else ""), {}
    if record.path.startswith("/service/"):  # the protocol smithy-rpc-v2-cbor
        operation = record.path.rpartition("/")[2]
        return (operation if known.has(operation) else ""), {}
    query = dict(parse_qsl(record.query, keep_blank_values=True))
    found = known.route(record.method, record.path, {**query, **members})
    if found is None:
        return "", {}
    return found[0], {name: each.read({}) for name, each in found[1]}


def _home(value: str, where: Account) -> str:
    """An ARN of the emulator's account as the target's own."""
    parts = value.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn" and parts[4] == _LOCAL_ACCOUNT:
        parts[1], parts[4] = where.partition, where.account
        parts[3] = where.region if parts[3] else ""
        return ":".join(parts)
    return value


def wider(needs: Iterable[Need], known: Iterable[Need]) -> tuple[Need, ...]:
    """Those of `needs`, which were seen, that no known one covers: a key of a bucket as any."""
    allowed = list(known)
    found: dict[Need, None] = {}
    for need in needs:
        if not any(e.action == need.action and covers(e.resource, need.resource) for e in allowed):
            found[_any_key(need)] = None
    return tuple(found)


def _any_key(need: Need) -> Need:
    head, slash, _ = need.resource.partition("/")
    if need.action.startswith("s3:") and slash:
        return Need(need.action, f"{head}/{ANY}", need.why)
    return need


def differences(
    code: Iterable[Need], seen: Iterable[Need], extra: Iterable[Need]
) -> tuple[str, ...]:
    """A sentence for each need that only one of the two knows.

    extra: those of the seen that the code and the platform do not cover
    """
    told: dict[str, None] = {}
    for need in extra:
        told[
            f"{need.action} on {need.resource} was seen on the emulator and is not found in the "
            "code: it is allowed all the same"
        ] = None
    known = list(seen)
    for need in code:
        if not any(each.action == need.action and _same(each, need) for each in known):
            told[
                f"{need.why}: {need.action} on {need.resource} was never seen on the emulator: no "
                "test goes there"
            ] = None
    return tuple(told)


def _same(seen: Need, code: Need) -> bool:
    return covers(code.resource, seen.resource) or covers(seen.resource, code.resource)


def needs_seen(records: Iterable[Record], function: str, where: Account) -> tuple[Need, ...]:
    """What a function was seen to need."""
    return tuple(dict.fromkeys(needs_of(calls_seen(records, function, where), where)))
