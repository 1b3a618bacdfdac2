"""A schedule as a bridge reads it, where no clock of a platform keeps what `cron` asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .cron import Cron
from .from_broker import FromBroker


class Ticks(FromBroker):
    """The ticks of `cron` for a function of that name; nobody writes this.

    A tick that has failed three times is given up, as Lambda gives up an event.
    """

    kind: ClassVar[str] = "cron"
    needs_body: ClassVar[bool] = False
    batches: ClassVar[bool] = False

    cron: Cron = Cron(every_s=60)
    function: str = ""

    def __post_init__(self) -> None:
        """Nothing to check: `cron` is checked."""

    @property
    def name(self) -> str:
        return self.cron.said

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        cron = self.cron
        settings: dict[str, Any] = {"missed": cron.missed or "skip", "store": cron.store}
        if cron.max_age_s:
            settings["max_age"] = float(cron.max_age_s)
        when = {"every": cron.every_s, "schedule": cron.schedule, "timezone": cron.timezone}
        return "cron", {"name": f"{self.function} {cron.said}", **when, **settings}


def ticks(cron: Cron, function: str) -> Ticks:
    """
    >>> ticks(Cron(every_s=60), "beat").source[1]["name"]
    'beat every 60s'
    """
    return Ticks(attempts=3, cron=cron, function=function)
