"""MQTT: the messages of topics, kept for a client's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import in_range, placed, text
from ..errors import WrongUse
from .from_broker import address, named
from .guarded import Guarded, GuardedWords

VERSIONS = ("5", "3.1.1")


class Mqtt(Guarded):
    """See `mqtt`."""

    kind: ClassVar[str] = "mqtt"

    topic: str = ""
    url: str = ""
    qos: int = 1
    client_id: str = ""
    group: str = ""
    version: str = "5"
    key: str = ""
    native: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        named("mqtt", topic=self.topic)
        _check_filter(self.topic)
        address("mqtt", self.url, "mqtt", "mqtts")
        in_range("mqtt qos", self.qos, 0, 2)
        for each in ("client_id", "group", "key"):
            text(f"mqtt {each}", getattr(self, each))
        if self.version not in VERSIONS:
            raise WrongUse(f"mqtt version={self.version!r} is none of {', '.join(VERSIONS)}")
        if self.native:
            self.check_native("attempts", "max_age", "backoff", "key", "batch", reads="topic")

    @property
    def name(self) -> str:
        return self.topic

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        said = ("topic", "url", "qos", "client_id", "group", "version", "key")
        return "mqtt", {**{name: getattr(self, name) for name in said}, **self.access}

    def source_for(self, function: str) -> tuple[str, Mapping[str, Any]]:
        """A broker keeps messages under a name: each function has one of its own."""
        kind, settings = self.source
        return kind, {**settings, "reader": function}


def _check_filter(topic: str) -> None:
    """Where wildcards may stand (MQTT 5.0, 4.7.1): a broker ends the connection for others."""
    *levels, last = topic.split("/")
    if any("#" in each for each in levels) or ("#" in last and last != "#"):
        raise WrongUse(
            f"mqtt topic={topic!r}: # stands alone and at the end", advice='write it as "a/b/#"'
        )
    if any("+" in each and each != "+" for each in (*levels, last)):
        raise WrongUse(
            f"mqtt topic={topic!r}: + stands for a whole level", advice='write it as "a/+/b"'
        )


@placed
def mqtt(
    topic: str,
    *,
    url: str,
    qos: int = 1,
    client_id: str = "",
    group: str = "",
    version: str = "5",
    key: str = "",
    native: bool = False,
    **words: Unpack[GuardedWords],
) -> Mqtt:
    """Run the function for the messages of an MQTT topic, or of a filter: "orders/+", "orders/#".

    url:       "mqtt://127.0.0.1:1883", "mqtts:" for TLS
    qos:       at most; of QoS 0 nothing is kept while nobody listens, or comes again
    client_id: the name that the broker keeps messages under; two of one name push each other out.
               By default made of the function's and the topic's
    group:     of clients that share the messages ("$share"), each with a client_id of its own
    version:   "5", "3.1.1"
    key:       the user property whose messages keep their order; without one, each topic's do
    user, password: what the broker asks for; password may be a `secret`
    ca, cert, cert_key: files where the bridge runs, which ask for TLS
    native:    on Nuclio, let its own MQTT trigger read, by 3.1.1: in order, one at a time, and
               nothing is kept while it is away or tried again
    batch, window, attempts, dead_letter, workers, max_age, backoff: of the delivery, see the
               how-to on event sources

    Lambda does not read MQTT: `pelton bridge` does, and calls.

    >>> mqtt("orders/#", url="mqtt://127.0.0.1:1883", qos=2).source[1]["qos"]
    2
    """
    return Mqtt(
        topic=topic,
        url=url,
        qos=qos,
        client_id=client_id,
        group=group,
        version=version,
        key=key,
        native=native,
        **words,
    )
