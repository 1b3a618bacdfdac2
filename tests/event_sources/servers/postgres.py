"""PostgreSQL of the package pgserver, or of the machine.

It will not run as root: there it is run as `nobody`, in a folder that is his.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from .base import PATIENCE, Server, find


class PostgresServer(Server):
    program = "postgres"
    package = "pgserver"

    def __init__(self, folder: Path) -> None:
        # pytest's folders are closed to other users.
        self._home = Path(tempfile.mkdtemp(prefix="pelton-postgres-"))
        self._user = "nobody" if os.getuid() == 0 else None
        if self._user:
            os.chown(self._home, pwd.getpwnam(self._user).pw_uid, -1)
        super().__init__(folder)

    def find(self) -> str | None:
        """Found without importing the package, which looks around on the machine."""
        spec = find_spec("pgserver")
        places = list(spec.submodule_search_locations or ()) if spec else []
        inside = [Path(each) / "pginstall/bin/postgres" for each in places]
        return next((str(each) for each in inside if each.exists()), None) or find(self.program)

    @property
    def url(self) -> str:
        return f"postgresql://pelton@127.0.0.1:{self.port}/postgres"

    def arguments(self) -> list[str]:
        settings = ("fsync=off", "unix_socket_directories=", "listen_addresses=127.0.0.1")
        given = [word for each in settings for word in ("-c", each)]
        return ["-D", str(self._home / "data"), "-p", str(self.port), *given]

    def start(self) -> None:
        if not (self._home / "data").exists():
            initdb = Path(self.path).with_name("initdb")
            options = ["-U", "pelton", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
            self._run([str(initdb), "-D", str(self._home / "data"), *options]).wait(PATIENCE)
        self._process = self._run([self.path, *self.arguments()])
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            assert self._process.poll() is None, "postgres has ended"
            assert time.monotonic() < deadline, "postgres does not answer"
            time.sleep(0.01)

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=self._home, user=self._user
        )

    def answers(self) -> bool:
        """Whether it lets anybody in: its port is open before it does."""
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=1).close()
        except psycopg.Error:
            return False
        return True

    def kill(self) -> None:
        """All of its processes, at once: SIGKILL would leave those of the connections."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        if self._process is not None:
            self._end(signal.SIGINT)  # without waiting for who is connected
        shutil.rmtree(self._home, ignore_errors=True)
