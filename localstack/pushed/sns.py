"""SNS: a record's certificate and unsubscribe addresses have names of their own for Lambda.

Source: Lambda's page on SNS ("SigningCertUrl", "UnsubscribeUrl"; an HTTP subscriber is sent
"SigningCertURL", "UnsubscribeURL"), whose sample always has MessageAttributes and Subject.
"""

from __future__ import annotations

from typing import Any

from . import records
from .visit import Visit

_NAMES = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


def recognises(event: Any, visit: Visit | None) -> bool:
    record = records.first(event)
    return record.get("EventSource") == "aws:sns" and isinstance(record.get("Sns"), dict)


def event(event: Any, visit: Visit | None) -> Any:
    """
    >>> given = {"Records": [{"EventSource": "aws:sns", "Sns": {"SigningCertURL": "https://c"}}]}
    >>> event(given, None)["Records"][0]["Sns"]
    {'Subject': None, 'MessageAttributes': {}, 'SigningCertUrl': 'https://c'}
    """
    return records.each(event, _mended)


def _mended(record: records.Record) -> records.Record:
    told = {_NAMES.get(name, name): value for name, value in record.get("Sns", {}).items()}
    return {**record, "Sns": {"Subject": None, "MessageAttributes": {}, **told}}


def result(result: dict[str, Any], visit: Visit | None) -> dict[str, Any]:
    return result
