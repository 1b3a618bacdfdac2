"""What triggers share whose broker asks who comes, or speaks TLS: words that go to the source as
they are.  A password may be a `secret`: then what is planned, kept and logged is its name.
"""

from __future__ import annotations

from ..checks import text
from ..errors import WrongUse
from ..secret import is_reference
from .from_broker import DeliveryWords, FromBroker


class GuardedWords(DeliveryWords, total=False):
    """The same with those of `Guarded`."""

    user: str
    password: str
    ca: str
    cert: str
    cert_key: str


class Guarded(FromBroker):
    """The base of triggers of brokers that let not everybody in.

    user, password:     where the address does not say them; password may be a `secret`, which
                        `pelton bridge` looks up where it runs
    ca, cert, cert_key: files where the bridge runs: of the authorities that are believed, by
                        default the machine's, and of our own certificate and its key
    """

    user: str = ""
    password: str = ""
    ca: str = ""
    cert: str = ""
    cert_key: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for each in self.access:
            text(f"{self.kind} {each}", getattr(self, each))

    @property
    def access(self) -> dict[str, str]:
        """By their words."""
        said = ("user", "password", "ca", "cert", "cert_key")
        return {name: getattr(self, name) for name in said}

    def check_native(self, *words: str, reads: str) -> None:
        super().check_native(*words, "ca", "cert", "cert_key", reads=reads)
        if is_reference(self.password):
            raise WrongUse(
                f"{self.kind} has native=True and a secret as its password, which Nuclio's own "
                "trigger cannot look up",
                advice=f"leave native= away: `pelton bridge` looks it up and reads the {reads}",
            )
