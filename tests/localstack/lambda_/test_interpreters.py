"""Functions run on the Python of their runtime, where the machine has it; else all is said."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from ... import plain

ROLE = "arn:aws:iam::000000000000:role/r"
OWN = f"3.{sys.version_info.minor}"
TELL = """
import os, sys

def handler(event, context):
    return {"python": "%d.%d" % sys.version_info[:2], "runs": os.environ["AWS_EXECUTION_ENV"],
            "path": sys.path, "letter": "\\u00e9"}
"""
# The first bytes of a shared object for this machine's kind.
ELF = b"\x7fELF\x02\x01\x01" + bytes(11) + {"x86_64": b">\0", "aarch64": b"\xb7\0"}.get(
    os.uname().machine, b"\0\0"
)  # fmt: skip


def archive(**files: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        for name, content in {"main.py": TELL.encode(), **files}.items():
            out.writestr(name, content)
    return memory.getvalue()


def native(python: str) -> bytes:
    return archive(**{f"ext.cpython-{python.replace('.', '')}-x86_64-linux-gnu.so": ELF})


def create(client: Any, python: str, code: bytes, name: str = "f", **more: Any) -> None:
    client.create_function(
        FunctionName=name, Runtime=f"python{python}", Handler="main.handler", Role=ROLE,
        Code={"ZipFile": code}, Timeout=10, **more,
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(
        FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
    )


def health(emulator: RunningEmulator, *pythons: str) -> dict[str, Any]:
    answer = plain.get(
        f"{emulator.url}/_pelton/health",
        params={"runtime": [f"python{each}" for each in pythons]},
        timeout=60,
        trust_env=False,
    )
    told: dict[str, Any] = answer.json()["interpreters"]
    return told


def call(client: Any, name: str = "f") -> Any:
    return json.loads(client.invoke(FunctionName=name)["Payload"].read())


def another(emulator: RunningEmulator) -> str:
    """A Python beside the emulator's own, for which the runtime client is here."""
    others = [each for each in health(emulator) if each != OWN]
    ready = [each for each in others if health(emulator, each)[each]["state"] == "ready"]
    if not ready:
        pytest.skip("this machine has no second Python with a runtime client")
    return ready[-1]


@pytest.mark.fidelity("Execution", "a function runs on the Python of its runtime")
def test_each_python_of_the_machine_runs_its_functions(pelton_emulator: RunningEmulator) -> None:
    client = pelton_emulator.client("lambda")
    for python in {OWN, another(pelton_emulator)}:
        name = f"f{python.replace('.', '')}"
        create(client, python, archive(), name)
        told = call(client, name)
        assert (told["python"], told["runs"]) == (python, f"AWS_Lambda_python{python}")
        site = [each for each in told["path"] if each.endswith("-packages")]
        layers = [f"/opt/python/lib/python{python}/site-packages"]
        assert site in ([], layers), "the interpreter's own packages are not visible"


@pytest.mark.fidelity(
    "Execution",
    "non-ASCII text of an answer is escaped up to python3.11 and raw from python3.12 on",
)
def test_non_ascii_text_by_runtime(pelton_emulator: RunningEmulator) -> None:
    client = pelton_emulator.client("lambda")
    for python, written in (("3.11", b"\\u00e9"), ("3.12", "é".encode())):
        create(client, python, archive(), name := f"f{python[2:]}")
        assert written in client.invoke(FunctionName=name)["Payload"].read()


@pytest.mark.fidelity(
    "Execution",
    "native modules are judged against the Python that will run them",
    different="refused when the code is uploaded; on AWS the import fails",
)
def test_native_modules_are_judged_against_the_python_that_runs(
    pelton_emulator: RunningEmulator,
) -> None:
    client, python = pelton_emulator.client("lambda"), another(pelton_emulator)
    invalid = client.exceptions.InvalidParameterValueException
    create(client, python, native(python))
    with pytest.raises(invalid, match=f"for CPython {OWN}; this function runs on Python {python}"):
        client.update_function_code(FunctionName="f", ZipFile=native(OWN))
    with pytest.raises(invalid, match=f"CPython {python}; this function runs on Python {OWN}"):
        client.update_function_configuration(FunctionName="f", Runtime=f"python{OWN}")
    assert client.get_function_configuration(FunctionName="f")["Runtime"] == f"python{python}"


@pytest.mark.fidelity("Execution", "runtimes other than Python", refused=True)
@pytest.mark.parametrize("runtime", ["nodejs22.x", "java21", "provided.al2023", "ruby3.4"])
def test_another_language_is_refused_by_name(
    pelton_emulator: RunningEmulator, runtime: str
) -> None:
    client = pelton_emulator.client("lambda")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=runtime):
        client.create_function(
            FunctionName="f", Runtime=runtime, Handler="a.b", Role=ROLE, Code={"ZipFile": archive()}
        )


@pytest.mark.fidelity(
    "Execution",
    "Architectures",
    different="told, but functions run on this machine's: native modules must be for it, as a "
    "warning and the refusal of others say; an archive for AWS needs those of its own",
)
def test_another_architecture_runs_on_this_machine(pelton_emulator: RunningEmulator) -> None:
    client, machine = pelton_emulator.client("lambda"), os.uname().machine
    other, foreign = ("arm64", b"\xb7\0") if machine == "x86_64" else ("x86_64", b">\0")
    name = f"ext.cpython-{OWN.replace('.', '')}-linux-gnu.so"
    create(client, OWN, archive(**{name: ELF}), Architectures=[other])
    assert client.get_function_configuration(FunctionName="f")["Architectures"] == [other]
    assert call(client)["python"] == OWN
    said = f"asks for {other} and runs on this machine, {machine}"
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=said):
        client.update_function_code(
            FunctionName="f", ZipFile=archive(**{name: ELF[:18] + foreign}), Architectures=[other]
        )


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningEmulator, Any]]:
    """An emulator without network and caches, where a python3.14 only pretends to be one; what it
    says on standard error can be read once it is stopped."""
    folder = tmp_path_factory.mktemp("lonely")
    (folder / "python3.14").write_text("#!/bin/sh\necho 3.14\n")
    (folder / "python3.14").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "UV_CACHE_DIR": str(folder / "uv"),
        "UV_OFFLINE": "1",
    }
    said = (folder / "said").open("w+")
    with subprocess.Popen(
        [sys.executable, "-m", "pelton", "emulator", "--port", "0", "--nuclio-port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=said, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())

        def stop() -> str:
            process.terminate()
            process.wait(30)
            said.seek(0)
            return said.read()

        yield RunningEmulator(ready["url"], ready["nuclio_url"]), stop
        stop()
    said.close()


@pytest.mark.fidelity(
    "Execution",
    "a runtime whose Python cannot be had",
    different="runs on the emulator's own Python, said at create and once in the function's log; "
    "native code is refused with the cause",
)
def test_without_its_python_a_function_runs_on_ours_and_all_is_said(
    lonely: tuple[RunningEmulator, Any],
) -> None:
    emulator, stop = lonely
    client, logs = emulator.client("lambda"), emulator.client("logs")
    unavailable = [each for each in health(emulator) if each not in (OWN, "3.14")]
    assert "3.14" not in health(emulator), "what only prints a version is no Python"
    for python in ["3.14", *unavailable[-1:]]:
        create(client, python, archive(), "f")
        told = [call(client), call(client)]
        assert {each["python"] for each in told} == {OWN}
        assert {each["runs"] for each in told} == {f"AWS_Lambda_python{python}"}
        events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        warned = [each["message"] for each in events if "pelton emulator" in each["message"]]
        assert len([each for each in warned if f"asks for python{python}" in each]) == 1
        with pytest.raises(client.exceptions.InvalidParameterValueException) as refused:
            client.update_function_code(FunctionName="f", ZipFile=native(python))
        assert f"this function runs on Python {OWN}" in str(refused.value)
        assert "this machine" in str(refused.value), "and why"
        client.delete_function(FunctionName="f")
    for python in unavailable[-1:]:
        told_of_it = health(emulator)[python]
        assert told_of_it["state"] == "unavailable"
        assert "awslambdaric" in told_of_it["reason"]
    for architecture in ("arm64", "x86_64"):
        create(client, OWN, archive(), architecture, Architectures=[architecture])
    said, machine = stop(), os.uname().machine
    other = "arm64" if machine == "x86_64" else "x86_64"
    assert f"warning: function {other} asks for {other} and runs on this machine, {machine}" in said
    assert said.count("runs on this machine") == 1
    assert "warning: function f asks for python3.14; it runs on" in said


AT_ONCE = """
import sys, threading
from pelton.localstack.lambda_.interpreters import own

sys.setswitchinterval(1e-6)
together = threading.Barrier(8)

def ask():
    together.wait()
    assert "None" not in own().library, own().library

threads = [threading.Thread(target=ask) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
"""


def test_threads_that_ask_at_once_are_told_the_whole_library() -> None:
    for _ in range(3):  # without care, nearly each of these fails
        asked = subprocess.run(
            [sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False
        )
        assert asked.stderr == ""
