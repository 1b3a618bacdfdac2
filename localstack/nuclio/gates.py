"""Who may call a function's own port: as the emulator's gate judges, but for two things.

Functions call each other by the names of their services, which are names of this machine here; and
where a trigger has CORS settings, web pages are judged by those.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..front import Gate
from ..messages import Request, Response

# No name that the world's DNS could have: it has no dot, or is of a cluster's own zone.
SERVICE = re.compile(r"nuclio-[a-z0-9-]+(\.[a-z0-9-]+\.svc(\.cluster\.local)?)?(:\d+)?")


class ServiceNames:
    """Admits the names of functions' services as hosts.

    >>> from ..gate import WebGate
    >>> gate = ServiceNames(WebGate("127.0.0.1"))
    >>> gate.refuses(Request("GET", "/", {"host": "nuclio-nuclio-f:8080"}))
    >>> gate.refuses(Request("GET", "/", {"host": "nuclio-f.evil.test"})).status
    403
    """

    def __init__(self, inner: Gate) -> None:
        self._inner = inner

    def refuses(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if host.startswith("nuclio-") and SERVICE.fullmatch(host):
            request = replace(request, headers={**request.headers, "host": "localhost"})
        return self._inner.refuses(request)

    def limit(self, request: Request) -> int:
        return self._inner.limit(request)

    def marked(self, request: Request, response: Response) -> Response:
        return self._inner.marked(request, response)


class OwnRules(ServiceNames):
    """Leaves web pages to the trigger's own CORS, and judges hosts as before."""

    def refuses(self, request: Request) -> Response | None:
        host = {name: request.headers[name] for name in ("host",) if name in request.headers}
        return super().refuses(replace(request, headers=host))

    def marked(self, request: Request, response: Response) -> Response:
        return response
