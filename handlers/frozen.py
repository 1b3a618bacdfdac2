"""`Frozen`: immutable values of named fields, for what ships inside artifacts.

The standard library's dataclasses say the same and cost an artifact 7 ms at every cold start (they
import `inspect` and compile a constructor a class), so declarations that ship use this base.
"""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform


class NoSuchField(TypeError):
    """A class was given a name that is none of its fields."""

    def __init__(self, of: str, name: str, fields: tuple[str, ...]) -> None:
        self.of, self.name, self.fields = of, name, fields
        known = ", ".join(fields) or "none"
        super().__init__(f"{of}() was given {name} and has no such field; its fields are {known}")


@dataclass_transform(frozen_default=True)
class Frozen:
    """A base whose subclasses are written, and checked by mypy, as frozen dataclasses are.

    Fields are the annotated names, a base's before its own; defaults must be immutable, or never
    changed.  `__post_init__`, where there is one, checks them.  Equal when class and fields are.

    >>> class Point(Frozen):
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(x=1, y=0), Point(1) == Point(2)
    (Point(x=1, y=0), True, False)
    >>> Point()
    Traceback (most recent call last):
    TypeError: Point() is missing x
    """

    FIELDS: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        annotated = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - inspect is the cost
        own = (name for name, of in annotated.items() if not _of_the_class(of))
        cls.FIELDS = tuple(dict.fromkeys((*cls.FIELDS, *own)))

    def __init__(self, *args: Any, **named: Any) -> None:
        cls, values = type(self), self.__dict__
        if len(args) > len(cls.FIELDS):
            raise TypeError(f"{cls.__name__}() takes {len(cls.FIELDS)} values, not {len(args)}")
        given = dict(zip(cls.FIELDS, args, strict=False))
        for name in named:
            if name in given:
                raise TypeError(f"{cls.__name__}() was given {name} twice")
            if name not in cls.FIELDS:
                raise NoSuchField(cls.__name__, name, cls.FIELDS)
        given.update(named)
        for name in cls.FIELDS:  # in the order of declaration, whatever the order given
            if name in given:
                values[name] = given[name]
            elif hasattr(cls, name):
                values[name] = getattr(cls, name)
            else:
                raise TypeError(f"{cls.__name__}() is missing {name}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields; nothing to check here."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"


def _of_the_class(annotation: object) -> bool:
    return str(annotation).removeprefix("typing.").startswith("ClassVar")
