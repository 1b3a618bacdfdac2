"""The real servers again, wanting a certificate of who comes, by the authority that has signed
their own."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, ClassVar

from .guards import (
    GuardedKafka,
    GuardedMqtt,
    GuardedNats,
    GuardedPostgres,
    GuardedRabbit,
    GuardedRedis,
    GuardedWebSocket,
    Kinds,
    Way,
)


class MutualRedis(GuardedRedis):
    def asks(self) -> list[str]:
        return ["--tls-auth-clients", "yes", "--tls-ca-cert-file", str(self.made.authority)]


class MutualNats(GuardedNats):
    def asks(self) -> list[str]:
        return ["--tlsverify", "--tlscacert", str(self.made.authority)]

    def context(self) -> ssl.SSLContext:
        made, own = super().context(), self.made.client("maker")
        made.load_cert_chain(own.certificate, own.key)
        return made


class MutualMqtt(GuardedMqtt):
    def asks(self) -> str:
        return f"cafile {self.made.authority}\nrequire_certificate true\n"


class MutualRabbit(GuardedRabbit):
    def asks(self) -> str:
        return "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n"


class MutualPostgres(GuardedPostgres):
    def asks(self) -> str:
        return " clientcert=verify-ca"


class MutualKafka(GuardedKafka):
    """By its listener of SSL, where who comes has a certificate and no name."""

    kinds: ClassVar[Kinds] = {"kafka": {"topic": "t", "session": 4.0}}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)

    def address(self, way: Way) -> dict[str, Any]:
        return {"brokers": self.servers[0].at("SSL", way.host), "tls": way.tls}


class MutualWebSocket(GuardedWebSocket):
    path, mutual = "topic/t", True
