"""What a function finds around it: environment variables, paths, mounts.

The names are those recorded on AWS (python3.11); the values that differ are the endpoint, so that
boto3 inside a function reaches the emulator, and the folders where mounts are not allowed.  What
the user's own variables may be is AWS's page "Defined runtime environment variables": those that
are not reserved are defaults, TZ among them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..signatures.mark import token_of
from .interpreters import Interpreter
from .records import Revision

# What the runtime has and extensions have not (AWS's "Extensions API" page).
_OF_THE_RUNTIME = (
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER",
    "PYTHONPATH",
)  # fmt: skip
_NOT_IN_SNAPSHOTS = ("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME")
LANG = "/var/lang"  # where a runtime's Python is
DEBUGGER = "/var/debugger"
EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
LAYERS = "_PELTON_LAYERS"  # where mounts are not allowed: read and removed by runtime_start.py
# What a process, or its Python, looks at once, when it starts; PYTHONPATH is followed anyway.
_AT_START = re.compile(r"(LD|LC|MALLOC|GLIBC)_.*|LANG|PYTHON(?!PATH$).*")
HIDDEN_BY_MOUNTS = ("/var/", "/tmp/", "/opt/")


@dataclass(frozen=True, slots=True)
class Account:
    """Where functions believe they are, and how they reach AWS.

    local: variables of whoever runs the emulator, for what has no such variable already
    """

    region: str
    endpoint: str
    access_key: str = "test"
    secret_key: str = "test"
    token: str = "test"
    local: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Places:
    """Where code, runtime and scratch are, as the function sees them."""

    task: str
    runtime: str
    scratch: str
    mounts: dict[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    debugger: str = ""


def can_mount(interpreter: Interpreter) -> bool:
    """Whether sandboxes on this Python may have mounts of their own, which must not hide it."""
    hidden = f"{interpreter.prefix}/".startswith(HIDDEN_BY_MOUNTS) and interpreter.prefix != LANG
    return not hidden and may_mount()


@cache
def may_mount() -> bool:
    """Whether this process may make mounts: tried once, in a child."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return False
    probe = (
        "import ctypes,os,sys; c=ctypes.CDLL(None);"
        "r=c.unshare(0x20000) or c.mount(b'none',b'/',None,16384|(1<<18),None)"
        " or c.mount(b'tmpfs',b'/var',b'tmpfs',0,b'size=64k'); os._exit(1 if r else 0)"
    )
    return (
        subprocess.run([sys.executable, "-S", "-s", "-E", "-c", probe], check=False).returncode == 0
    )


def places(
    revision: Revision,
    python: Interpreter,
    runtime: Path,
    scratch: Path,
    debugger: Path | None = None,
) -> Places:
    """With mounts as on AWS, without them the folders where things really are."""
    if not can_mount(python):
        return Places(
            str(revision.code_dir),
            str(runtime),
            str(scratch),
            layers=tuple(str(each) for each in revision.layer_dirs),
            debugger=str(debugger or ""),
        )
    mounts = {
        "/var/task": str(revision.code_dir),
        "/var/runtime": str(runtime),
        "/tmp": str(scratch),
    }
    if python.prefix == LANG:
        mounts[LANG] = LANG  # as the fork server has it
    if revision.layer_dirs:
        mounts["/opt"] = str(revision.layer_dirs[-1])
    if debugger is not None:
        mounts[DEBUGGER] = str(debugger)
    return Places("/var/task", "/var/runtime", "/tmp", mounts, ("/opt",), DEBUGGER)


def python_path(revision: Revision, place: Places, python: Interpreter) -> list[str]:
    """`sys.path` of a sandbox: the task root, the layers, the runtime, the user's PYTHONPATH, the
    standard library; each folder once."""
    layers = [
        folder
        for layer in place.layers
        for folder in (f"{layer}/python/lib/{python.runtime}/site-packages", f"{layer}/python")
    ]
    given = revision.environment.get("PYTHONPATH", "")
    users = [os.path.join(place.task, each) for each in given.split(":")] if given else []
    return list(dict.fromkeys([place.task, *layers, place.runtime, *users, *python.library]))


def programs(place: Places) -> str:
    """The folder of the function's own Python: one that does not see what the host has installed
    beside it."""
    return f"{place.runtime}/lang/bin" if LANG in place.mounts else f"{place.runtime}/bin"


def command(revision: Revision, place: Places) -> list[str]:
    """The command line of a runtime that needs a process of its own from the start, [] when the
    fork server's will do: there is a wrapper script, a variable that is looked at only then, or a
    debugger.

    Source: AWS's page "Modifying the runtime environment", "Wrapper scripts".
    """
    line = [f"{programs(place)}/python3", f"{place.runtime}/bootstrap.py"]
    anew = any(map(_AT_START.fullmatch, revision.environment))
    if revision.debug is not None:
        library = [place.runtime, *place.layers]
        line, anew = revision.debug.command(line, place.debugger, place.task, library), True
    if wrapper := revision.environment.get(EXEC_WRAPPER, ""):
        return [_where(wrapper, place), *line]
    return line if anew else []


def _where(path: str, place: Places) -> str:
    """A path as functions have it, where it really is when there are no mounts."""
    if not place.mounts:
        for known, folders in (("/var/task", (place.task,)), ("/opt", place.layers)):
            if path.startswith(f"{known}/") and folders:
                return folders[-1] + path.removeprefix(known)
    return path


def environment(
    revision: Revision,
    account: Account,
    place: Places,
    python: Interpreter,
    runtime_api: str,
    log_stream: str,
) -> dict[str, str]:
    """The whole environment of a sandbox.  A variable of the user takes the place of ours: names
    that are reserved cannot be given (`setting_rules`)."""
    layers = [f"{each}/bin" for each in place.layers]
    libraries = [f"{each}/lib" for each in place.layers]
    known = {
        **account.local,
        **_of_every_kind(revision, account, runtime_api, log_stream),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{revision.runtime}",
        "LAMBDA_RUNTIME_DIR": place.runtime,
        "LAMBDA_TASK_ROOT": place.task,
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": ":".join([place.task, f"{place.task}/lib", *libraries]),
        # The function's own Python first, as /var/lang/bin is on AWS.
        "PATH": ":".join([programs(place), "/usr/local/bin:/usr/bin:/bin", *layers]),
        "PWD": place.task,
        "PYTHONPATH": place.runtime,
        "SHLVL": "0",
        "TMPDIR": place.scratch,
        "_HANDLER": revision.handler,
    }
    if revision.initialization == "snap-start":
        # "not available in Lambda SnapStart functions" (AWS's page on monitoring SnapStart)
        known = {name: value for name, value in known.items() if name not in _NOT_IN_SNAPSHOTS}
    if not place.mounts and command(revision, place):
        known[LAYERS] = ":".join(place.layers)
    return {**known, **revision.environment}


def image_environment(
    revision: Revision, account: Account, runtime_api: str, log_stream: str
) -> dict[str, str]:
    """What a container image's process finds beside the image's own variables, which say where its
    runtime and its code are."""
    known = _of_every_kind(revision, account, runtime_api, log_stream)
    return {**account.local, **known, **revision.environment}


def _of_every_kind(
    revision: Revision, account: Account, runtime_api: str, log_stream: str
) -> dict[str, str]:
    """The variables that any sandbox has, whatever its code is in."""
    known = {
        "AWS_ACCESS_KEY_ID": account.access_key,
        "AWS_SECRET_ACCESS_KEY": account.secret_key,
        "AWS_SESSION_TOKEN": token_of(account.token, revision.name),
        "AWS_DEFAULT_REGION": account.region,
        "AWS_REGION": account.region,
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(revision.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": revision.name,
        "AWS_LAMBDA_FUNCTION_VERSION": revision.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": revision.initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": revision.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "TZ": ":UTC",
    }
    if revision.log_format == "JSON":
        known["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        known["AWS_LAMBDA_LOG_LEVEL"] = revision.application_level
    return known


def extension_environment(of_runtime: Mapping[str, str], python: Interpreter) -> dict[str, str]:
    """What an extension's program finds: the function's variables without the runtime's own, and
    the function's Python last on PATH, as /var/lang/bin is there on AWS."""
    kept = without_runtime(of_runtime)
    kept["PATH"] = f"{kept['PATH']}:{python.prefix}/bin"
    kept["PWD"] = "/"
    return kept


def without_runtime(variables: Mapping[str, str]) -> dict[str, str]:
    """A runtime's variables but those that extensions have not."""
    return {name: value for name, value in variables.items() if name not in _OF_THE_RUNTIME}


def extension_programs(place: Places) -> dict[str, str]:
    """The programs of external extensions by file name, and where the sandbox sees them: files of
    /opt/extensions, in the order in which they are started."""
    found: dict[str, str] = {}
    for layer in place.layers:
        source = place.mounts.get(layer, "") if place.mounts else layer
        folder = Path(source, "extensions")
        if source and folder.is_dir():
            for each in sorted(folder.iterdir()):
                if not each.is_dir():
                    found.setdefault(each.name, f"{layer}/extensions/{each.name}")
    return found
