"""A plan as data: which steps are to be taken, in which order, and why; printed, kept and compared.

How it is come to is in `planning`; `apply` is the only code that changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .kinds.base import Change, Resource

PENDING = "pending"  # remembered of what a deploy was about to make


@dataclass(frozen=True, slots=True)
class Step:
    """One resource to create, update, replace or delete, and why.

    want, have: what it is to be and what it is; None for what it is not to be, or is not
    needs:      the keys of the steps that must be done before
    follows:    what downtime or cost follows, in a sentence
    drift:      what somebody else did to it since the last deploy
    """

    action: str
    want: Resource | None
    have: Resource | None
    changes: tuple[Change, ...] = ()
    needs: tuple[str, ...] = ()
    follows: str = ""
    drift: str = ""

    @property
    def resource(self) -> Resource:
        found = self.want or self.have
        assert found is not None
        return found

    @property
    def key(self) -> str:
        return self.resource.key

    @property
    def head(self) -> str:
        """Its first line for people: `shop on sqs: create queue`."""
        it = self.resource
        return f"{it.function or it.name} on {it.platform}: {self.action} {words(it.kind)}"

    def document(self) -> dict[str, Any]:
        """The step as JSON-ready data, without secrets."""
        it = self.resource
        return {
            "do": self.action,
            "kind": it.kind,
            "name": it.name,
            "platform": it.platform,
            "function": it.function,
            "changes": [_change_document(each) for each in self.changes],
            "needs": list(self.needs),
            "follows": self.follows,
            "drift": self.drift,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they can be taken; empty when there is nothing to do.

    functions: the chosen functions of the app
    notes:     what to know of it all the same, a sentence each
    live:      what it was made from, by key
    gone:      the keys of what a state remembers and is neither wanted nor there
    """

    app: str
    functions: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    live: Mapping[str, Resource] = field(default_factory=dict)
    gone: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    def document(self) -> dict[str, Any]:
        """The plan as JSON-ready data, without secrets."""
        return {
            "app": self.app,
            "functions": list(self.functions),
            "steps": [each.document() for each in self.steps],
            "notes": list(self.notes),
        }


def _change_document(change: Change) -> dict[str, Any]:
    return {
        "part": change.part,
        "what": change.what,
        "old": change.old,
        "new": change.new,
        "cause": change.cause,
        "replaces": change.replaces,
        "drift": change.drift,
    }


def words(kind: str) -> str:
    """A kind as words.

    >>> words("queue_mapping")
    'queue mapping'
    """
    return kind.replace("_", " ")
