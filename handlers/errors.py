"""Every error that pelton raises on the app side, as one tree.

PeltonError
├── WrongUse            a declaration is wrong: at import, with file:line and what to do
│   └── GraphError      a graph is wired wrongly: at build, with the step's path
├── InvalidInput        the event does not fit the function's types (HTTP: 422, with the path)
├── MalformedBody       the event's bytes are not what its content type says (HTTP: 400)
├── InvalidOutput       the function's answer cannot be encoded
├── Overloaded          a bounded queue is full (HTTP: 429)
├── NotReady            what the event needs is not loaded, or is resting after failures (HTTP: 503)
├── DeadlineExceeded    the event's time is over (HTTP: 504); also a TimeoutError
├── CallFailed          a service that a step called answered with an error, or badly (HTTP: 502)
├── AssetFailed         a file that is fetched cannot be had, or is another (HTTP: 503)
├── CycleLimit          a cycle of a graph was not done after its last allowed turn (HTTP: 500)
├── JobFailed           a job over a dataset ended early (HTTP: 500)
├── Reject              said by a handler: never retry this record (dead letter now; HTTP: 422)
└── Retry               said by a handler: give me this record again later (HTTP: 503)

Any other error is a bug of whoever raised it (HTTP: 500).  Each class says its `status`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class PeltonError(Exception):
    """The root of the tree above.

    status: the HTTP status that an HTTP caller gets
    """

    status: ClassVar[int] = 500

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process as it is, whatever its class takes to be made."""
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[PeltonError], args: tuple[Any, ...]) -> PeltonError:
    return kind.__new__(kind, *args)


class WrongUse(PeltonError):
    """A declaration cannot work; the message says what, where (file:line) and what to do.

    >>> str(WrongUse("two body parameters: a, b", file="app.py", line=7, advice="keep one"))
    'app.py:7: two body parameters: a, b; keep one'
    """

    def __init__(self, what: str, *, file: str = "", line: int = 0, advice: str = "") -> None:
        self.what, self.file, self.line, self.advice = what, file, line, advice
        where = f"{file}:{line}: " if file else ""
        super().__init__(f"{where}{what}" + (f"; {advice}" if advice else ""))


class GraphError(WrongUse):
    """A graph is wired wrongly; the message names the step's path."""


class InvalidInput(PeltonError):
    """The event does not fit the function's types; or your code says what is wrong with it.

    `details` lists one dict a fault: `path` (field names and indices from the body's root),
    `message`, and `type` (a short machine word).

    what: a sentence about one fault, or the list of them
    path: where the fault of a sentence is; empty: the whole body

    >>> error = InvalidInput([{"path": ["leg", 0], "message": "missing", "type": "missing"}])
    >>> str(error)
    'leg.0: missing'
    >>> print(InvalidInput("an order needs an item", path=["items"]))
    items: an order needs an item
    """

    status = 422

    def __init__(self, what: str | list[dict[str, Any]], path: Sequence[str | int] = ()) -> None:
        if isinstance(what, str):
            what = [{"path": list(path), "message": what, "type": "refused"}]
        self.details = what
        super().__init__(
            "; ".join(
                ": ".join(filter(None, (".".join(map(str, each["path"])), each["message"])))
                for each in what
            )
        )


class UnknownModel(PeltonError):
    """No model, or no version of it, that is loaded has the name asked for.

    >>> str(UnknownModel("delay", "3", known=("1", "2")))
    "there is no version '3' of the model 'delay'; there are 1, 2"
    """

    status = 404

    def __init__(
        self, name: str, version: str = "", *, known: tuple[str, ...] = (), reason: str = ""
    ) -> None:
        self.name, self.version, self.known, self.reason = name, version, known, reason
        what = f"version {version!r} of the model {name!r}" if version else f"model {name!r}"
        there = f"there are {', '.join(known)}" if known else "there is none"
        super().__init__(
            f"the {what} is not ready: {reason}" if reason else f"there is no {what}; {there}"
        )


class MalformedBody(PeltonError):
    """The event's bytes are not what its content type says."""

    status = 400


class InvalidOutput(PeltonError):
    """The function's answer cannot be encoded; the message names function and type."""


class Overloaded(PeltonError):
    """A bounded queue is full: try again `after` seconds, where that is known."""

    status = 429

    def __init__(self, what: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(what)


class NotReady(PeltonError):
    """What the event needs is not loaded yet, or rests after failures, for `after` seconds."""

    status = 503

    def __init__(self, what: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(what)


class DeadlineExceeded(PeltonError, TimeoutError):
    """The event's time, or a step's part of it, is over."""

    status = 504


class CallFailed(PeltonError):
    """A service that a step called did not answer as it was asked to.

    answered: the HTTP status that it answered with; 0 where it was none
    body:     the start of what it said; a note of the error, and so in the log, but not in its
              message, which a caller may be shown
    """

    status = 502

    def __init__(self, what: str, *, answered: int, body: str = "") -> None:
        self.answered, self.body = answered, body
        super().__init__(what)
        if body:
            self.add_note(f"it said: {body}")


class AssetFailed(PeltonError):
    """An asset cannot be fetched, or is not what was pinned; the message says what to do."""

    status = 503


class CycleLimit(PeltonError):
    """A cycle of a graph was not done after its last allowed turn."""


class Reject(PeltonError):
    """Raised by a handler: this record is bad and must never be tried again.

    >>> Reject("no such tail number: N0").status
    422
    """

    status = 422


class Retry(PeltonError):
    """Raised by a handler: give me this record again, `after` seconds from now at the earliest.

    >>> Retry("model warming up", after=30).after
    30
    """

    status = 503

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        self.reason, self.after = reason, after
        super().__init__(reason or "retry")


class JobFailed(PeltonError):
    """A job over a dataset ended early: a row failed, or the workers died.

    row_error: the row's place, its error's type, message and step (`RowError`); None for workers
    """

    row_error: Any = None
