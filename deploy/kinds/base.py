"""The one shape of every kind of resource: what it is as data, and the five things done with it.

A kind is a frozen dataclass in a file of this folder.  One object of it says what is wanted *or*
what is live, in the same words, so that the two compare.  Its values are JSON's own (with tuples
for lists), so that plans can be saved and states kept.  A kind knows its platform's API; it never
knows an app, a file, a state or another kind's code: what it needs is named by key.

To add one: a file here with a subclass of `Resource`, its class in `kinds/__init__.py`, and whoever
wants it in `deploy/wants/`.  Planning, state, order, progress and destroying come by themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ...handlers.secret import is_reference

if TYPE_CHECKING:
    from ..targets.target import Target

PARTS = ("code", "dependencies", "configuration", "triggers", "permissions", "alias")
OURS = "*"  # made by pelton, though it does not say for which app
SALTED = "salted"  # remembered with the state's salt
# A variable whose name has one of these is not shown.
_SECRET = ("secret", "password", "passwd", "token", "credential", "apikey", "api_key", "private")


class Reference(str):
    """Where a secret's value comes from: no secret itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One value that will be another.

    part:     of the function: one of `PARTS`
    old, new: None for what is not there (yet, or any more)
    cause:    the file, requirement or decorator line it comes from, where known
    replaces: it cannot be changed in place: the resource is deleted and made anew
    drift:    somebody else made it what it is: the last deploy left another value
    """

    part: str
    what: str
    old: Any
    new: Any
    cause: str = ""
    replaces: bool = False
    drift: bool = False


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What there is to be, or is, of one kind.

    name:     unique among its kind; what hangs on a function begins with `FUNCTION/`
    function: whose it is, for people; the first that asks for it
    app:      live only: whose it is by its tags ("" untagged; `OURS`)
    after:    keys of more that must be there before, beside what `needs` says by itself
    causes:   wanted only: by field ("" for all others), where the value comes from

    What a kind says of itself:

    kind, platform: its name, and the service that it lives in
    part:           of a function, where its changes belong
    shown:          the fields that are compared and shown, in this order
    fixed:          those of them that cannot be changed in place
    hangs:          it belongs to one function and is found by `hanging`, not by `read` alone
    sought:         it is looked for on every function, also where neither app nor state names it
    setting:        it is a setting of its function: whose the function is, it is
    tagged:         it carries tags: only what is tagged as the app's is ever deleted
    shared:         one of others' may be used as it is (a queue that was there before)
    on_demand:      made only when something that needs it is made or gets other code, and deleted
                    by `destroy` alone
    """

    kind: ClassVar[str]
    platform: ClassVar[str] = "lambda"
    part: ClassVar[str] = "configuration"
    shown: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[tuple[str, ...]] = ()
    hangs: ClassVar[bool] = False
    sought: ClassVar[bool] = True
    setting: ClassVar[bool] = False
    tagged: ClassVar[bool] = False
    shared: ClassVar[bool] = False
    on_demand: ClassVar[bool] = False

    name: str
    function: str = field(default="", compare=False)
    app: str = field(default="", compare=False)
    after: tuple[str, ...] = field(default=(), compare=False)
    causes: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> str:
        """Its address in plans and states: `kind:name`."""
        return f"{self.kind}:{self.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The keys of what must be there before it."""
        return self.after

    @property
    def words(self) -> str:
        """What people call it: `queue 'orders'`."""
        return f"{self.kind.replace('_', ' ')} {self.name!r}"

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        """What must change so that `have` (None: nothing is there) becomes this.

        last: what a state remembers of it, where it does
        """
        yield from self.differences(self.shown, have)

    def differences(
        self, names: tuple[str, ...], have: Self | None, part: str = ""
    ) -> Iterator[Change]:
        """A change for each of these fields that is not what `have` has."""
        for name in names:
            whole = self.causes.get(name, self.causes.get("", ""))
            replaces = have is not None and name in self.fixed
            old, new = getattr(have, name, None), getattr(self, name)
            for what, was, will in unequal(name, old, new):
                cause = self.causes.get(what, whole)
                yield Change(part or self.part, what, was, will, cause, replaces)

    def gone(self) -> Iterator[Change]:
        """What a plan says of it where it is deleted."""
        yield Change(self.part, self.words, "there", None)

    def pulls(self, changes: tuple[Change, ...]) -> bool:
        """Whether these changes take what it needs on demand (an archive)."""
        return any(each.part in ("code", "dependencies") for each in changes)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        """What downtime or cost follows, in a sentence; "" where none does."""
        return ""

    def instead_of(self, have: Self) -> str:
        """Why it is made anew in the place of another of its kind that the app names no more, and
        that one is not changed; "" where it has nothing to do with that."""
        return ""

    def keeps(self) -> str:
        """Why a deploy must not delete it now (messages wait in it); "" where it may."""
        return ""

    def remembered(self, salt: str = "") -> dict[str, Any]:
        """What a state keeps of it: everything but secrets, of which it keeps digests.

        salt: the state's own, hex; "" as states were kept that had none
        """
        return remembered(dump(self), salt)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        """The one of this name as it is now; None when it is not there."""
        raise NotImplementedError

    @classmethod
    def hanging(cls, target: Target, function: str) -> Iterator[Self]:
        """Those that hang on a function; nothing where it is not there."""
        yield from ()

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        """The names of those whose tags name the app: what a lost state is made of again."""
        yield from ()

    @classmethod
    def pointing(cls, target: Target, function: str) -> Iterator[str]:
        """The names of those that call a function or are settings of it, where neither tags nor
        `hanging` find them: what a lost state is made of again."""
        yield from ()

    def create(self, target: Target) -> None:
        """Make it, and come back when it is there.  Twice does what once does."""
        raise NotImplementedError

    def update(self, target: Target, have: Self) -> None:
        """Make of `have` what this says.  Twice does what once does."""
        self.create(target)

    def delete(self, target: Target) -> None:
        """Take it away.  Nothing happens where it is not there."""
        raise NotImplementedError


def changed_sources(new: Mapping[str, str], last: Mapping[str, Any]) -> Iterator[Change]:
    """Which of the user's files are new, gone or other than a state remembers ("last")."""
    old = last.get("sources") or {}
    for place in sorted({*old, *new}) if old else ():
        if old.get(place) != new.get(place):
            yield Change("code", f"code.{place}", old.get(place), new.get(place), place)


def unequal(name: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """(what, old, new) for each value that differs, mappings member by member.

    >>> list(unequal("environment", {"A": "1"}, {"A": "2", "B": "3"}))
    [('environment.A', '1', '2'), ('environment.B', None, '3')]
    """
    if isinstance(new, Mapping):
        there = old if isinstance(old, Mapping) else {}
        for key in sorted({*there, *new}):
            yield from unequal(f"{name}.{key}", there.get(key), new.get(key))
    elif old != new and not (old is None and new in ("", (), [])):
        yield name, hidden(name, old), hidden(name, new)


def hidden(name: str, value: Any) -> Any:
    """A value as it may be shown: one whose name says that it is a secret is not.

    >>> hidden("environment.LEVEL", "INFO"), hidden("environment.API_TOKEN", "xyz")[:8]
    ('INFO', '(hidden ')
    >>> hidden("environment.API_TOKEN", Reference("key token of the Secret api"))
    'key token of the Secret api'
    """
    if isinstance(value, Reference) or (isinstance(value, str) and is_reference(value)):
        return value
    if isinstance(value, str) and value and any(word in name.lower() for word in _SECRET):
        return f"(hidden {digest(value)})"
    return value


def digest(value: Any) -> str:
    """A value's short digest, to see that it is another without seeing it."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def dump(resource: Resource) -> dict[str, Any]:
    """A resource as JSON has it."""
    found = {each.name: getattr(resource, each.name) for each in fields(resource)}
    document: dict[str, Any] = json.loads(json.dumps({"kind": resource.kind, **found}))
    return document


def salted(value: Any, salt: str) -> str:
    """The digest of a variable's value as a state keeps it: nobody can try values out on it who has
    not the state's salt, and no two states have one.

    >>> len(salted("sesame", "00ff")), salted("sesame", "00ff") == salted("sesame", "00fe")
    (64, False)
    """
    if not salt:
        return digest(value)
    text = json.dumps(value, sort_keys=True, default=str)
    return hmac.new(bytes.fromhex(salt), text.encode(), hashlib.sha256).hexdigest()


def remembered(document: Mapping[str, Any], salt: str = "") -> dict[str, Any]:
    """A dumped resource without what no file may keep: the values of variables."""
    kept = {key: value for key, value in document.items() if key not in ("causes", "app")}
    variables = kept.get("environment")
    if isinstance(variables, Mapping):
        kept["environment"] = {name: salted(value, salt) for name, value in variables.items()}
    if salt:
        kept[SALTED] = True
    return kept
