"""The shapes that others may fill: what a context logs to, what an app serves.

For type checkers alone: nothing that runs imports this, since a protocol's class is made at every
cold start of an artifact, and each costs a tenth of a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from .context import Context
    from .telemetry import Telemetry

I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)


class Logger(Protocol):
    """Structured logging: a message and fields by keyword, whatever their names."""

    def debug(self, message: str, /, **fields: Any) -> None: ...

    def info(self, message: str, /, **fields: Any) -> None: ...

    def warning(self, message: str, /, **fields: Any) -> None: ...

    def error(self, message: str, /, **fields: Any) -> None: ...

    def exception(self, message: str, /, **fields: Any) -> None: ...


class Connection(Protocol):
    """A client of a WebSocket API, by the `id` of its connection."""

    @property
    def id(self) -> str: ...
    @property
    def is_open(self) -> bool:
        """Whether somebody is there."""

    def send(self, body: Any, /) -> bool:
        """Send text as it is, all else as JSON; False where nobody is there any more."""

    def close(self) -> bool:
        """End the connection; False where nobody is there any more."""


class Servable(Protocol[I_contra, O_co]):
    """What `App.serve` takes: a graph satisfies it, and so may anything of yours."""

    @property
    def name(self) -> str: ...
    @property
    def input_type(self) -> Any: ...
    @property
    def output_type(self) -> Any: ...
    @property
    def is_async(self) -> bool: ...

    def __call__(self, value: I_contra, context: Any = None) -> O_co: ...
    def check(self) -> None: ...
    def load(self, context: Context, *, telemetry: Telemetry | None = None) -> Any: ...
    def drain(self, context: Context) -> Any: ...
    def stop(self, context: Context) -> Any: ...
