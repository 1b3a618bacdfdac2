"""REST: the protocol's paths over a `Plane`, as `Event`s in and `Result`s out; no server in it.

An inference is begun here and called by whoever runs the function: `begin` gives the answer, or a
`Pending` that has the call to make.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...handlers.event import Event, Result
from .errors import NOT_HERE, ProtocolError, known
from .plane import Plane, Prepared
from .rest_codec import parse, read_request, write_response


class Pending(NamedTuple):
    """An inference to be called, then `finish`ed with its answer or `failed` with its error."""

    plane: Plane
    prepared: Prepared

    @property
    def is_async(self) -> bool:
        return self.prepared.is_async

    def call(self, context: Any = None) -> Any:
        """The answer of the model; an awaitable of it where `is_async`."""
        return self.prepared.call(context)

    def finish(self, answer: Any, context: Any = None) -> Result:
        try:
            response = self.plane.finish(self.prepared, answer, context)
            return write_response(response, self.prepared.request)
        except Exception as error:
            return refused(error)


class _Route(NamedTuple):
    method: str
    answer: Callable[[Plane, Event, Any], Any]


def begin(plane: Plane, event: Event, context: Any = None) -> Result | Pending:
    """The answer to a request, or the inference that it asks for.

    >>> begin(Plane(), Event(method="GET", path="/v2/health/live")).body
    {'live': True}
    """
    try:
        route, names = _find(event.path)
        if event.method != route.method and (event.method, route.method) != ("HEAD", "GET"):
            refusal = _error(f"{event.method} is not served at {event.path}", 405)
            refusal.headers = {"allow": route.method}
            return refusal
        found = route.answer(plane, event, (*names, context))
    except Exception as error:
        return refused(error)
    return found if isinstance(found, Result | Pending) else Result(found)


def refused(error: Exception) -> Result:
    """The protocol's answer to an error; a bug is raised on, for the platform to report."""
    said = known(error)
    if said is None:
        raise error
    refusal = _error(str(said), said.status)
    if said.after is not None:
        refusal.headers = {"retry-after": str(-int(-said.after // 1))}
    return refusal


def _error(message: str, status: int) -> Result:
    return Result({"error": message}, status=status)


def _find(path: str) -> tuple[_Route, tuple[str, ...]]:
    """The route of a path and the names in it.  Raises `ProtocolError` for any other path."""
    parts = tuple(path.strip("/").split("/"))
    if parts[:2] == ("v2", "models") and len(parts) > 2 and all(parts):
        name, rest, version = parts[2], parts[3:], ""
        if rest[:1] == ("versions",) and len(rest) > 1:
            version, rest = rest[1], rest[2:]
        if rest in _OF_A_MODEL:
            return _OF_A_MODEL[rest], (name, version)
        if rest in _OF_TRITON:
            raise ProtocolError(NOT_HERE[_OF_TRITON[rest]], 501)
    if parts[:3] == ("v2", "repository", "models") and len(parts) == 5 and parts[3]:
        if parts[4] in _OF_AN_ENTRY:
            return _OF_AN_ENTRY[parts[4]], (parts[3],)
    if parts in _OF_THE_SERVER:
        return _OF_THE_SERVER[parts], ()
    raise ProtocolError(f"nothing at {path}", 404)


def _live(plane: Plane, event: Event, names: Any) -> Any:
    return {"live": True}


def _ready(plane: Plane, event: Event, names: Any) -> Any:
    ready = plane.ready()
    return Result({"ready": ready}, status=200 if ready else 503)


def _server(plane: Plane, event: Event, names: Any) -> Any:
    return plane.server()


def _metadata(plane: Plane, event: Event, names: Any) -> Any:
    return plane.metadata(*names[:2]).to_dict()


def _model_ready(plane: Plane, event: Event, names: Any) -> Any:
    ready = plane.model_ready(*names[:2])
    return Result({"name": names[0], "ready": ready}, status=200 if ready else 503)


def _infer(plane: Plane, event: Event, names: Any) -> Any:
    encoding = event.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise ProtocolError(f"a body of content-encoding {encoding!r:.40} is not taken", 415)
    request = read_request(event.body, event.headers, names[0], names[1])
    return Pending(plane, plane.prepare(request))


def _index(plane: Plane, event: Event, names: Any) -> Any:
    asked = _document(event)
    found = plane.index(ready_only=asked.get("ready") is True)
    return [each._asdict() for each in found]


def _load(plane: Plane, event: Event, names: Any) -> Any:
    _check_plain(_document(event))
    try:
        plane.load(names[0], names[1])
    except Exception as error:
        if known(error) is not None:
            raise
        what = f"the model {names[0]!r} cannot be loaded: {type(error).__name__}: {error}"
        raise ProtocolError(what, 503) from error
    return {}


def _unload(plane: Plane, event: Event, names: Any) -> Any:
    plane.unload(names[0])
    return {}


def _document(event: Event) -> dict[str, Any]:
    """The body of a repository's call: an object, or nothing at all."""
    body = event.body
    if isinstance(body, bytes | str):
        body = parse(body.encode() if isinstance(body, str) else body) if body else {}
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise ProtocolError("the body is no JSON object")
    return body


def _check_plain(asked: dict[str, Any]) -> None:
    """A load that brings its own files or settings is another server's: refused by name."""
    brought = [name for name, value in (asked.get("parameters") or {}).items() if value]
    if brought:
        raise ProtocolError(f"a load takes no parameters here; it has {', '.join(brought)}")


_OF_THE_SERVER = {
    ("v2",): _Route("GET", _server),
    ("v2", "health", "live"): _Route("GET", _live),
    ("v2", "health", "ready"): _Route("GET", _ready),
    ("v2", "repository", "index"): _Route("POST", _index),
}
_OF_A_MODEL: dict[tuple[str, ...], _Route] = {
    (): _Route("GET", _metadata),
    ("ready",): _Route("GET", _model_ready),
    ("infer",): _Route("POST", _infer),
}
_OF_TRITON = {("config",): "ModelConfig", ("stats",): "ModelStatistics"}
_OF_AN_ENTRY = {"load": _Route("POST", _load), "unload": _Route("POST", _unload)}
