"""An MQTT broker's address, who we are to it, and what its TLS is asked: data, and no socket."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import WrongSource
from .access import LooseAccess

_PORTS = {"mqtt": 1883, "tcp": 1883, "mqtts": 8883, "ssl": 8883}


class _Telling(ssl.SSLSocket):
    """Of what paho hides: a handshake that fails would leave it open, and why the broker ended the
    connection would be nobody's to know."""

    tell: Callable[[str], None]

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.tell(f"{type(error).__name__}: {error}")
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            raise
        except OSError:
            with contextlib.suppress(OSError):
                self.recv(1)  # the broker's last word may wait there
            raise


@dataclass(frozen=True)
class Broker:
    """
    who:     we are to it
    session: seconds that it keeps for us when we are away (MQTT 5); 0 with `clean`
    window:  messages that it may hand out before one of them is acknowledged (MQTT 5)
    """

    host: str
    port: int
    tls: bool
    who: LooseAccess
    client_id: str
    version: str
    clean: bool
    session: float
    window: int

    @property
    def where(self) -> str:
        """For people: without a password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def context(self, tell: Callable[[str], None]) -> ssl.SSLContext:
        """What TLS asks of the broker's certificate.

        tell: called with why TLS has ended, where the broker says it
        """
        made = self.who.files.context()
        made.sslsocket_class = type("Telling", (_Telling,), {"tell": staticmethod(tell)})
        return made


def address(url: str) -> tuple[str, int, bool, str, str]:
    """Host, port, whether by TLS, user and password of "mqtt://HOST:PORT".

    >>> address("mqtts://ann:p%40ss@broker")
    ('broker', 8883, True, 'ann', 'p@ss')
    """
    shown = url.rpartition("@")[2]
    try:
        told = urlsplit(url if "://" in url else f"mqtt://{url}")
        host, port = told.hostname, told.port
    except ValueError as error:
        raise WrongSource(f"{shown!r} is no address of an MQTT broker: {error}") from None
    if told.scheme not in _PORTS or not host:
        raise WrongSource(
            f'{shown!r} is no address of an MQTT broker: write it as "mqtt://HOST:PORT"'
        )
    user, password = unquote(told.username or ""), unquote(told.password or "")
    return host, port or _PORTS[told.scheme], told.scheme in ("mqtts", "ssl"), user, password
