"""A WebSocket server of the library websockets, in a process of its own."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from ...ports import free_port
from .base import Server
from .certificates import certificates

PROGRAM = Path(__file__).with_name("websocket_program.py")


class WebSocketServer(Server):
    program = "websockets"
    package = "websockets"

    def __init__(self, folder: Path, mutual: bool = False, known: str = "") -> None:
        """
        mutual: who comes by TLS must have a certificate by the same authority
        known:  USER:PASSWORD
        """
        self.tls_port, self.certificates = free_port(), certificates(folder)
        self._more = [str(self.certificates.authority) if mutual else "", known]
        super().__init__(folder)

    def find(self) -> str | None:
        return sys.executable if find_spec("websockets") else None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"wss://127.0.0.1:{self.tls_port}"

    def arguments(self) -> list[str]:
        made = self.certificates
        ports = [str(self.port), str(self.tls_port)]
        return [str(PROGRAM), *ports, str(made.certificate), str(made.key), *self._more]

    def halt(self) -> None:
        """It is there and does nothing, until `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
