"""Clients that ask again and again while something is released, and check every answer.

They are a process of their own (`load_process`): what releases must not take its time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

PROCESS = Path(__file__).with_name("load_process.py")
TEXT = {"content-type": "text/plain"}
PATIENCE = 120.0  # seconds in which an answer must come


@dataclass
class Load:
    """Some clients at once, while the context lasts; an answer is `VERSION BODY`, with the body
    that was sent.  The first that is wrong fails who waits here, and the context's end.

    rest:    of each client between an answer and its next request, in seconds
    answers: how many came;  versions: the same by version
    told: the last that the process said;  at: when that was, in its own seconds
    """

    url: str
    clients: int
    rest: float = 0.0
    versions: dict[str, int] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Load:
        command = [sys.executable, str(PROCESS), self.url, str(self.clients), str(self.rest)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process.stdout.close()
        if error is None:
            self._refuse_wrong()
            assert self._process.returncode == 0

    @property
    def answers(self) -> int:
        return sum(self.versions.values())

    @property
    def at(self) -> float:
        self._refuse_wrong()
        return float(self.told["at"])

    def until(self, version: str) -> None:
        """Come back when a version has answered."""
        self._wait(lambda: version in self.versions, f"no answer of {version}")

    def more(self, answers: int) -> None:
        """Come back when there are so many more."""
        goal = self.answers + answers
        self._wait(lambda: self.answers >= goal, f"not {answers} more answers")

    def _wait(self, seen: Any, what: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or seen(), PATIENCE)
        self._refuse_wrong()
        assert seen(), f"{what}: {self.versions}"

    def _refuse_wrong(self) -> None:
        assert "wrong" not in self.told, self.told["wrong"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.told = json.loads(line)
                self.versions = self.told.get("versions", self.versions)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
