"""Handlers whose names are odd: each call is answered, with what is wrong in the answer, and the
emulator serves the next one."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

SOURCE = "def handler(event, context):\n    return 'ok'\nhändler = handler\n"


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        for name in ("main.py", "päckage/mödule.py", "a/b-c/main.py"):
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            out.writestr(info, SOURCE)
    made = pelton_emulator.client("lambda")
    made.create_function(
        FunctionName="odd",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="main.handler",
        Code={"ZipFile": memory.getvalue()},
        Timeout=10,
    )
    made.get_waiter("function_active_v2").wait(FunctionName="odd")
    yield made
    made.close()


@pytest.mark.fidelity("Execution", "handlers of odd names are found, or what is wrong is answered")
def test_odd_handlers(client: Any) -> None:
    for handler, expected in [
        ("päckage/mödule.händler", "ok"),
        ("main", "Runtime.MalformedHandlerName"),
        ("main.no-such", "Runtime.HandlerNotFound"),
        ("/etc/passwd.x", "TypeError"),  # as the runtime client has it: a relative import
        ("'$(id)';.handler", "Runtime.ImportModuleError"),
        ("sys.exit", "Runtime.BuiltInModuleConflict"),
        ("a/b-c/main.handler", "ok"),
    ]:
        client.update_function_configuration(FunctionName="odd", Handler=handler)
        client.get_waiter("function_updated_v2").wait(FunctionName="odd")
        answer = json.loads(client.invoke(FunctionName="odd")["Payload"].read())
        found = answer if isinstance(answer, str) else answer["errorType"]
        assert (handler, found) == (handler, expected)
