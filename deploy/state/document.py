"""The state as data, and as the text that stores keep.  No secret is in it: see `remembered`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import StateError

VERSION = 2  # 1 had no salt
_REBUILD = "make it anew from the resources' tags with `pelton state rebuild FILE`"


@dataclass(frozen=True, slots=True)
class State:
    """What a deploy left.

    serial:    one more with every writing: whether somebody has deployed since
    salt:      hex, its own: of the digests of variables; "" for one that was kept before there were
               any
    resources: by key, what `Resource.remembered` said

    >>> State("demo").with_("queue:q", {"name": "q"}).resources
    {'queue:q': {'name': 'q'}}
    """

    app: str
    serial: int = 0
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    salt: str = ""

    def with_salt(self) -> State:
        """The state with a salt of its own: the one that it has, or a new one."""
        return self if self.salt else replace(self, salt=secrets.token_hex(16))

    def with_(self, key: str, remembered: Mapping[str, Any]) -> State:
        """The state after a step left this."""
        return replace(self, resources={**self.resources, key: dict(remembered)})

    def without(self, key: str) -> State:
        """The state after a step took this away."""
        kept = {name: each for name, each in self.resources.items() if name != key}
        return replace(self, resources=kept)

    def text(self) -> str:
        """The state as a store keeps it: JSON, a resource a line.

        It is written again and again while a plan is applied, and lines are made many times faster
        than an indented document.
        """
        head = {"pelton_state": VERSION, "app": self.app, "serial": self.serial, "salt": self.salt}
        lines = [
            f" {json.dumps(key)}: {json.dumps(self.resources[key], sort_keys=True)}"
            for key in sorted(self.resources)
        ]
        resources = "\n".join(["{", ",\n".join(lines), "}"]) if lines else "{}"
        return f'{json.dumps(head)[:-1]},\n"resources": {resources}}}\n'


def read_state(text: str, where: str) -> State:
    """The state from what `State.text` made; `where` it was, for errors.

    Raises `StateError` for what is no state, and for one of a newer version.

    >>> read_state(State("demo", 3).text(), "here") == State("demo", 3)
    True
    """
    try:
        document = json.loads(text)
        version = document["pelton_state"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(where, str(error)) from None
    if isinstance(version, int) and version > VERSION:
        raise StateError(
            f"the state {where} has version {version}, and this pelton reads up to {VERSION}: a "
            "newer pelton wrote it; install that one, or " + _REBUILD
        )
    try:
        resources = {str(key): dict(each) for key, each in document["resources"].items()}
        salt = bytes.fromhex(document.get("salt", "")).hex()
        return State(str(document["app"]), int(document["serial"]), resources, salt)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(where, repr(error)) from None


def _unreadable(where: str, why: str) -> StateError:
    return StateError(f"the state {where} cannot be read ({why}); {_REBUILD}")
