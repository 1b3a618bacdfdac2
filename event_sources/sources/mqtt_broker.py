"""An MQTT broker's address, who we are to it, and what its TLS is asked: data, and no socket."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ..errors import WrongSource
from .access import LooseAccess

_PORTS = {"mqtt": 1883, "tcp": 1883, "mqtts": 8883, "ssl": 8883}


class _Closing(ssl.SSLSocket):
    """Closed when its handshake fails: paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
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

    def context(self) -> ssl.SSLContext:
        """What TLS asks of the broker's certificate."""
        made = self.who.files.context()
        made.sslsocket_class = _Closing
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
