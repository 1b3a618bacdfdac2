"""Where a deploy goes: the addresses, the account behind them, and the place of its state.

`local` means the emulator: default addresses and dummy credentials.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import CannotPlan, Unreachable
from .health import read_health
from .place import Place
from .state import FileStore, S3Store, Store
from .targets.aws import Account, Aws

LEAST = "least"  # as a role: one is made for each function that names none
LOCAL, LOCAL_NUCLIO = "http://127.0.0.1:4566", "http://127.0.0.1:8070"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a deploy goes.

    to: "local", "aws" or "nuclio"; platforms: "lambda", "nuclio" or both; endpoints "" for the
    platform's own; state: where states are kept, a folder or `s3://BUCKET/PREFIX`, "" for
    `.pelton/state` beside the app; role: of functions that name none: an ARN, or `LEAST`
    origins: by function and setting, the key of the settings file that says it
    """

    to: str = "local"
    platforms: tuple[str, ...] = ("lambda",)
    endpoint: str = ""
    nuclio_endpoint: str = ""
    region: str = ""
    role: str = ""
    state: str = ""
    environment: str = ""
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)

    @property
    def aws_address(self) -> str:
        return self.endpoint or (LOCAL if self.to == "local" else "")

    @property
    def nuclio_address(self) -> str:
        if not self.nuclio_endpoint and self.to != "local":
            raise CannotPlan("give --nuclio-endpoint, the address of the Nuclio dashboard")
        return self.nuclio_endpoint or LOCAL_NUCLIO


def connect(where: Where, runtimes: Collection[str] = ()) -> tuple[Aws, dict[str, Any]]:
    """The account, and the emulator's health answer (empty for a real account)."""
    given = "" if where.role == LEAST else where.role
    if where.to != "local":
        return Aws(Account(where.endpoint, where.region, role=given)), {}
    try:
        health = read_health(where.aws_address, runtimes)
    except Unreachable as error:
        if where.nuclio_endpoint:
            error.add_note(
                "    local is the emulator, which is both platforms at its two addresses; "
                f"a Nuclio elsewhere: --to nuclio --nuclio-endpoint {where.nuclio_endpoint}"
            )
        raise
    role = given or f"arn:aws:iam::{health['account']}:role/pelton-local"
    region, number = str(health["region"]), str(health["account"])
    return Aws(Account(where.aws_address, region, "test", "test", role, number)), health


def store_of(where: Where, place: Place, app: str, root: Path, aws: Aws) -> Store:
    """Where the state of an app on a target is kept: one for each account, region and
    environment."""
    name = "local" if where.to == "local" else f"{where.to}-{place.account}-{place.region}"
    name += f"-{where.environment}" if where.environment else ""
    if where.state.startswith("s3://"):
        bucket, _, prefix = where.state.removeprefix("s3://").partition("/")
        key = "/".join(filter(None, (prefix.strip("/"), name, f"{app}.json")))
        return S3Store(aws, bucket, key)
    folder = Path(where.state) if where.state else root / ".pelton" / "state"
    return FileStore(folder / name / f"{app}.json")
