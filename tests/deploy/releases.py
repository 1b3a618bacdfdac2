"""Releases of one small function of Nuclio's, without a build: its code is an archive of a file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from pelton.deploy.kinds.nuclio_function import NuclioFunction
from pelton.deploy.kinds.nuclio_gateway import NuclioGateway
from pelton.deploy.kinds.nuclio_project import NuclioProject
from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.targets.nuclio import Nuclio
from pelton.deploy.targets.target import Target
from pelton.deploy.versions import verbs
from pelton.deploy.versions.canary import Step
from pelton.deploy.versions.gates import parse
from pelton.deploy.versions.nuclio import NuclioVersions
from pelton.pytest_plugin import RunningEmulator

from .load import Load

CODE = """
import os

def handler(context, event):
    path = event.path.decode()
    if path == "/fail":
        return context.Response(body="no", status_code=500)
    if path == "/cookies":
        headers = {"Set-Cookie": "a=1", "set-cookie": "b=2", "X-Version": os.environ["VERSION"]}
        return context.Response(body=bytes(range(256)), content_type="image/x", headers=headers)
    if path.startswith("/echo"):
        seen = [event.method, event.path, sorted(event.fields.items()), event.content_type]
        return repr([*seen, event.headers.get(b"X-A"), event.body])
    body = event.body if isinstance(event.body, bytes) else repr(event.body).encode()
    return os.environ["VERSION"] + " " + body.decode()
"""


@dataclass
class Releases:
    """The function `hello`, of a version that answers its name and what it was sent."""

    emulator: RunningEmulator
    archive: Path
    nuclio: Nuclio
    triggers: dict[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        aws = Aws(Account(self.emulator.url, "us-east-1", "test", "test"))
        return Target(aws, self.nuclio, "greet")

    @property
    def versions(self) -> NuclioVersions:
        return NuclioVersions(self.target, "greet")

    def deploy(self, version: str, *, hold: bool = False, **more: Any) -> None:
        spec = {
            "handler": "main:handler",
            "runtime": "python",
            "env": [{"name": "VERSION", "value": version}],
            "triggers": {"http": {"kind": "http", "numWorkers": 2}, **self.triggers},
            "build": {"codeEntryType": "archive", "path": str(self.archive)},
            **more,
        }
        wanted = NuclioFunction(name="hello", project="greet", spec=spec, digest=version)
        number = self.versions.publish(wanted, 0.0)
        verbs.deployed(self.versions, "hello", number, hold=hold, now=0.0, by="ana")

    def canary(self, share: float, *gates: str, sticky: str = "") -> None:
        steps, parsed = [Step(share)], [parse(each) for each in gates]
        given: Any = {"now": 0.0, "by": "ana", "least": 1, "sticky": sticky}
        verbs.start(self.versions, "hello", steps, parsed, **given)

    def gateway(self) -> str:
        """The address of an API gateway before what is deployed."""
        upstreams = (("hello", 0),)
        made = NuclioGateway(
            name="hello", host="hi.localhost", project="greet", upstreams=upstreams
        )
        made.create(self.target)
        return f"{self.emulator.nuclio_url}/_gateway/hello/x"

    def there(self) -> dict[str, Any]:
        return self.nuclio.get("/api/functions", "functions") or {}

    @property
    def url(self) -> str:
        return f"http://{self.there()['hello']['status']['externalInvocationUrls'][0]}"


@contextmanager
def releases_at(
    emulator: RunningEmulator, folder: Path, transport: httpx.BaseTransport | None = None
) -> Iterator[Releases]:
    """On an empty emulator."""
    with zipfile.ZipFile(folder / "code.zip", "w") as archive:
        archive.writestr("main.py", CODE)
    nuclio = Nuclio(emulator.nuclio_url, transport=transport)
    found = Releases(emulator, folder / "code.zip", nuclio)
    NuclioProject(name="greet").create(found.target)
    yield found
    nuclio.close()


def release_all_ways(releases: Releases, load: Load, rounds: Iterable[int], dwell: int) -> None:
    """Deploy, canary, promote, rollback: each is seen to have happened.  What a promotion leaves
    behind is deleted by it."""
    for number in rounds:
        releases.deploy(f"second{number}")
        load.until(f"second{number}")
        load.more(dwell)
        releases.deploy(f"third{number}", hold=True)
        releases.canary(0.3, "errors<1%")
        load.until(f"third{number}")
        load.more(dwell)
        verbs.promote(releases.versions, "hello", {}, now=1.0, by="ana", force=True)
        load.more(dwell)
        verbs.roll_back(releases.versions, "hello", now=2.0, by="ana")
        load.more(dwell)
