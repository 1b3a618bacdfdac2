"""CloudEvents over HTTP: structured, binary and, for functions of a list, batched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from ..checks import placed, text
from ..errors import WrongUse
from .http import Http

if TYPE_CHECKING:
    from ..event import Event, Result


class CloudEvent(TypedDict):
    """A whole event: `def take(event: pelton.CloudEvent)`.  What it does not say is "".

    data:       as its content type says: JSON's values, text, or bytes as base64
    time:       as it was sent, RFC 3339
    extensions: further attributes, as text
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    dataschema: str
    data: Any
    extensions: dict[str, str]


class CloudEvents(Http):
    """See `cloudevents`."""

    kind: ClassVar[str] = "cloudevents"
    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True

    whole: bool = False
    origins: tuple[str, ...] = ()
    rate: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.whole, bool):
            raise WrongUse(f"cloudevents whole={self.whole!r} is neither True nor False")
        if self.origins or self.rate is not None:
            from ..webhooks import checked

            checked(self.origins, self.rate)

    @property
    def methods(self) -> tuple[str, ...]:
        return ("OPTIONS", "POST") if self.origins else ("POST",)

    def serves(self, method: str) -> bool:
        return method == "POST" or (method == "OPTIONS" and bool(self.origins))

    def greeted(self, event: Event) -> Result | None:
        from ..webhooks import handshake

        return handshake(event, self.origins, self.rate)


@placed
def cloudevents(
    path: str = "/",
    *,
    whole: bool = False,
    origins: str | Iterable[str] = (),
    rate: int | None = None,
) -> CloudEvents:
    """Run the function for CloudEvents (1.0) that are posted to that path.

    The function takes an event's data; its attributes are in the `Event` (id, source, timestamp;
    topic is the subject, key the partition key) and, each as `ce-NAME`, in its headers.  One that
    takes `list[T]` is called once for a batch.

    whole: the function takes the event with its attributes and its `data`: of a model of its own.
           A `CloudEvent` always comes whole
    origins: who may send, as DNS names: "mail.example.com", "*.example.com", "*".  The webhook
           handshake (OPTIONS with `WebHook-Request-Origin`) is then answered for them, and an event
           whose sender says another name is a 403.  Without, OPTIONS is a 405
    rate:  events a minute that a sender is told to be allowed at the most; None: any number

    What is no such event is answered 400, another form of it 415.  Nuclio's own processor takes a
    structured event for one of version 0.1 and forgets its id and type: send there in binary mode,
    as a plan says.

    >>> cloudevents("/events").route
    'POST /events'
    """
    text("cloudevents path", path)
    listed = (origins,) if isinstance(origins, str) else tuple(origins)
    return CloudEvents("POST", path, whole, listed, rate)
