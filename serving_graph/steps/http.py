"""A call of a service over HTTP: the value goes out as JSON, what is answered is the next value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar, overload

from ...handlers.errors import (
    CallFailed,
    DeadlineExceeded,
    InvalidInput,
    NotReady,
    Overloaded,
    PeltonError,
    UnknownModel,
)
from ..fit import type_from_dict, type_to_dict
from ..kit.base import Bound, Branches, Step
from ..parcel import Parcel
from ..refer import Place, place, resolve, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..http_client import Answer, Client
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741
METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")
IN_QUERY = ("GET", "DELETE")  # the value goes into the query
SHOWN = 500  # characters of a bad answer


class Settings(NamedTuple):
    """See `http`."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    secrets: dict[str, str] = {}  # noqa: RUF012 - never changed
    timeout: float = 10.0
    connections: int = 16
    most: int = 16 << 20


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
        call: Callable[..., Any] = worker.make(partial(_Caller, self), path)
        if self.is_async:
            from ..off_loop import Pool

            pool = worker.make(partial(Pool, path, self.settings.connections), path)
            call = pool.lifted(call)
        return Bound(self.name, path, call, is_async=self.is_async, context="context", leaf=True)


class NotFound(UnknownModel):
    """The service does not know what it was asked for."""

    def __init__(self, name: str, said: str) -> None:
        self.name, self.version, self.known, self.reason = name, "", (), said
        PeltonError.__init__(self, said)


class _Caller:
    """The step on one worker: its connections, and what becomes of the answers."""

    def __init__(self, step: Http) -> None:
        self._settings, self._sent, self._parcel = step.settings, step.sent, step.parcel
        self._scheme, self._host, self._port, self._target = step.target
        self._where = f"{self._settings.method} {self._scheme}://{self._host}"
        self._client: Client | None = None

    def load(self) -> None:
        from ..http_client import Client

        settings = self._settings
        self._client = Client(
            self._scheme, self._host, self._port, keep=settings.connections, most=settings.most
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def __call__(self, value: Any, context: Any = None) -> Any:
        from ...handlers.context import Context

        context = Context() if context is None else context
        target, body = self._written(value)
        answer = self._send(target, body, self._headers(context), self._seconds(context))
        if not answer.whole:
            raise self._bad(answer, f"more than the {self._settings.most} bytes that are read")
        if not 200 <= answer.status < 300:
            self._refused(answer)
        return self._read(answer)

    def _written(self, value: Any) -> tuple[str, bytes | None]:
        """The target and the body that say the value."""
        plain = self._sent.pack(value)
        if self._settings.method not in IN_QUERY:
            return self._target, json.dumps(plain, allow_nan=False).encode()
        from urllib.parse import urlencode

        if not isinstance(plain, dict):
            raise TypeError(f"a query takes an object's fields, not {plain!r:.60}")
        text = {
            name: each if isinstance(each, str) else json.dumps(each)
            for name, each in plain.items()
        }
        joint = "&" if "?" in self._target else "?"
        return f"{self._target}{joint}{urlencode(text)}" if text else self._target, None

    def _headers(self, context: Any) -> dict[str, str]:
        said = {"accept": "application/json", "user-agent": "pelton"}
        if self._settings.method not in IN_QUERY:
            said["content-type"] = "application/json"
        if context.request_id:
            said["x-request-id"] = context.request_id
        said |= {name.lower(): text for name, text in self._settings.headers.items()}
        for name, text in self._settings.secrets.items():
            said[name.lower()] = _filled(text, context.secret)
        return said

    def _seconds(self, context: Any) -> float:
        left = context.remaining_time()
        seconds = self._settings.timeout if left is None else min(left, self._settings.timeout)
        if seconds <= 0:
            raise DeadlineExceeded(f"no time was left to call {self._where}")
        return seconds

    def _send(
        self, target: str, body: bytes | None, headers: dict[str, str], seconds: float
    ) -> Answer:
        from ..http_client import HTTPException

        assert self._client is not None
        try:
            return self._client.send(self._settings.method, target, body, headers, seconds)
        except TimeoutError:
            what = f"{self._where} did not answer within {seconds:.3g} seconds"
            raise DeadlineExceeded(what) from None
        except OSError as error:
            raise NotReady(f"{self._where} cannot be reached: {error}") from error
        except HTTPException as error:
            said = f"{type(error).__name__}: {error}"
            raise CallFailed(f"{self._where} does not speak HTTP: {said}", answered=0) from error

    def _refused(self, answer: Answer) -> NoReturn:
        """Raise what the status means."""
        what = f"{self._where} answered {answer.status}"
        error: PeltonError
        if answer.status == 404:
            error = NotFound(self._where, what)
        elif answer.status == 422:
            error = InvalidInput([{"path": [], "message": what, "type": "refused"}])
        elif answer.status == 429:
            error = Overloaded(what, after=_after(answer))
        elif answer.status == 503:
            error = NotReady(what, after=_after(answer))
        elif answer.status == 504:
            error = DeadlineExceeded(what)
        elif 300 <= answer.status < 400:
            to = answer.headers.get("location", "")
            error = self._bad(answer, f"a redirect to {to!r:.200}, which is not followed")
        else:
            error = CallFailed(what, answered=answer.status, body=_start(answer.body))
        if not isinstance(error, CallFailed) and (body := _start(answer.body)):
            error.add_note(f"it said: {body}")  # for the log: a caller may be shown the message
        raise error

    def _bad(self, answer: Answer, why: str) -> CallFailed:
        body = _start(answer.body)
        return CallFailed(f"{self._where} answered {why}", answered=answer.status, body=body)

    def _read(self, answer: Answer) -> Any:
        if not answer.body:
            plain = None
        else:
            try:
                plain = json.loads(answer.body)
            except ValueError as error:
                raise self._bad(answer, f"what is no JSON ({error})") from None
        try:
            return self._parcel.unpack(plain)
        except InvalidInput as error:
            raise self._bad(answer, f"what does not fit ({error})") from None


def _start(body: bytes) -> str:
    text = body[: 4 * SHOWN].decode("utf-8", "replace").strip()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None


def _filled(text: str, secret: Callable[[str], str]) -> str:
    """The text with each {NAME} as the secret of that name."""
    from string import Formatter

    parts = Formatter().parse(text)
    return "".join(said + (secret(name) if name else "") for said, name, _, _ in parts)


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
