"""`Telemetry`: what a function tells of itself, as given to `@app.function` and `app.serve`."""

from __future__ import annotations

from .checks import text
from .errors import WrongUse
from .frozen import Frozen


class Telemetry(Frozen):
    """What a served function tells, and where.

    steps:     whether a graph's steps are counted and timed (about 0.6 µs for three)
    route:     the path where the function itself answers with its metrics in Prometheus's text
               form, such as "/metrics"; "" for nowhere
    emf:       whether metrics are written to Lambda's log after each event, as lines of
               CloudWatch's embedded metric format: nobody can scrape a sandbox
    namespace: CloudWatch's, for those lines
    traces:    whether a graph's runs and steps become OpenTelemetry spans; needs
               `opentelemetry-api` among the function's requirements

    >>> Telemetry(route="/metrics").steps
    True
    >>> Telemetry(route="metrics")
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: route='metrics' is no path; write route='/metrics'
    """

    steps: bool = True
    route: str = ""
    emf: bool = False
    namespace: str = "pelton"
    traces: bool = False

    def __post_init__(self) -> None:
        text("route", self.route)
        if self.route and not self.route.startswith("/"):
            raise WrongUse(
                f"route={self.route!r} is no path", advice=f"write route='/{self.route}'"
            )
        text("namespace", self.namespace, 255)
        if not self.namespace or self.namespace.startswith("AWS/"):
            raise WrongUse(
                f"namespace={self.namespace!r} is not allowed in CloudWatch",
                advice="give a name of your own, that does not start with AWS/",
            )


def telemetry_of(given: object) -> Telemetry:
    """What `telemetry=` says: True is the default, False is that nothing is told."""
    if isinstance(given, bool):
        return Telemetry(steps=given)
    if not isinstance(given, Telemetry):
        raise WrongUse(
            f"telemetry={given!r} is neither True, False nor a Telemetry",
            advice="write telemetry=pelton.Telemetry(...)",
        )
    return given
