"""CORS of an HTTP trigger, by the trigger's own settings (`attributes.cors`).

Source: Nuclio's public pkg/processor/trigger/http (trigger.go, cors/cors.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..messages import Request, Response

Headers = list[tuple[str, str]]
_VARY: Headers = [
    ("Vary", "Origin"),
    ("Vary", "Access-Control-Request-Method"),
    ("Vary", "Access-Control-Request-Headers"),
]


@dataclass(frozen=True, slots=True)
class Cors:
    """Who may call from a web page, and what preflight requests are told."""

    origins: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ("HEAD", "GET", "POST", "PUT", "DELETE", "OPTIONS")
    headers: tuple[str, ...] = (
        "Accept",
        "Content-Length",
        "Content-Type",
        "Authorization",
        "X-nuclio-log-level",
    )
    exposed: tuple[str, ...] = ()
    credentials: bool = False
    preflight: str = "OPTIONS"
    max_age: int = -1

    def allows(self, origin: str) -> bool:
        return bool(origin) and ("*" in self.origins or _among(origin, self.origins))

    def answer_preflight(self, request: Request) -> Response | None:
        """The answer to what a browser asks beforehand; None for any other request."""
        wanted = request.headers.get("access-control-request-method", "")
        if request.method != self.preflight or not wanted:
            return None
        origin = request.headers.get("origin", "")
        asked = request.headers.get("access-control-request-headers", "")
        sound = (
            self.allows(origin)
            and (wanted == self.preflight or _among(wanted, self.methods))
            and all(_among(each, self.headers) for each in asked.split(", ") if asked)
        )
        if not sound:
            return Response(400, list(_VARY), b"")
        return Response(
            200,
            [
                *_VARY,
                ("Access-Control-Allow-Origin", origin),
                *self._credentials(),
                ("Access-Control-Max-Age", str(self.max_age)),
                ("Access-Control-Allow-Methods", ", ".join(self.methods)),
                ("Access-Control-Allow-Headers", ", ".join(self.headers)),
            ],
            b"",
        )

    def marks(self, request: Request) -> Headers:
        """What the answer to a request of an allowed origin carries."""
        found = [("Access-Control-Allow-Origin", request.headers.get("origin", ""))]
        found += self._credentials()
        if self.exposed:
            found.append(("Access-Control-Expose-Headers", ", ".join(self.exposed)))
        return found

    def _credentials(self) -> Headers:
        return [("Access-Control-Allow-Credentials", "true")] if self.credentials else []


def cors_of(attributes: Mapping[str, Any]) -> Cors | None:
    """The settings of a trigger; None where CORS is not enabled.

    >>> cors_of({"cors": {"enabled": True, "allowOrigins": ["http://a.test"]}}).origins
    ('http://a.test',)
    >>> cors_of({"cors": {"enabled": False}})
    """
    given = attributes.get("cors") or {}
    if not given.get("enabled"):
        return None
    said: dict[str, Any] = {
        "origins": tuple(given.get("allowOrigins") or ()),
        "methods": tuple(given.get("allowMethods") or ()),
        "headers": tuple(given.get("allowHeaders") or ()),
        "exposed": tuple(given.get("exposeHeaders") or ()),
        "preflight": given.get("preflightRequestMethod"),
        "max_age": given.get("preflightMaxAgeSeconds"),
        "credentials": bool(given.get("allowCredentials")),
    }
    return Cors(**{name: value for name, value in said.items() if value not in (None, (), "")})


def _among(word: str, words: tuple[str, ...]) -> bool:
    return word.lower() in (each.lower() for each in words)
