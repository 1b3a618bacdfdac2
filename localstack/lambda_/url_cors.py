"""CORS of function URLs, by the settings of the URL alone.

Lambda answers a preflight itself, without calling the function, whatever the URL's AuthType.  On
other requests both the URL's headers and the function's own are sent, which may make them double.
Source: AWS's page on function URLs, "Cross-origin resource sharing".  An allowed origin is echoed
also where every one is, as was seen on AWS (powertools-lambda-python, issue 4163).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Headers = tuple[tuple[str, str], ...]


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks what a page may send.

    >>> is_preflight("OPTIONS", {"origin": "http://a", "access-control-request-method": "PUT"})
    True
    """
    return (
        method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers
    )


def preflight(cors: Mapping[str, Any], headers: Mapping[str, str]) -> Headers:
    """The headers of the answer to a preflight: none that allow where it is not allowed."""
    origin, method = headers["origin"], headers["access-control-request-method"]
    wanted = headers.get("access-control-request-headers", "")
    names = [each.strip() for each in wanted.split(",") if each.strip()]
    if not (_has(cors, "AllowOrigins", origin) and _has(cors, "AllowMethods", method)):
        return (("vary", "Origin"),)
    if not all(_has(cors, "AllowHeaders", name) for name in names):
        return (("vary", "Origin"),)
    found = [
        *_origin(cors, origin),
        ("access-control-allow-methods", _told(cors, "AllowMethods", method)),
    ]
    if cors.get("AllowHeaders"):
        found.append(("access-control-allow-headers", _told(cors, "AllowHeaders", wanted).lower()))
    if cors.get("MaxAge"):
        found.append(("access-control-max-age", str(cors["MaxAge"])))
    return tuple(found)


def on_answers(cors: Mapping[str, Any], headers: Mapping[str, str]) -> Headers:
    """What is added to the answer to any other request."""
    origin = headers.get("origin")
    if origin is None or not _has(cors, "AllowOrigins", origin):
        return ()
    exposed = ", ".join(cors.get("ExposeHeaders") or ())
    found = _origin(cors, origin)
    return (*found, ("access-control-expose-headers", exposed)) if exposed else tuple(found)


def _origin(cors: Mapping[str, Any], origin: str) -> list[tuple[str, str]]:
    found = [("access-control-allow-origin", origin), ("vary", "Origin")]
    if cors.get("AllowCredentials"):
        found.append(("access-control-allow-credentials", "true"))
    return found


def _has(cors: Mapping[str, Any], name: str, value: str) -> bool:
    listed = [each.lower() for each in cors.get(name) or ()]
    return "*" in listed or value.lower() in listed


def _told(cors: Mapping[str, Any], name: str, asked: str) -> str:
    """The list, or what was asked for where all are allowed (a browser with credentials takes no
    asterisk)."""
    return asked if "*" in cors[name] else ",".join(cors[name])
