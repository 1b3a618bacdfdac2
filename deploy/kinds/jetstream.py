"""A stream of NATS JetStream that an app asks for: a queue between functions of a graph on Nuclio,
or its dead letters.  Made over NATS's own protocol: whoever deploys must reach the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from ..errors import CannotPlan, Unreachable
from .base import Change, Resource
from .function import APP_TAG

if TYPE_CHECKING:
    from ...serving_graph.brokers.nats import NatsBroker
    from ..targets.target import Target

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class JetStream(Resource):
    """A stream, by its broker's address and its own name: `nats://127.0.0.1:4222/orders`.

    window:      seconds until an event that was handed out comes again; 0: nobody takes from it
    at_once:     events in hand at one time; 1 keeps an order
    receives:    how often one is handed out
    letters_of:  the streams whose dead letters it takes
    messages:    live only: how many are in it
    """

    kind: ClassVar[str] = "jetstream"
    platform: ClassVar[str] = "nats"
    part: ClassVar[str] = "triggers"
    shown: ClassVar[tuple[str, ...]] = ("window", "at_once", "receives")
    tagged: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    window: float = 0.0
    at_once: int = 0
    receives: int = 0
    letters_of: tuple[str, ...] = ()
    messages: int = field(default=0, compare=False)

    @property
    def broker(self) -> str:
        """The address of its server."""
        return self.name.rpartition("/")[0]

    @property
    def stream(self) -> str:
        """What it is called there."""
        return self.name.rpartition("/")[2]

    @property
    def _says(self) -> tuple[str, ...]:
        return self.shown if self.window else ()

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        cause = self.causes.get("", "")
        what = f"stream {self.stream}"
        if have is None:
            kept = f"dead letters of {', '.join(self.letters_of)}" if self.letters_of else "file"
            yield Change(self.part, what, None, kept, cause)
            yield from self.differences(self._says, None)
            return
        for queue in self.letters_of:
            if queue not in have.letters_of:
                yield Change(self.part, f"{what} dead letters", None, queue, cause)
        for each in self.differences(self._says, have):
            yield Change(self.part, f"{what} {each.what}", each.old, each.new, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"stream {self.stream}", f"{self.messages} messages", None)

    def keeps(self) -> str:
        if not self.messages:
            return ""
        return f"{self.messages} messages wait in it; take them out, or use `pelton destroy`"

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action == "delete" and self.messages:
            return f"{self.messages} messages in it are lost"
        return ""

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        from ...serving_graph.brokers.nats_streams import given_up, look

        broker, _, stream = name.rpartition("/")
        told = _ask(broker, lambda js: look(js, stream))
        if told is None:
            return None
        start, end = given_up("*").split("*")
        letters = [e[len(start) : -len(end)] for e in told.subjects if e.startswith(start)]
        return cls(
            name=name,
            app=told.tags.get(APP_TAG, ""),
            window=told.window,
            at_once=told.at_once if told.window else 0,
            receives=told.receives if told.window else 0,
            letters_of=tuple(sorted(letters)),
            messages=told.messages,
        )

    def create(self, target: Target) -> None:
        from ...serving_graph.brokers.nats_streams import Stream, given_up, make

        letters = map(given_up, self.letters_of)
        wanted = Stream(
            self.stream,
            (self.stream, *letters),
            self.window,
            self.at_once,
            self.receives,
            {APP_TAG: target.app},
        )
        _ask(self.broker, lambda js: make(js, wanted))

    def delete(self, target: Target) -> None:
        from ...serving_graph.brokers.nats_streams import remove

        _ask(self.broker, lambda js: remove(js, self.stream))


def _ask(broker: str, what: Callable[[Any], Any]) -> Any:
    """What a server's JetStream answers."""
    from ...serving_graph.brokers.base import Away

    try:
        with _connected(broker) as connected:
            return connected.ask(what)
    except Away as error:
        raise Unreachable(
            f"{error}; a deploy makes the graph's queues there, so it must reach the server"
        ) from None


@contextmanager
def _connected(broker: str) -> Iterator[NatsBroker]:
    from ...serving_graph.brokers.nats import NatsBroker

    try:
        import nats  # noqa: F401 - only whether it is there
    except ImportError:
        raise CannotPlan(
            f"the graph's queues are on {broker}, and nats-py is not installed here: "
            "pip install 'pelton[nats]'"
        ) from None
    found = NatsBroker(broker)
    try:
        yield found
    finally:
        found.close()
