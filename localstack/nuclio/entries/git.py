"""Code in a git repository, fetched by the machine's own git: a branch, a tag or a reference.

Source: Nuclio's builder: the attributes `branch`, `tag`, `reference`, `username`, `password`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
from pathlib import Path

from ..errors import DeployFailed
from .entry import Entry

SECONDS = 300
PROTOCOLS = "file:git:http:https:ssh"  # no `ext::`, which runs a command


async def lay_out(entry: Entry, folder: Path) -> None:
    program = shutil.which("git")
    if program is None:
        raise DeployFailed("code entry type 'git' needs git, which is not on the search path")
    if not entry.path:
        raise DeployFailed("code entry type 'git' needs the repository's URL in build.path")
    steps = (
        ["init", "--quiet"],
        ["fetch", "--quiet", "--depth", "1", "--", entry.path, reference(entry)],
        ["checkout", "--quiet", "--detach", "FETCH_HEAD"],
    )
    for step in steps:
        await _run([program, *step], folder, _environment(entry), f"git {step[0]} {entry.path}")
    await asyncio.to_thread(shutil.rmtree, folder / ".git")


def reference(entry: Entry) -> str:
    """What to fetch; at most one of the three attributes may say it.

    >>> build = {"codeEntryAttributes": {"tag": "v1"}}
    >>> reference(Entry(build, "", {})), reference(Entry({}, "", {}))
    ('refs/tags/v1', 'HEAD')
    """
    named = {name: entry.attribute(name) for name in ("branch", "tag", "reference")}
    given = [name for name, value in named.items() if value]
    if len(given) > 1:
        raise DeployFailed(f"code entry type 'git' takes one of {', '.join(given)}")
    if named["branch"]:
        return f"refs/heads/{named['branch']}"
    return f"refs/tags/{named['tag']}" if named["tag"] else named["reference"] or "HEAD"


def _environment(entry: Entry) -> dict[str, str]:
    """Never ask anybody; credentials by the environment, where no list of processes shows them."""
    found = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": PROTOCOLS}
    user, word = entry.attribute("username"), entry.attribute("password")
    if user or word:
        pair = base64.b64encode(f"{user}:{word}".encode()).decode()
        found |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}",
        }
    return found


async def _run(words: list[str], folder: Path, environment: dict[str, str], what: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *words, cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise DeployFailed(f"{what}: no end after {SECONDS} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise DeployFailed(f"{what}: {said.decode(errors='replace').strip()}")
