"""Structured logs: any field may have any name, on either platform's logger."""

import io
import json
import logging
from typing import Any

import nuclio_sdk
import pytest

from pelton.runtime.logs import JsonLogger
from pelton.runtime.nuclio import NuclioLogger

FIELDS = {"message": "theirs", "level": "theirs", "self": 1, "requestId": "theirs", "n": 2}


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "exception"])
def test_a_field_called_as_ours_is_kept_beside_it(level: str) -> None:
    lines: list[str] = []
    logger = JsonLogger({"requestId": "ours"}, level="DEBUG", write=lines.append)
    getattr(logger, level)("said", **FIELDS)
    line = json.loads(lines[0])
    assert (line["message"], line["message_"]) == ("said", "theirs")
    assert (line["requestId"], line["requestId_"]) == ("ours", "theirs")
    assert (line["level_"], line["self"], line["n"]) == ("theirs", 1, 2)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "exception"])
def test_so_it_is_on_nuclios_logger(level: str) -> None:
    said = io.StringIO()

    class Fields(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return json.dumps({"said": record.getMessage(), **getattr(record, "with")})

    native: Any = nuclio_sdk.Logger(logging.DEBUG, f"test-{level}")
    native.set_handler("default", said, Fields())
    getattr(NuclioLogger(native, {"requestId": "ours"}), level)("said", **FIELDS)
    line = json.loads(said.getvalue())
    assert (line["said"], line["message_"]) == ("said", "theirs")
    assert (line["requestId"], line["requestId_"]) == ("ours", "theirs")
    assert (line["level_"], line["self_"], line["n"]) == ("theirs", 1, 2)
