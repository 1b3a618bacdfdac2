"""What an engine has written down: which messages are held, which were done, and what their broker
has not been told.  No rule is here, and none of the lanes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..message import Letter, Message
from .known import Known
from .lanes import Held
from .tally import Tally


class Books:
    """
    remember: ids of what was done that are known at least;  kind: the source's, for dead letters

    held:  by id, those that are neither done nor buried
    acks:  to be acknowledged;  backs: to be the broker's again;  posts: to be buried
    """

    def __init__(self, remember: int, kind: str) -> None:
        self.held: dict[str, Held] = {}
        self.known, self.tally, self._kind = Known(remember), Tally(), kind
        self.acks: list[Message] = []
        self.backs: list[Message] = []
        self.posts: list[Letter] = []

    def take_acks(self) -> list[Message]:
        acks, self.acks = self.acks, []
        return acks

    def take_backs(self) -> list[Message]:
        backs, self.backs = self.backs, []
        return backs

    def take_posts(self) -> list[Letter]:
        posts, self.posts = self.posts, []
        return posts

    def done(self, held: Held) -> None:
        """One that was held."""
        id = held.message.id
        del self.held[id]
        self.tally.done += 1
        self.acks.append(held.message)
        self.known.add(id)

    def ran(self, ids: Collection[str], messages: Sequence[Message]) -> None:
        """They are done, and none of them was held."""
        self.known.update(ids)
        self.acks += messages
        self.tally.done += len(messages)

    def give_up(self, held: Held, reason: str, now: float) -> None:
        """It is held until it is buried."""
        tries = held.tries or held.begun
        self.posts.append(Letter(held.message, reason, tries, now, self._kind))

    def buried(self, letter: Letter) -> None:
        held = self.held.pop(letter.message.id, None)
        if held is not None:
            self.tally.buried += 1
            self.acks.append(held.message)
            self.known.add(held.message.id)

    def give_back(self, held: Held) -> None:
        """It is the broker's again, and is told so unless it is somebody else's by now."""
        del self.held[held.message.id]
        if not held.lost:
            self.backs.append(held.message)
