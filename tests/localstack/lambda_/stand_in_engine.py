#!/usr/bin/env python3
"""A container engine's command line without containers: an image's entry point as a plain process.

It is put on the search path as `docker` by tests on machines where no engine works.  Images are
files NAME.json below its state's `images`, or below `registry`, from where `pull` gets them; what
an image says of itself is in them as an engine tells it.  It shares nothing with the emulator.

A test runs dozens of these: each imports what its own command needs, and no more.

    stand_in_engine.py STATE COMMAND...
"""

from __future__ import annotations

import json
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

STATE = sys.argv[1]
KNOWN = {"--rm": 0, "--read-only": 0, "--label": 1, "--name": 1, "--pull": 1}


def fail(code: int, sentence: str) -> NoReturn:
    print(f"stand-in: {sentence}", file=sys.stderr)
    sys.exit(code)


def read(*place: str) -> Any:
    with open(os.path.join(STATE, *place)) as file:
        return json.load(file)


def write(told: dict[str, Any], *place: str) -> None:
    with open(os.path.join(STATE, *place), "w") as file:
        json.dump(told, file)


def record_of(container: str) -> str:
    return os.path.join(STATE, "containers", container)


def build(words: list[str]) -> None:
    """An image of a context: what its Dockerfile copies, run by this Python's runtime client."""
    import hashlib
    import shutil
    from pathlib import Path

    context, name = Path(words[-1]), words[words.index("--tag") + 1]
    lines = (context / "Dockerfile").read_text().splitlines()
    file = name.replace("/", "%2F")
    code = Path(STATE) / "code" / file
    for line in lines:
        if line.startswith("COPY "):
            source, place = line.split()[1:3] if "--from" not in line else ("", "")
            if place.startswith("/opt/nuclio"):
                shutil.copytree(context / source, code / place.strip("/"), dirs_exist_ok=True)
            elif source and (context / source).is_dir():
                shutil.copytree(context / source, code, dirs_exist_ok=True)
    (command,) = (json.loads(line[4:]) for line in lines if line.startswith("CMD "))
    config = {
        "Entrypoint": [sys.executable, "-m", "awslambdaric"],
        "Cmd": command,
        "WorkingDir": str(code),
        "Env": ["PATH=/usr/bin:/bin"],
    }
    digest = hashlib.sha256(json.dumps([config, lines]).encode()).hexdigest()
    told = {"Id": f"sha256:{digest}", "RepoDigests": [], "Config": config}
    write(told, "images", f"{file}.json")


def images() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in os.listdir(os.path.join(STATE, "images")):
        image = read("images", file)
        name = file.removesuffix(".json").replace("%2F", "/")
        found[name] = found[image["Id"]] = image
    return found


def image_of(name: str, code: int) -> dict[str, Any]:
    known = images()
    image = known.get(name) or known.get(name.partition(":")[0])
    if image is None:
        fail(code, f"no such image: {name}")
    return image


def run(words: list[str]) -> None:
    given: dict[str, list[str]] = {}
    while words and words[0].startswith("--"):
        name, equals, value = words.pop(0).partition("=")
        if not equals:
            value = words.pop(0) if KNOWN.get(name) else ""
        given.setdefault(name, []).append(value)
    image = image_of(words.pop(0), 125)
    config = image["Config"]
    volumes = {each.partition(":")[2]: each.partition(":")[0] for each in given["--volume"]}
    environment = dict(each.split("=", 1) for each in [*config["Env"], *given["--env"]])
    command = [given["--entrypoint"][0], *words]
    if command[0].startswith("/opt/"):
        command[0] = config["WorkingDir"] + command[0]
    os.chdir(given.get("--workdir", [config["WorkingDir"]])[0])
    try:
        own = {**environment, "TMPDIR": volumes["/tmp"]}
        pid = os.posix_spawn(command[0], command, own, setsid=True)
    except FileNotFoundError as error:
        fail(127, str(error))
    write({"pid": pid, "label": given["--label"][0]}, "containers", given["--name"][0])
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.unlink(record_of(given["--name"][0]))
    sys.exit(128 - code if code < 0 else code)


def tell(name: str, number: signal.Signals) -> None:
    if not os.path.exists(record_of(name)):
        fail(1, f"no such container: {name}")
    pid = read("containers", name)["pid"]
    if number == signal.SIGKILL:
        os.killpg(pid, number)
    else:
        os.kill(pid, number)


def create(words: list[str]) -> None:
    """A container that is only looked into."""
    code = image_of(words[-2], 125)["Config"]["WorkingDir"]
    record = {"pid": 0, "label": "", "code": code}
    write(record, "containers", words[words.index("--name") + 1])


def copy(place: str) -> None:
    name, _, path = place.partition(":")
    source = read("containers", name)["code"] + path
    if not os.path.isdir(source):
        fail(1, f"no {path} in {name}")
    import tarfile

    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as out:
        out.add(source, os.path.basename(path))


def remove(name: str) -> None:
    if os.path.exists(record_of(name)) and "code" in read("containers", name):
        os.unlink(record_of(name))
    else:
        tell(name, signal.SIGKILL)


def pull(uri: str) -> None:
    file = f"{uri.partition(':')[0]}.json"
    source = os.path.join(STATE, "registry", file)
    if not os.path.exists(source):
        fail(1, f"manifest for {uri} not found")
    os.rename(source, os.path.join(STATE, "images", file))


def inspect(name: str) -> None:
    if not os.path.exists(record_of(name)):
        fail(1, "no such object")
    print(read("containers", name)["pid"])


def listed(label: str) -> None:
    for name in os.listdir(os.path.join(STATE, "containers")):
        if read("containers", name)["label"] == label:
            print(name)


def main(command: str, *words: str) -> None:
    if command == "info":
        print("1.0 Stand-in")
    elif command == "image":
        print(json.dumps([image_of(words[-1], 1)]))
    elif command == "build":
        build(list(words))
    elif command == "pull":
        pull(words[-1])
    elif command == "create":
        create(list(words))
    elif command == "cp":
        copy(words[0])
    elif command == "run":
        run(list(words))
    elif command == "inspect":
        inspect(words[-1])
    elif command == "kill":
        tell(words[-1], signal.SIGTERM)
    elif command == "rm":
        for name in words[1:]:
            remove(name)
    elif command == "ps":
        listed(words[-1].removeprefix("label="))
    else:
        fail(125, f"unknown command {command}")


if __name__ == "__main__":
    main(*sys.argv[2:])
