"""Where a graph says what no answer can: the event's logger, or the program's own logging."""

from __future__ import annotations

from typing import Any


def log(context: Any, level: str, message: str, fields: dict[str, Any]) -> None:
    """One line; `context` may be None where a graph runs under no adapter.

    Nothing that a logger raises gets out: what is said here is said beside somebody's answer.
    """
    try:
        if (logger := getattr(context, "logger", None)) is not None:
            getattr(logger, level)(message, **fields)
            return
    except Exception as error:  # whatever a logger of the user's own raises
        message, fields = f"{message} (and its logger failed: {error!r})", fields
    import logging

    words = ", ".join(f"{key}={value}" for key, value in fields.items())
    getattr(logging.getLogger("pelton.graph"), level)("%s: %s", message, words)
