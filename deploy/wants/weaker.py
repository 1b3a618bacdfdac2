"""What a platform keeps less of than we do, where it reads a source itself: a sentence
each for the plan, with what keeps it.

What a platform does not read at all is `bridges.bridges`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...builders.nuclio_spec import broker_trigger
from ...handlers.function import Function
from ...handlers.triggers import Cron, FromBroker, Trigger

PUSHED = ("s3", "sns", "eventbridge")  # which call asynchronously


def weaker(functions: Iterable[Function[..., Any]], platforms: Iterable[str]) -> Iterator[str]:
    """A sentence for each trigger that promises less on its platform than a bridge would keep."""
    chosen = list(functions)
    for platform in platforms:
        of = {"lambda": _on_lambda, "nuclio": _on_nuclio}[platform]
        for function in chosen:
            for trigger in function.triggers:
                yield from of(function, trigger)


def _on_nuclio(function: Function[..., Any], trigger: Trigger) -> Iterator[str]:
    most = function.settings.nuclio.replicas[1]
    if isinstance(trigger, FromBroker) and broker_trigger(trigger, function.name) is not None:
        yield (
            f"nuclio reads {trigger.kind} {trigger.name!r} for {function.name} itself: what fails "
            f"there is not tried again and no dead letter; {_asking(trigger)}, and `pelton bridge "
            "--on nuclio` keeps both"
        )
    elif isinstance(trigger, Cron) and not trigger.bridged and most > 1:
        yield (
            f"nuclio ticks {trigger.said!r} for {function.name} in each of up to {most} replicas, "
            "and not again after a failure; give cron(store=…), and `pelton bridge --on nuclio` "
            "runs each tick once"
        )


def _asking(trigger: FromBroker) -> str:
    """How a bridge is asked for instead."""
    if getattr(trigger, "native", False):
        return "leave native= away"
    return f"give {trigger.kind}(attempts=…, dead_letter=…)"


def _on_lambda(function: Function[..., Any], trigger: Trigger) -> Iterator[str]:
    aws = function.settings.aws
    if trigger.kind in PUSHED and not (aws.dead_letter or aws.on_failure):
        tries = 1 + (2 if aws.retries is None else aws.retries)
        yield (
            f"lambda forgets an event of {trigger.kind} that {function.name} has failed {tries} "
            "times; give aws=pelton.Aws(dead_letter='QUEUE')"
        )
