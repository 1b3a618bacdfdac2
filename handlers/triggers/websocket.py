"""WebSocket: what a server sends to a client that has connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import placed, text
from ..errors import WrongUse
from .from_broker import address
from .guarded import Guarded, GuardedWords


class WebSocket(Guarded):
    """See `websocket`."""

    kind: ClassVar[str] = "websocket"

    url: str = ""
    subscribe: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    ordered: bool = True
    answers: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        address("websocket", self.url, "wss", "ws")
        text("websocket subscribe", self.subscribe)
        for name, value in self.headers:
            text("websocket headers: a name", name)
            text(f"websocket headers: {name}", value)
        if not isinstance(self.answers, bool):
            raise WrongUse(f"websocket answers={self.answers!r} is neither True nor False")
        if self.answers and self.batch != 1:
            raise WrongUse(
                f"websocket has answers=True and batch={self.batch}: an answer is to one message",
                advice="leave batch= away",
            )

    @property
    def name(self) -> str:
        """The address, without user, password and query, in which there may be a token."""
        scheme, _, rest = self.url.partition("://")
        host, slash, path = rest.partition("?")[0].partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        said = {name: getattr(self, name) for name in ("url", "subscribe", "ordered")}
        return "websocket", {**said, "headers": dict(self.headers), **self.access}


@placed
def websocket(
    url: str,
    *,
    subscribe: str = "",
    headers: Mapping[str, str] | None = None,
    ordered: bool = True,
    answers: bool = False,
    **words: Unpack[GuardedWords],
) -> WebSocket:
    """Run the function for each message that a WebSocket server sends, text or binary.

    url:         "wss://HOST/PATH", "ws:" without TLS; user and password may be in it
    subscribe:   a text message that is sent after each connecting: what is wanted
    headers:     of the request that opens the connection: {"Authorization": "Bearer …"}
    ordered:     one message after the other, as they came; else as many at once as `workers`
    user, password: where the address does not say them; password may be a `secret`
    ca, cert, cert_key: files where the bridge runs, for wss:
    answers:     what the function returns is sent back over the connection that the message came
                 by (text as text, bytes as a binary message, all else as JSON; None sends nothing)
    dead_letter: a file where the bridge runs, one JSON object a line
    batch, window, attempts, workers, max_age, backoff: of the delivery, see the how-to
                 on event sources

    A message is sent once, over a connection that is open then.  Neither Lambda nor Nuclio connects
    to a server: `pelton bridge` does, once, and calls.

    >>> websocket("wss://me:secret@example.com/trades?token=secret").name
    'wss://example.com/trades'
    """
    if headers is not None and not isinstance(headers, Mapping):
        raise WrongUse(f"websocket headers={headers!r} is no mapping of names to values")
    said = tuple((headers or {}).items())
    return WebSocket(
        url=url, subscribe=subscribe, headers=said, ordered=ordered, answers=answers, **words
    )
