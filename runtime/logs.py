"""Structured logs: one JSON object a line on standard output, with the request id in each.

The standard library's `logging` is not imported here (16 ms); what the user logs through it goes
where the platform sends it, with the same request id where the platform adds one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Container, Mapping
from typing import Any

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


def timestamp(now: float) -> str:
    """UTC with milliseconds, as CloudWatch's own JSON logs have it.

    >>> timestamp(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03d}Z"


class JsonLogger:
    """Writes `{"timestamp", "level", "message", "requestId", "function", …fields}` lines.

    >>> log = JsonLogger({"function": "score"}, write=print, clock=lambda: 0.0)
    >>> log.info("scored", delay=3)
    {"timestamp": "1970-01-01T00:00:00.000Z", "level": "INFO", "message": "scored", "function": "score", "delay": 3}
    """  # noqa: E501 - a log line is as long as it is

    def __init__(
        self,
        common: Mapping[str, Any],
        *,
        level: str = "INFO",
        write: Callable[[str], Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._common, self._clock = dict(common), clock
        self._least = LEVELS.get(level.upper(), LEVELS["INFO"])
        self._write = write or to_stdout

    def debug(self, message: str, /, **fields: Any) -> None:
        self._log("DEBUG", message, fields)

    def info(self, message: str, /, **fields: Any) -> None:
        self._log("INFO", message, fields)

    def warning(self, message: str, /, **fields: Any) -> None:
        self._log("WARNING", message, fields)

    def error(self, message: str, /, **fields: Any) -> None:
        self._log("ERROR", message, fields)

    def exception(self, message: str, /, **fields: Any) -> None:
        """`error` with the exception being handled as `error` and `trace`."""
        import traceback

        kind, error, _ = sys.exc_info()
        if kind is not None:
            fields = {
                "error": f"{kind.__name__}: {error}",
                "trace": traceback.format_exc(),
                **fields,
            }
        self._log("ERROR", message, fields)

    def _log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        if LEVELS[level] >= self._least:
            line = {
                "timestamp": timestamp(self._clock()),
                "level": level,
                "message": message,
                **self._common,
            }
            self._write(json.dumps(line | beside(fields, line), default=str))


def beside(fields: Mapping[str, Any], taken: Container[str]) -> dict[str, Any]:
    """The fields, those whose names are taken under a name of their own: `level` as `level_`.

    >>> beside({"message": "theirs", "n": 1}, {"message": "ours"})
    {'message_': 'theirs', 'n': 1}
    """
    return {f"{name}_" if name in taken else name: value for name, value in fields.items()}


def to_stdout(line: str) -> None:
    # One write a line: lines of several threads are never torn.
    sys.stdout.write(line + "\n")
