"""REST APIs of API Gateway, Lambda proxy integration: the event, and what becomes of an answer.

Sources: AWS's page on the integration's input and output format; events that LocalStack's tests
recorded on AWS (members, null members, header names, the last value of a repeated name; of a
regional API, as there is no CloudFront before this one) and what they found of answers: no member
is required, none beside the five is taken.  Failures are those of Lambda's page on API Gateway's
errors: 502 for a function's error or a malformed answer, 500 for an invocation that Lambda refuses,
with one body.
"""

from __future__ import annotations

from typing import Any

from . import answers
from .format_1 import NOBODY, header_lines, query_lines, with_multiple
from .visit import REST, Lines, Visit, new_id

_MEMBERS = {"isBase64Encoded", "statusCode", "headers", "multiValueHeaders", "body"}
_CAPITALS = {"authorization": "Authorization", "user-agent": "User-Agent", "host": "Host"}
Members = dict[str, Any]


def recognises(event: Any, visit: Visit | None) -> bool:
    return visit is not None and visit.kind == REST and "httpMethod" in event


def event(event: Members, visit: Visit | None) -> Members:
    assert visit is not None
    now = event["requestContext"]["requestTimeEpoch"] / 1000
    lines = _shown(header_lines(visit, now))
    query = _query(event, visit)
    told = {
        **event,
        **with_multiple("headers", lines),
        **with_multiple("queryStringParameters", query),
        "requestContext": _context(event["requestContext"], visit),
    }
    del told["version"]  # of HTTP APIs' format 1.0 alone
    return told


def _shown(lines: Lines) -> Lines:
    return [(_CAPITALS.get(k.lower(), k), v) for k, v in lines if k.lower() != "content-length"]


def _query(event: Members, visit: Visit) -> Lines:
    if visit.client is not None:
        return query_lines(visit.client.query)
    found = event["multiValueQueryStringParameters"] or {}
    return [(name, value) for name, values in found.items() for value in values]


def _context(context: Members, visit: Visit) -> Members:
    ip, _ = visit.address
    api = context["apiId"]
    return {
        **context,
        "deploymentId": visit.asked["stage"].get("deploymentId"),
        "domainName": visit.domain(api),
        "domainPrefix": api,
        "extendedRequestId": new_id(),
        "identity": {**NOBODY, **context["identity"], "sourceIp": ip},
    }


def result(result: Members, visit: Visit | None) -> Members:
    if result.get("throttle") or result.get("refused"):
        return _failed(500)
    if result.get("error"):
        return _failed(502)
    answer = result["body"]
    if not isinstance(answer, dict) or not answer.keys() <= _MEMBERS:
        return _failed(502)
    told = answers.passed_on(answer)
    if told is not None:
        told = answers.with_multiple(told, answer.get("multiValueHeaders"))
    return _failed(502) if told is None else {"body": told}


def _failed(status: int) -> Members:
    kind = {"x-amzn-ErrorType": "InternalServerErrorException"}
    return answers.own(status, "Internal server error", **kind)
