"""A value sent to a service and its answer read: what a step's call over HTTP does for each event.

Knows no graph; the connections are `http_client`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from ..handlers.errors import (
    CallFailed,
    DeadlineExceeded,
    InvalidInput,
    NotReady,
    Overloaded,
    PeltonError,
    UnknownModel,
)

if TYPE_CHECKING:
    from .http_client import Answer, Client
    from .steps.http import Http

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


class NotFound(UnknownModel):
    """The service does not know what it was asked for."""

    def __init__(self, name: str, said: str) -> None:
        self.name, self.version, self.known, self.reason = name, "", (), said
        PeltonError.__init__(self, said)


class Caller:
    """The step on one worker: its connections, and what becomes of the answers."""

    def __init__(self, step: Http) -> None:
        self._settings, self._sent, self._parcel = step.settings, step.sent, step.parcel
        self._scheme, self._host, self._port, self._target = step.target
        self._where = f"{self._settings.method} {self._scheme}://{self._host}"
        self._client: Client | None = None

    def load(self) -> None:
        from .http_client import Client

        settings = self._settings
        self._client = Client(
            self._scheme, self._host, self._port, keep=settings.connections, most=settings.most
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def __call__(self, value: Any, context: Any = None) -> Any:
        from ..handlers.context import Context

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
        from .http_client import HTTPException

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
