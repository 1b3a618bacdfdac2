"""RabbitMQ: the messages of a queue, shared by all who read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import in_range, placed, text
from ..errors import WrongUse
from .base import Trigger
from .from_broker import address, named
from .guarded import Guarded, GuardedWords

MAKES = ("", "classic", "quorum")
# What Lambda's own mapping of a broker has not.
_UNMAPPED = ("attempts", "max_age", "backoff", "workers", "key", "exchange", "binding", "make")


class RabbitMQ(Guarded):
    """See `rabbitmq`."""

    kind: ClassVar[str] = "rabbitmq"

    queue: str = ""
    url: str = ""
    exchange: str = ""
    binding: str = "#"
    make: str = ""
    key: str = ""
    prefetch: int = 1000
    native: bool = False
    broker: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        named("rabbitmq", queue=self.queue)
        self._check_broker()
        if self.url or not self.broker:
            address("rabbitmq", self.url, "amqp", "amqps")
        for each in ("exchange", "binding", "key"):
            text(f"rabbitmq {each}", getattr(self, each))
        in_range("rabbitmq prefetch", self.prefetch, 1, 65_535)
        if self.make not in MAKES:
            raise WrongUse(
                f"rabbitmq make={self.make!r} is no kind of queue",
                advice='write make="quorum" or make="classic", or leave it away',
            )
        if self.batch > self.prefetch:
            raise WrongUse(
                f"rabbitmq has batch={self.batch} and prefetch={self.prefetch}",
                advice="a batch is never larger than what is handed out at one time",
            )
        if self.native:
            # Nuclio declares its queue without a kind, which a quorum queue does not take.
            kind = ("make",) if self.make == "quorum" else ()
            self.check_native(
                "attempts", "max_age", "backoff", "key", "batch", *kind, reads="queue"
            )

    def _check_broker(self) -> None:
        for word, service in (("broker", "mq"), ("secret", "secretsmanager")):
            value = getattr(self, word)
            text(f"rabbitmq {word}", value)
            if value and value.split(":")[:1] + value.split(":")[2:3] != ["arn", service]:
                raise WrongUse(
                    f"rabbitmq {word}={value!r} is no ARN of that service",
                    advice=f"write it as arn:aws:{service}:REGION:ACCOUNT:…",
                )
        if bool(self.broker) != bool(self.secret):
            has, lacks = ("broker", "secret") if self.broker else ("secret", "broker")
            raise WrongUse(
                f"rabbitmq has {has}= and no {lacks}=",
                advice="Lambda reads a broker of Amazon MQ with a user and password of a secret",
            )
        if self.broker and (asked := self.first_of(*_UNMAPPED)):
            raise WrongUse(
                f"rabbitmq has broker= and {asked}=, which Lambda's own mapping has not",
                advice="leave broker= and secret= away: `pelton bridge` reads the queue then",
            )

    @property
    def name(self) -> str:
        return self.queue

    @property
    def bindings(self) -> list[str]:
        """The routing keys."""
        return [each.strip() for each in self.binding.split(",") if each.strip()]

    @property
    def virtual_host(self) -> str:
        """
        >>> RabbitMQ(queue="q", url="amqp://h/shop%2Feu").virtual_host
        'shop/eu'
        """
        from urllib.parse import unquote, urlsplit

        return unquote(urlsplit(self.url).path[1:]) or "/"

    def same_source(self, other: Trigger) -> bool:
        return (
            isinstance(other, RabbitMQ)
            and self.source == other.source
            and self.broker == other.broker
        )

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        said = ("url", "queue", "exchange", "make", "key", "prefetch")
        settings = {name: getattr(self, name) for name in said}
        return "rabbitmq", {**settings, "binding": self.bindings, **self.access}


@placed
def rabbitmq(
    queue: str,
    *,
    url: str = "",
    exchange: str = "",
    binding: str = "#",
    make: str = "",
    key: str = "",
    prefetch: int = 1000,
    native: bool = False,
    broker: str = "",
    secret: str = "",
    **words: Unpack[GuardedWords],
) -> RabbitMQ:
    """Run the function for the messages of a RabbitMQ queue.

    url:      "amqp://USER:PASSWORD@127.0.0.1:5672/", "amqps:" for TLS; its path is the virtual host
    exchange: what the queue is bound to, with the routing keys in `binding`, several with commas
    make:     the kind of queue that is made when it is not there: "quorum", "classic"; with its
              exchange, a topic exchange.  Without it, the queue must be there
    key:      the header whose messages keep their order; without one, each routing key's do
    prefetch: messages that one reader has in hand at the most
    user, password: where the address does not say them; password may be a `secret`
    ca, cert, cert_key: files where the bridge runs, for amqps:
    native:   on Nuclio, let its own RabbitMQ trigger read: one at a time, and what fails is not
              tried again
    broker, secret: on Lambda, let its own event source mapping read: the ARN of a broker of Amazon
              MQ, and of the secret with its `username` and `password`.  A batch that fails comes
              again as a whole.  `url` is what Nuclio reads then, and may be left away
    batch, window, attempts, dead_letter, workers, max_age, backoff: of the delivery, see the
              how-to on event sources; dead_letter is a queue that is there

    Without broker=, `pelton bridge` reads and calls on Lambda.

    >>> rabbitmq("orders", url="amqp://h/", exchange="shop", binding="new.*, old.*").bindings
    ['new.*', 'old.*']
    """
    return RabbitMQ(
        queue=queue,
        url=url,
        exchange=exchange,
        binding=binding,
        make=make,
        key=key,
        prefetch=prefetch,
        native=native,
        broker=broker,
        secret=secret,
        **words,
    )
