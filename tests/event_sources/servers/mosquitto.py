"""mosquitto, of the machine or of Debian's packages; with passwords, with TLS, as it is asked."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from .base import PATIENCE, Server, find
from .debian import unpacked

PACKAGES = ["mosquitto", "libmosquitto1", "libwebsockets17", "libcjson1", "libdlt2", "libwrap0"]
SETTINGS = """\
allow_anonymous {anonymous}
user root
persistence true
persistence_location {folder}/
autosave_interval 1800
max_queued_messages 0
listener {port} 127.0.0.1
"""


class Mosquitto(Server):
    """
    settings: lines of its configuration, for its one listener;  anonymous: who has no name may come
    """

    program = "mosquitto"
    package = "mosquitto"

    def __init__(self, folder: Path, settings: str = "", *, anonymous: bool = True) -> None:
        self._settings, self._anonymous = settings, str(anonymous).lower()
        super().__init__(folder)

    def find(self) -> str | None:
        # Debian puts it where not everybody's path leads.
        if found := find(self.program) or shutil.which(self.program, path="/usr/sbin"):
            return found
        return str(unpacked("mosquitto", PACKAGES) / "usr/sbin/mosquitto")

    def environment(self) -> dict[str, str]:
        root = Path(self.path).parents[2]
        folders = [root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu"]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders))}

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        path = self.folder / "mosquitto.conf"
        said = SETTINGS.format(folder=self.folder, port=self.port, anonymous=self._anonymous)
        path.write_text(said + self._settings)
        return ["-c", str(path)]

    def kill(self) -> None:
        """At once, with what there is on disk: it writes in intervals, and when it is asked."""
        kept = self.folder / "mosquitto.db"
        before = kept.stat().st_mtime_ns if kept.exists() else 0
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + PATIENCE
        while not kept.exists() or kept.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "mosquitto does not write"
            time.sleep(0.005)
        super().kill()
