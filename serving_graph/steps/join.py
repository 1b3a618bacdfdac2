"""The value, enriched by what is looked up for it, such as the weather of a flight."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from types import GenericAlias
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
    overload,
)

from ...handlers.errors import InvalidInput
from ..check import agreed
from ..compile import note
from ..drive import drive
from ..fit import fits, plain, type_name, typed_dict, union
from ..kit.ask import Ask, ask, read, takes
from ..kit.base import Bound, Branches, Step
from ..kit.field import check_field, field_type
from ..refer import Place, place, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741
_MISSING = ("fail", "none", "drop")


class Join(Step[Any, Any]):
    """See `join`."""

    def __init__(
        self, lookup: Ask, by: Ask, how: str | Ask, missing: str, name: str, at: Place
    ) -> None:
        self.what = f"join {name!r}"
        if missing not in _MISSING:
            said = ", ".join(map(repr, _MISSING))
            raise wrong(f"{self.what}: missing={missing!r}", f"it is one of {said}", at=at)
        written: Any = {"into": how} if isinstance(how, str) else {"combine": how.written}
        written |= {"lookup": lookup.written, "by": by.written, "missing": missing}
        super().__init__(StepSpec("join", name, options=canonical(written)), at)
        self.lookup, self.by, self.how, self.missing = lookup, by, how, missing
        self.drops = missing == "drop"
        takes(self, lookup, by, None if isinstance(how, str) else how)
        taken = [(f"by={by.name}", by.input_types[0])]
        if isinstance(how, Ask):
            taken.append((f"combine={how.name}", how.input_types[0]))
        self._typed(agreed(self.what, taken, at))

    def _typed(self, given: Any) -> None:
        """Check everything for values of the type `given`, and know what is given on."""
        self.input_type = given
        self.by.check(given, self.what, self.place)
        self.lookup.check(self.by.output_type, self.what, self.place)
        found = _found(self.lookup.output_type, self.missing)
        if isinstance(self.how, Ask):
            self.how.check(found, self.what, self.place, place=1)
            self.output_type = self.how.output_type
        else:
            self.output_type = _with_field(given, self.how, found, self.what, self.place)

    def taking(self, given: Any) -> Step[Any, Any]:
        if self.input_type is not Any or given is Any:
            return self
        from copy import copy

        other = copy(self)
        other._typed(given)
        return other

    def bind(self, worker: Worker, path: str) -> Bound:
        enrich = self._enrich(worker, path)
        if self.is_async:
            return Bound(self.name, path, enrich, is_async=True, context="context")
        return Bound(
            self.name, path, lambda value, context: drive(enrich(value, context)), context="context"
        )

    def _enrich(self, worker: Worker, path: str) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        key_of = self.by.waiting(worker, path, is_async=self.is_async)
        look_up = self.lookup.waiting(worker, path, is_async=self.is_async)
        put = self._putter(worker, path)
        missing = _Missing(self.missing, self.by.name, self.lookup.name, path)

        async def enrich(value: Any, context: Any) -> Any:
            key = await key_of(context, value)
            found = await look_up(context, key)
            if found is None:
                missing.say(key, value)
            return await put(context, value, found)

        return enrich

    def _putter(self, worker: Worker, path: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        if isinstance(self.how, Ask):
            return self.how.waiting(worker, path, is_async=self.is_async)
        name = self.how

        async def put(context: Any, value: Any, found: Any) -> Any:
            try:
                return _put(value, name, found)
            except Exception as error:
                note(error, path, value)
                raise

        return put


class _Missing:
    """What happens where the lookup has nothing."""

    def __init__(self, rule: str, by: str, lookup: str, path: str) -> None:
        self.rule, self.by, self.lookup, self.path = rule, by, lookup, path

    def say(self, key: Any, value: Any) -> None:
        if self.rule == "drop":
            from ..kit.base import Drop

            raise Drop
        if self.rule == "fail":
            message = f"{self.lookup} has nothing for {key!r:.80}"
            where = {"path": self.by.split("."), "message": message, "type": "not_found"}
            error = InvalidInput([where])
            note(error, self.path, value)
            raise error


def _found(given: Any, missing: str) -> Any:
    """The type of what is put in: without None where that is not let through."""
    parts = [each for each in get_args(given) if each is not type(None)]
    known = union(parts) if parts and type(None) in get_args(given) else given
    return union([known, type(None)]) if missing == "none" else known


def _put(value: Any, name: str, found: Any) -> Any:
    """A copy of the value with one field more, or another."""
    if isinstance(value, Mapping):
        return {**value, name: found}
    if hasattr(value, "model_copy"):
        return value.model_copy(update={name: found})
    if hasattr(value, "__dataclass_fields__"):
        from dataclasses import replace

        return replace(value, **{name: found})
    if hasattr(value, "_replace"):
        return value._replace(**{name: found})
    kind = type(value).__name__
    raise TypeError(f"{value!r:.60} ({kind}) is no dict, dataclass or model to put {name!r} into")


def _with_field(given: Any, name: str, found: Any, what: str, at: Place) -> Any:
    """The type of the value with the field; refused where it declares fields and not this one."""
    given = plain(given)
    origin, arguments = get_origin(given) or given, get_args(given)
    if is_typeddict(given):
        return typed_dict(get_type_hints(given) | {name: found})
    if isinstance(origin, type) and issubclass(origin, Mapping):
        more = (arguments[0], union([arguments[1], found])) if arguments else ()
        return GenericAlias(dict, more) if more else dict
    check_field(f"{what} puts what it finds into", name, given, at)
    wanted = field_type(given, name)
    if not fits(found, wanted):
        raise wrong(
            f"{what}: the field {name!r} is {type_name(wanted)} but the lookup gives "
            f"{type_name(found)}",
            "change one annotation",
            at=at,
        )
    return given


Missing = Literal["fail", "none", "drop"]


@overload
def join(
    lookup: Any,
    *,
    by: str | Callable[..., Any],
    combine: Callable[[I, Any], O],
    missing: Missing = "fail",
    name: str = "join",
) -> Step[I, O]: ...
@overload
def join(
    lookup: Any,
    *,
    by: str | Callable[..., Any],
    into: str,
    missing: Missing = "fail",
    name: str = "join",
) -> Step[Any, Any]: ...


def join(
    lookup: Any,
    *,
    by: Any,
    into: str = "",
    combine: Any = None,
    missing: Missing = "fail",
    name: str = "join",
) -> Step[Any, Any]:
    """A step that looks something up by a key of the value, and puts it in.

    lookup:  what `lookup(key)` gives; None is nothing.  A function, plain or async, or a class made
             once a worker, whose `load` reads its table
    by:      the key: a field's name, dots leading deeper, or a function of the value
    into:    the name of the field that takes what was found, in a copy of the value (a dict, a
             dataclass, a pydantic model)
    combine: or a function of the value and what was found, which gives the next value
    missing: what nothing found means: "fail" (`InvalidInput`), "none" (None is put in), "drop" (the
             event goes no further)

    Raises `GraphError` where the key's type, the field or what is found does not fit.

    >>> from pelton import Graph, steps
    >>> class Weather:
    ...     def load(self) -> None:
    ...         self.table = {"JFK": "rain"}
    ...     def __call__(self, airport: str) -> str | None:
    ...         return self.table.get(airport)
    >>> graph = Graph("enrich", dict[str, str]) >> steps.join(Weather, by="origin", into="weather")
    >>> graph({"origin": "JFK"})
    {'origin': 'JFK', 'weather': 'rain'}
    """
    at = place()
    what = f"join {name!r}"
    if bool(into) == (combine is not None):
        raise wrong(f"{what} needs one of into= and combine=", "say where the found goes", at=at)
    if isinstance(lookup, str):
        raise wrong(f"{what}: lookup={lookup!r} is no function", "give one of the key", at=at)
    how = into or ask(combine, f"{what}: combine", at, values=2)
    asked = ask(lookup, f"{what}: lookup", at)
    return Join(asked, ask(by, f"{what}: by", at), how, missing, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    what, combine = f"join {spec.name!r}", spec.option("combine")
    how = read(combine, what, at, values=2) if combine else str(spec.option("into"))
    lookup, by = read(spec.option("lookup"), what, at), read(spec.option("by"), what, at)
    return Join(lookup, by, how, spec.option("missing"), spec.name, at)
