"""A call of a service over HTTP: the value goes out as JSON, what is answered is the next value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ..fit import type_from_dict, type_to_dict
from ..http_call import Caller, Settings
from ..kit.base import Bound, Branches, Step
from ..parcel import Parcel
from ..refer import Place, place, resolve, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741
METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")


class Http(Step[Any, Any]):
    """See `http`."""

    takes_context = either = True

    def __init__(self, settings: Settings, types: tuple[Any, Any], name: str, at: Place) -> None:
        what = f"http {name!r}"
        self.target = _target(settings, what, at)
        written = settings._asdict() | dict(
            zip(("input", "output"), map(type_to_dict, types), strict=True)
        )
        super().__init__(StepSpec("http", name, options=canonical(written)), at)
        self.settings, (self.input_type, self.output_type) = settings, types
        self.sent = Parcel(name, [self.input_type], at)
        self.parcel = Parcel(name, [self.output_type], at, verb="gives")

    def bind(self, worker: Worker, path: str) -> Bound:
        call: Callable[..., Any] = worker.make(partial(Caller, self), path)
        if self.is_async:
            from ..off_loop import Pool

            pool = worker.make(partial(Pool, path, self.settings.connections), path)
            call = pool.lifted(call)
        return Bound(self.name, path, call, is_async=self.is_async, context="context", leaf=True)


def _target(settings: Settings, what: str, at: Place) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and target of the URL; raises for one that cannot be called."""
    from urllib.parse import urlsplit

    if settings.method not in METHODS:
        raise wrong(f"{what}: method={settings.method!r}", f"one of {', '.join(METHODS)}", at=at)
    if not settings.timeout > 0 or settings.connections < 1 or settings.most < 1:
        raise wrong(f"{what}: timeout=, connections= and most= are numbers above 0", at=at)
    try:
        parts = urlsplit(settings.url)
        port = parts.port
    except ValueError as error:
        raise wrong(f"{what}: url={settings.url!r}: {error}", at=at) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise wrong(f"{what}: url={settings.url!r}", 'write "https://HOST/PATH"', at=at)
    if parts.username is not None:
        advice = 'name a secret: secrets={"authorization": "Basic {NAME}"}'
        raise wrong(f"{what}: the url holds a user's name or password", advice, at=at)
    _check_headers(settings, what, at)
    query = f"?{parts.query}" if parts.query else ""
    return parts.scheme, parts.hostname, port, f"{parts.path or '/'}{query}"


def _check_headers(settings: Settings, what: str, at: Place) -> None:
    for name, text in {**settings.headers, **settings.secrets}.items():
        if any(mark in f"{name}{text}" for mark in "\r\n\0") or not name.isascii():
            raise wrong(f"{what}: the header {name!r} holds what no header can", at=at)
    for name in {each.lower() for each in settings.headers} & {"authorization", "cookie"}:
        advice = f'name a secret: secrets={{"{name}": "Bearer {{NAME}}"}}'
        raise wrong(f"{what}: the header {name!r} would stand in the graph's spec", advice, at=at)


@overload
def http(
    url: str,
    method: str = "POST",
    *,
    output_type: type[O],
    input_type: Any = Any,
    headers: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    connections: int = 16,
    most: int = 16 << 20,
    name: str = "http",
) -> Step[Any, O]: ...
@overload
def http(
    url: str,
    method: str = "POST",
    *,
    output_type: Any = Any,
    input_type: Any = Any,
    headers: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    connections: int = 16,
    most: int = 16 << 20,
    name: str = "http",
) -> Step[Any, Any]: ...


def http(
    url: str,
    method: str = "POST",
    *,
    output_type: Any = Any,
    input_type: Any = Any,
    headers: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    connections: int = 16,
    most: int = 16 << 20,
    name: str = "http",
) -> Step[Any, Any]:
    """A step that sends the value to a service as JSON, and gives what it answers.

    method:      POST, PUT or PATCH send the value as the body, GET and DELETE its fields as a query
    output_type: what the answer is decoded to; plain JSON when left out
    input_type:  what it takes, for the check at the joint
    headers:     sent with every call; they stand in the graph's spec
    secrets:     headers of secrets by name, {"authorization": "Bearer {API_TOKEN}"}: each name is
                 asked of the context at every call, and stands nowhere else
    timeout:     seconds for a whole call, or what is left of the event's time, if that is less
    connections: how many are kept open by a worker; in an async graph also how many calls run at
                 once, each in a thread, off the loop
    most:        bytes of an answer that are read

    Raises at run, by the answer's status: 404 `UnknownModel`, 422 `InvalidInput`, 429 `Overloaded`,
    503 `NotReady` (and when nobody is there), 504 `DeadlineExceeded` (and when time is over), any
    other, a redirect and an answer that does not fit `CallFailed`.  At build, `GraphError` for what
    cannot be called, and for a password that would stand in the spec.

    >>> from pelton import steps
    >>> steps.http("https://models.example/score", input_type=str, output_type=float)
    <http step http: str -> float>
    """
    settings = Settings(
        url, method.upper(), dict(headers or {}), dict(secrets or {}), timeout, connections, most
    )
    return Http(settings, (input_type, output_type), name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    settings = Settings(*(spec.option(each) for each in Settings._fields))
    types = tuple(type_from_dict(spec.option(each), resolve) for each in ("input", "output"))
    return Http(settings, (types[0], types[1]), spec.name, at)
