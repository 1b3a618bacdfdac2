"""Needs as IAM reads them: the smallest document that allows them and nothing else.

Source: IAM's "Policy grammar" and "IAM and STS quotas" (an inline policy of a role: 10,240
characters, white space not counted).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ..errors import CannotPlan
from .needs import Need

VERSION = "2012-10-17"
LONGEST = 10_240
Document = dict[str, Any]


def document(needs: Iterable[Need]) -> Document:
    """The policy that allows what is needed; actions on the same resources share a statement.

    >>> needs = [Need("s3:GetObject", "arn:aws:s3:::b/k"), Need("s3:GetObject", "arn:aws:s3:::b/*")]
    >>> document(needs)["Statement"]
    [{'Effect': 'Allow', 'Action': ['s3:GetObject'], 'Resource': ['arn:aws:s3:::b/*']}]
    """
    on: dict[str, set[str]] = {}
    for need in needs:
        on.setdefault(need.action, set()).add(need.resource)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for action, resources in sorted(on.items()):
        least = tuple(sorted(_least(resources)))
        together.setdefault((action.partition(":")[0], least), []).append(action)
    return {
        "Version": VERSION,
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": list(resources)}
            for (_, resources), actions in together.items()
        ],
    }


def _least(resources: set[str]) -> set[str]:
    """Without those that another of them covers."""
    return {
        each
        for each in resources
        if not any(other != each and covers(other, each) for other in resources)
    }


def covers(pattern: str, resource: str) -> bool:
    """Whether an ARN with `*` and `?` stands for another.

    >>> covers("arn:aws:s3:::b/*", "arn:aws:s3:::b/k"), covers("arn:aws:s3:::b", "arn:aws:s3:::b/k")
    (True, False)
    """
    return fnmatchcase(resource, pattern.replace("[", "[[]"))


def allows(made: Mapping[str, Any], action: str, resource: str) -> bool:
    """Whether a document of ours allows an action on a resource."""
    return any(
        any(fnmatchcase(action, each) for each in statement["Action"])
        and any(covers(each, resource) for each in statement["Resource"])
        for statement in made["Statement"]
    )


def check_length(made: Document, function: str) -> None:
    """Raise `CannotPlan` for a document that no role takes."""
    length = len(json.dumps(made, separators=(",", ":")))
    if length > LONGEST:
        raise CannotPlan(
            f"function {function!r} needs a policy of {length} characters, and a role takes "
            f"{LONGEST}: give resources a common prefix, or give the function a role of yours "
            "with aws=pelton.Aws(role=...)"
        )


def lines(made: Mapping[str, Any]) -> dict[str, str]:
    """A document as what a plan compares line by line: each action, and on what.

    >>> lines(document([Need("sqs:SendMessage", "arn:aws:sqs:*:*:jobs")]))
    {'sqs:SendMessage': 'arn:aws:sqs:*:*:jobs'}
    """
    found: dict[str, set[str]] = {}
    for statement in _list(made.get("Statement", ())):
        for action in _list(statement.get("Action", ())):
            found.setdefault(str(action), set()).update(
                map(str, _list(statement.get("Resource", ())))
            )
    return {action: ", ".join(sorted(found[action])) for action in sorted(found)}


def _list(value: Any) -> list[Any]:
    """IAM takes and gives one thing for a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]
