"""A function of Nuclio's that shares its requests among others: a canary where there is no gateway.

It is deployed as it stands, as source code, under a function's public name, and passes each request
on to the function that is drawn for it, with method, path, headers and body, and its answer back
with status, headers and body, a stream as it comes.  It counts answers and times of each.  So it
knows the standard library and Nuclio's objects, and nothing of pelton.
"""

import http.client
import json
import os
import random
import select
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

SETTINGS = "PELTON_ROUTER"
ASK = "x-pelton-router"  # a request with the router's key in it is asking for the counts
# Times are counted in classes, each a tenth wider than the one before; the first ends at 0.1 ms.
CLASSES, FIRST, WIDER = 160, 0.1, 1.1
# What is of one connection, or is written anew.
_HOP = frozenset(
    "connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect "
    "content-length server date".split()
)
_SPAN = 1 << 32
_PLAIN = "/:@!$&'()*+,;=~-._"  # what a path may have as it is


class Counts:
    """Answers and times by function, of all workers together: each has a file that it writes, and
    whoever is asked adds up all of them."""

    def __init__(self, names: list[str], folder: Path) -> None:
        self._names, self._folder = names, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._each = struct.Struct(f"<ddd{CLASSES}d")
        self._file = open(folder / f"{os.getpid()}-{time.monotonic_ns()}", "wb", buffering=0)
        self._known = {name: [0.0] * (3 + CLASSES) for name in names}

    def add(self, name: str, seconds: float, failed: bool) -> None:
        known, milliseconds = self._known[name], seconds * 1000
        known[failed] += 1
        known[2] += milliseconds
        known[3 + class_of(milliseconds)] += 1
        os.pwrite(
            self._file.fileno(),
            self._each.pack(*known),
            self._names.index(name) * self._each.size,
        )

    def total(self) -> dict[str, dict[str, float]]:
        """By function: success, failure, sum (ms), and the requests of each class of times."""
        found = {name: [0.0] * (3 + CLASSES) for name in self._names}
        for path in self._folder.iterdir():
            content = path.read_bytes()
            for at, name in enumerate(self._names):
                piece = content[at * self._each.size : (at + 1) * self._each.size]
                if len(piece) == self._each.size:
                    pairs = zip(found[name], self._each.unpack(piece), strict=True)
                    found[name] = [one + other for one, other in pairs]
        return {name: _named(each) for name, each in found.items()}

    def close(self) -> None:
        self._file.close()


def _named(values: list[float]) -> dict[str, float]:
    success, failure, milliseconds, *classes = values
    some = {f"c{number}": count for number, count in enumerate(classes) if count}
    return {"success": success, "failure": failure, "sum": milliseconds, **some}


def class_of(milliseconds: float) -> int:
    """
    >>> class_of(0.05), class_of(upper(40) * 0.99)
    (0, 40)
    """
    number = 0
    while number < CLASSES - 1 and milliseconds > upper(number):
        number += 1
    return number


def upper(number: int) -> float:
    """The longest time of a class, in milliseconds."""
    return float(_UPPER[number])


_UPPER = [FIRST * WIDER**number for number in range(CLASSES)]


class Router:
    """One worker's: its settings, a connection to each function, and its counts.

    settings: routes [[function, share], …], the shares add up to 1; sticky "" or `header:NAME`,
    `cookie:NAME`, `query:NAME`; seconds, for an answer; key, of who may ask for the counts
    """

    def __init__(self, platform: Any, settings: Mapping[str, Any], folder: Path) -> None:
        self._platform, self._settings = platform, settings
        self._routes: list[tuple[str, float]] = [(str(a), float(b)) for a, b in settings["routes"]]
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self.counts = Counts([name for name, _ in self._routes], folder)
        self._random = random.Random()

    def answer(self, context: Any, event: Any) -> Any:
        headers = {_text(name).lower(): value for name, value in (event.headers or {}).items()}
        if _text(headers.get(ASK, "")) == self._settings["key"]:
            body = json.dumps(self.counts.total())
            return context.Response(body=body, content_type="application/json", status_code=200)
        first = self.drawn(headers, event)
        others = [name for name, _ in self._routes if name != first]
        for name in (first, *others):
            began = time.perf_counter()
            try:
                connection = self._connected(name)
            except OSError as error:  # it has got nothing yet: another may answer
                self.counts.add(name, time.perf_counter() - began, failed=True)
                context.logger.warn_with("a function is not reached", function=name, error=error)
                continue
            return self._passed(context, event, headers, name, connection, began)
        return _failed(context, 503, "no function is reached")

    def drawn(self, headers: Mapping[str, Any], event: Any) -> str:
        """The function that answers this request: the same for one key, where that is asked for,
        and a function whose share grows keeps the keys that it has."""
        key = self._key(headers, event) if self._settings.get("sticky") else ""
        return route_at(self._routes, place_of(key) if key else self._random.random())

    def _key(self, headers: Mapping[str, Any], event: Any) -> str:
        kind, _, name = str(self._settings["sticky"]).partition(":")
        if kind == "header":
            return _text(headers.get(name.lower(), ""))
        if kind == "query":
            fields = {_text(key): value for key, value in (event.fields or {}).items()}
            return _text(fields.get(name, ""))
        for pair in _text(headers.get("cookie", "")).split(";"):
            found, _, value = pair.strip().partition("=")
            if found == name:
                return value
        return ""

    def _connected(self, name: str) -> http.client.HTTPConnection:
        """The connection to a function; one that was closed meanwhile is made anew, before anything
        is sent on it."""
        known = self._connections.get(name)
        if known is not None and known.sock is not None and not _is_readable(known.sock):
            return known
        if known is not None:
            known.close()
        # As nuclio_sdk's own calls: how a function is reached is for whoever runs it to say.
        make = getattr(self._platform, "_connection_provider", http.client.HTTPConnection)
        of = f"{self._platform.namespace}-" if self._platform.kind == "local" else ""
        connection: http.client.HTTPConnection = make(
            f"nuclio-{of}{name}:8080", timeout=float(self._settings["seconds"])
        )
        connection.connect()
        self._connections[name] = connection
        return connection

    def _passed(
        self,
        context: Any,
        event: Any,
        headers: Mapping[str, Any],
        name: str,
        connection: http.client.HTTPConnection,
        began: float,
    ) -> Any:
        try:
            _send(connection, event, headers)
            response = connection.getresponse()
            body: Any = self._stream(name, response) if response.chunked else response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.counts.add(name, time.perf_counter() - began, failed=True)
            return _failed(context, 502, f"{name} gave no answer: {error!r}")
        self.counts.add(name, time.perf_counter() - began, failed=response.status >= 400)
        return context.Response(
            body=body,
            headers=_cased(response.getheaders()),
            content_type=response.getheader("content-type") or "text/plain",
            status_code=response.status,
        )

    def _stream(self, name: str, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """The pieces of an answer as they come.  Its connection is nobody else's until the end."""
        connection = self._connections.pop(name)
        try:
            while piece := response.read1(1 << 16):
                yield piece
        finally:
            connection.close()


def route_at(routes: list[tuple[str, float]], at: float) -> str:
    """The function at a place of 0 to 1; the last's share is the first part.

    >>> route_at([("f-stable", 0.9), ("f-canary", 0.1)], 0.05)
    'f-canary'
    """
    for name, share in reversed(routes):
        at -= share
        if at < 0:
            return name
    return routes[0][0]


def place_of(key: str) -> float:
    """Where a key stands among all, 0 to 1: the same everywhere and always.

    >>> place_of("ana") == place_of("ana"), 0 <= place_of("bo") < 1
    (True, True)
    """
    return int.from_bytes(blake2b(key.encode(), digest_size=4).digest()) / _SPAN


def _send(connection: http.client.HTTPConnection, event: Any, headers: Mapping[str, Any]) -> None:
    """The request as it came.  A body that was read as JSON is written as JSON: the function reads
    it again, and sees what it would have seen."""
    body = event.body
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.putrequest(
        _text(event.method) or "GET", _target(event), skip_host=True, skip_accept_encoding=True
    )
    for name, value in headers.items():
        if name not in _HOP and name != ASK:
            connection.putheader(name, value if isinstance(value, bytes) else str(value).encode())
    connection.putheader("Content-Length", str(len(content)))
    connection.endheaders(content)


def _target(event: Any) -> str:
    """Path and query as the function sees them: Nuclio tells the path decoded, and one value of a
    field."""
    fields = {_text(name): _text(value) for name, value in (event.fields or {}).items()}
    query = urlencode(fields, errors="surrogateescape")
    path = quote(_text(event.path) or "/", safe=_PLAIN, errors="surrogateescape")
    return path + (f"?{query}" if query else "")


def _cased(given: list[tuple[str, str]]) -> dict[str, str]:
    """An answer's headers as a mapping; of several of one name (cookies) each has letters of its
    own case, which Nuclio's server writes its own way again."""
    found: dict[str, str] = {}
    for name, value in given:
        if name.lower() in _HOP or name.lower() == "content-type":
            continue
        number, cased = 0, name
        while cased in found:
            number += 1
            pairs = enumerate(name)
            cased = "".join(c.swapcase() if number >> at & 1 else c for at, c in pairs)
        found[cased] = value
    return found


def _is_readable(sock: Any) -> bool:
    """Whether something has come on a connection that waits for nothing: its end."""
    return bool(select.select([sock], [], [], 0)[0])


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _failed(context: Any, status: int, why: str) -> Any:
    context.logger.warn_with("a request is not answered", why=why)
    return context.Response(body=why, content_type="text/plain", status_code=status)


def _folder(key: str) -> Path:
    """Beside the code, which goes with the function; elsewhere where that cannot be written."""
    beside = Path(__file__).resolve().parent
    if os.access(beside, os.W_OK):
        return beside / ".pelton-router"
    return Path(tempfile.gettempdir()) / f"pelton-router-{key}"


def init_context(context: Any) -> None:
    settings = json.loads(os.environ[SETTINGS])
    context.user_data.router = Router(context.platform, settings, _folder(settings["key"]))


def handler(context: Any, event: Any) -> Any:
    return context.user_data.router.answer(context, event)
