"""RabbitMQ, of Debian's packages with the Erlang that it needs; a node that is alone.

It takes some seconds to start: tests that need it are slow.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from ...ports import free_port
from .base import PATIENCE, Server
from .debian import unpacked

_ERLANG = (
    *("base", "asn1", "crypto", "eldap", "inets", "mnesia", "os-mon", "parsetools", "public-key"),
    *("runtime-tools", "ssl", "syntax-tools", "tools", "xmerl"),
)
PACKAGES = ["rabbitmq-server", *(f"erlang-{part}" for part in _ERLANG)]
BOOT = "-noinput -s rabbit boot -boot start_sasl -syslog logger []"
LOCAL = ["-kernel", "inet_dist_use_interface", "{127,0,0,1}"]
SETTINGS = """\
log.console = false
loopback_users = none
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 1MB
"""


class RabbitServer(Server):
    """
    settings: further lines of its configuration;  tls: whether those are for a listener by TLS
    """

    program = "rabbitmq-server"
    package = "rabbitmq-server"

    def __init__(self, folder: Path, settings: str = "", *, tls: bool = False) -> None:
        self._settings, self._tls = settings, tls
        self._numbers = free_port(2)  # of Erlang's own: who is who, and nodes among each other
        self._names: subprocess.Popen[bytes] | None = None
        super().__init__(folder)

    def find(self) -> str:
        self.root = unpacked("rabbitmq", PACKAGES)
        self._bin = next((self.root / "usr/lib/erlang").glob("erts-*/bin"))
        return str(self._bin / "erlexec")

    def environment(self) -> Mapping[str, str]:
        home = next((self.root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
        (self.folder / "plugins").write_text("[].")
        said = {
            "ROOTDIR": str(self.root / "usr/lib/erlang"),
            "BINDIR": str(self._bin),
            "EMU": "beam",
            "PROGNAME": "erl",
            "HOME": str(self.folder),
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "ERL_LIBS": str(home / "plugins"),
            "ERL_EPMD_PORT": str(self._numbers),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_HOME": str(home),
            "RABBITMQ_NODENAME": f"pelton{self._numbers}@localhost",
            "RABBITMQ_DIST_PORT": str(self._numbers + 1),
            "RABBITMQ_BASE": str(self.folder),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "SYS_PREFIX": "",
        }
        return said

    @property
    def url(self) -> str:
        return f"amqp{'s' if self._tls else ''}://127.0.0.1:{self.port}/"

    def arguments(self) -> list[str]:
        listener = f"listeners.{'ssl' if self._tls else 'tcp'}.1 = 127.0.0.1:{self.port}\n"
        plain = "listeners.tcp = none\n" if self._tls else ""
        path = self.folder / "rabbitmq.conf"
        path.write_text(SETTINGS + plain + listener + self._settings)
        quiet = ["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]
        return [*quiet, *BOOT.split(), *LOCAL]

    def start(self) -> None:
        if self._names is None:
            self._names = subprocess.Popen(
                [str(self._bin / "epmd"), "-port", str(self._numbers)],
                env={"ERL_EPMD_ADDRESS": "127.0.0.1"},
                stdin=subprocess.DEVNULL,
            )
            time.sleep(0.2)
        super().start()

    def stop(self) -> None:
        super().stop()
        if self._names is not None:
            self._names.kill()
            self._names.wait(PATIENCE)
            self._names = None
