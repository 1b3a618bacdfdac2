"""The handshake of webhooks: whether, and how often, somebody may send events to a function.

Source: the CloudEvents project's "HTTP 1.1 Web Hooks for Event Delivery" 1.0.2, sections 2.1 and 4.
Permission is given in the answer, so the callback of `WebHook-Request-Callback` is never called.
Nothing is counted here: who sends more than was allowed is not turned away.
"""

from __future__ import annotations

from .checks import in_range
from .errors import PeltonError, WrongUse
from .event import Event, Result

ALLOW = "OPTIONS, POST"
ORIGIN, RATE = "webhook-request-origin", "webhook-request-rate"


class NotWelcome(PeltonError):
    """An event of a sender that was given no permission (403)."""

    status = 403


def checked(origins: tuple[str, ...], rate: int | None) -> None:
    """Raise `WrongUse` where a trigger's own words cannot be what is meant."""
    if rate is not None:
        in_range("cloudevents rate", rate, 1, 1_000_000_000, " events a minute")
        if not origins:
            raise WrongUse(
                f"cloudevents rate={rate} is for nobody", advice='say who may send: origins="*"'
            )
    for each in origins:
        if not isinstance(each, str) or not _is_name(each):
            raise WrongUse(
                f"cloudevents origins: {each!r} is no name of a sender",
                advice='write a DNS name, "*.example.com" for all below one, or "*" for everybody',
            )


def _is_name(origin: str) -> bool:
    plain = origin.removeprefix("*.")
    parts = plain.split(".")
    return origin == "*" or all(part and part.replace("-", "").isalnum() for part in parts)


def handshake(event: Event, origins: tuple[str, ...], rate: int | None) -> Result:
    """What a sender is told that asks, by OPTIONS, whether it may send.

    >>> asks = Event(method="OPTIONS", headers={ORIGIN: "Mail.Example.com", RATE: "120"})
    >>> handshake(asks, ("*.example.com",), 100).headers["webhook-allowed-rate"]
    '100'
    >>> handshake(asks, ("example.org",), None).status
    403
    """
    origin = event.headers.get(ORIGIN, "").strip()
    if not origin:
        return _refused(400, "the request has no WebHook-Request-Origin: nobody asks to send")
    asked = event.headers.get(RATE, "").strip()
    if asked and not (asked.isascii() and asked.isdigit() and int(asked)):
        return _refused(400, f"WebHook-Request-Rate {asked[:40]!r} is no number of events a minute")
    if not allowed(origin, origins):
        return _refused(403, f"{origin[:200]!r} may send no events here")
    given = min(rate, int(asked or rate)) if rate else "*"
    headers = {
        "allow": ALLOW,
        "webhook-allowed-origin": "*" if "*" in origins else origin,
        "webhook-allowed-rate": str(given),
    }
    return Result("", headers=headers, content_type="text/plain; charset=utf-8")


def welcome(event: Event, origins: tuple[str, ...]) -> None:
    """Raise `NotWelcome` for an event whose sender says a name that may not send.

    One that says none is taken: not every sender does, and a name proves nothing.
    """
    origin = event.headers.get(ORIGIN, "").strip()
    if origins and origin and not allowed(origin, origins):
        raise NotWelcome(f"{origin[:200]!r} may send no events here")


def allowed(origin: str, origins: tuple[str, ...]) -> bool:
    """
    >>> allowed("a.example.com", ("*.example.com",)), allowed("example.com", ("*.example.com",))
    (True, False)
    """
    name, known = origin.lower(), [each.lower() for each in origins]
    below = tuple(each[1:] for each in known if each[:2] == "*.")
    return "*" in known or name in known or (bool(below) and name.endswith(below))


def _refused(status: int, why: str) -> Result:
    return Result({"error": why, "details": []}, status=status, headers={"allow": ALLOW})
