"""A subscription as an extension asks for it, by the Telemetry API or the older Logs API.

Only the request is read here: what is wrong with it is told all at once, joined by "; " as AWS
does ("URI port is not provided; types should not be empty").  Sources: AWS's "Telemetry API
reference", "Telemetry API" and "Logs API" pages (members, limits, schema versions).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TYPES = ("platform", "function", "extension")
# The first is what stands when none is given (the Logs API only).
SCHEMAS = {
    "telemetry": ("2022-07-01", "2022-12-13", "2025-01-29"),
    "logs": ("2020-08-15", "2021-03-18"),
}
HOSTS = ("sandbox.localdomain", "sandbox")
RESERVED_PORT = 9001
# member: default, least, most
LIMITS = {
    "maxBytes": (262_144, 262_144, 1_048_576),
    "maxItems": (10_000, 1_000, 10_000),
    "timeoutMs": (1_000, 25, 30_000),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is wanted, where it goes, how it is gathered.

    api: "telemetry" or "logs"; method: "" for TCP, else "POST" or "PUT"
    max_bytes, max_items, timeout_ms: of one batch
    """

    api: str
    schema: str
    types: tuple[str, ...]
    port: int
    method: str
    path: str
    max_bytes: int
    max_items: int
    timeout_ms: int

    @property
    def has_runtime_done(self) -> bool:
        return self.schema != "2020-08-15"

    @property
    def has_objects(self) -> bool:
        """Whether a function's JSON lines are told as objects (Telemetry API since 2022-12-13)."""
        return self.api == "telemetry" and self.schema > "2022-07-01"


class SubscriptionRefused(Exception):
    """What is wrong with a request, in one sentence."""


def read(api: str, body: bytes) -> Subscription:
    """The subscription that `body` asks for.  Raises SubscriptionRefused.

    >>> read("telemetry", b'{"destination": {"protocol": "HTTP", "URI": "http://sandbox"}}')
    Traceback (most recent call last):
        ...
    pelton.localstack.lambda_.telemetry.subscriptions.SubscriptionRefused: schemaVersion is not provided; types should not be empty; URI port is not provided
    """  # noqa: E501 - one sentence
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SubscriptionRefused(f"failed to parse JSON: {error}") from None
    if not isinstance(document, dict):
        raise SubscriptionRefused("the request should be an object")
    faults: list[str] = []
    schema = _schema(api, document, faults)
    types = _types(document, faults)
    method, port, path = _destination(api, document.get("destination"), faults)
    sizes = _buffering(document.get("buffering", {}), faults)
    if faults:
        raise SubscriptionRefused("; ".join(faults))
    return Subscription(api, schema, types, port, method, path, *sizes)


def _schema(api: str, document: Mapping[str, Any], faults: list[str]) -> str:
    known = SCHEMAS[api]
    given = document.get("schemaVersion", known[0] if api == "logs" else None)
    if given is None:
        faults.append("schemaVersion is not provided")
    elif given not in known:
        faults.append(f"schemaVersion should be one of {', '.join(known)}")
    return str(given)


def _types(document: Mapping[str, Any], faults: list[str]) -> tuple[str, ...]:
    given = document.get("types")
    if not isinstance(given, list) or not given:
        faults.append("types should not be empty")
        return ()
    if unknown := [each for each in given if each not in TYPES]:
        faults.append(f"types should be of {', '.join(TYPES)}, not {unknown[0]!r}")
    return tuple(each for each in TYPES if each in given)


def _destination(api: str, given: Any, faults: list[str]) -> tuple[str, int, str]:
    """Method ("" for TCP), port, path."""
    if not isinstance(given, dict):
        faults.append("destination is not provided")
        return "", 0, ""
    protocol = given.get("protocol")
    if protocol == "TCP":
        return "", _port(given.get("port"), "port", faults), ""
    if protocol != "HTTP":
        faults.append("destination protocol should be HTTP or TCP")
        return "", 0, ""
    method = given.get("method", "POST")
    if method not in (("POST", "PUT") if api == "logs" else ("POST",)):
        faults.append("destination method is not supported")
    return str(method), *_address(given.get("URI"), faults)


def _address(uri: Any, faults: list[str]) -> tuple[int, str]:
    if not isinstance(uri, str):
        faults.append("URI is not provided")
        return 0, ""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        faults.append("URI is not valid")
        return 0, ""
    if parts.scheme != "http":
        faults.append("URI scheme should be http")
    if host not in HOSTS:
        faults.append(f"URI host should be {HOSTS[0]}")
    query = f"?{parts.query}" if parts.query else ""
    return _port(port, "URI port", faults), (parts.path or "/") + query


def _port(given: Any, what: str, faults: list[str]) -> int:
    if given is None:
        faults.append(f"{what} is not provided")
    elif not isinstance(given, int) or isinstance(given, bool) or not 0 < given < 65536:
        faults.append(f"{what} is not valid")
    elif given == RESERVED_PORT:
        faults.append(f"{what} {RESERVED_PORT} is reserved")
    else:
        return given
    return 0


def _buffering(given: Any, faults: list[str]) -> tuple[int, int, int]:
    """Bytes, items, milliseconds."""
    if not isinstance(given, dict):
        faults.append("buffering should be an object")
        given = {}
    sizes = []
    for name, (default, least, most) in LIMITS.items():
        value = given.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            faults.append(f"{name} should be between {least} and {most}")
            value = default
        sizes.append(value)
    return sizes[0], sizes[1], sizes[2]
