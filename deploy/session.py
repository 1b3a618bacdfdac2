"""One deploy, up to the moment before anything is changed: build, read what is live, plan.

The same for an account, a cluster and the emulator: `local` means default addresses, dummy
credentials, and artifacts for the interpreters that the health answer names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from ..builders import Artifact, Target, build
from ..builders.sources import find_sources
from ..handlers.app import App
from ..handlers.function import Function
from .errors import CannotPlan
from .kinds import Resource
from .kinds.stream import is_there
from .live import read_keys, read_live, without_old_doors
from .place import Place
from .plan import Last, Plan, make_plan
from .targets.aws import Account, Aws, unreachable
from .targets.nuclio import Nuclio
from .targets.target import Target as Platforms
from .wants import between, common
from .wants.lambda_ import called, on_lambda
from .wants.nuclio import on_nuclio

LOCAL, LOCAL_NUCLIO = "http://127.0.0.1:4566", "http://127.0.0.1:8070"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a deploy goes.

    to: "local", "aws" or "nuclio"; platforms: "lambda", "nuclio" or both; endpoints "" for the
    platform's own
    """

    to: str = "local"
    platforms: tuple[str, ...] = ("lambda",)
    endpoint: str = ""
    nuclio_endpoint: str = ""
    region: str = ""
    role: str = ""

    @property
    def aws_address(self) -> str:
        return self.endpoint or (LOCAL if self.to == "local" else "")

    @property
    def nuclio_address(self) -> str:
        if not self.nuclio_endpoint and self.to != "local":
            raise CannotPlan("give --nuclio-endpoint, the address of the Nuclio dashboard")
        return self.nuclio_endpoint or LOCAL_NUCLIO


def read_health(address: str, runtimes: Collection[str] = ()) -> dict[str, Any]:
    """What the emulator at an address says of itself; raises `Unreachable`.

    runtimes: those that it must have decided on, which can take a while the first time
    """
    import httpx

    try:
        answer = httpx.get(
            f"{address.rstrip('/')}/_pelton/health",
            params={"runtime": sorted(runtimes)},
            timeout=httpx.Timeout(150, connect=10),
            trust_env=False,
            # Reading this machine's certificates takes a tenth of a second.
            verify=not address.startswith("http://"),
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise unreachable(address, str(error)) from None
    return cast(dict[str, Any], answer.json())


def connect(where: Where, runtimes: Collection[str] = ()) -> tuple[Aws, dict[str, Any]]:
    """The account, and the emulator's health answer (empty for a real account)."""
    if where.to != "local":
        return Aws(Account(where.endpoint, where.region, role=where.role)), {}
    health = read_health(where.aws_address, runtimes)
    role = where.role or f"arn:aws:iam::{health['account']}:role/pelton-local"
    account = Account(where.aws_address, str(health["region"]), "test", "test", role)
    return Aws(account), health


@dataclass
class Session(AbstractContextManager["Session"]):
    """A prepared deploy: `artifacts` built, the plan made, `target` ready for it to be applied."""

    app: App
    root: Path
    where: Where
    out: Path
    only: Sequence[str] = ()
    adopt: Sequence[str] = ()
    releasing: common.Releasing = field(default_factory=common.Releasing)
    artifacts: list[Artifact] = field(default_factory=list)

    def __post_init__(self) -> None:
        runtimes = {each.settings.aws.runtime for each in self.app.functions.values()}
        self.aws, self._health = connect(
            self.where, runtimes if "lambda" in self.where.platforms else ()
        )
        self._nuclio: Nuclio | None = None
        if "nuclio" in self.where.platforms:
            self._nuclio = Nuclio(self.where.nuclio_address)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._nuclio is not None:
            self._nuclio.close()

    @property
    def target(self) -> Platforms:
        """What resources are read from and made on, with the artifacts built so far."""
        archives = {each.sha256: each.path for each in self.artifacts}
        return Platforms(self.aws, self._nuclio, self.app.name, archives)

    def chosen(self) -> list[Function[..., Any]]:
        """The functions that `only` names, or all; raises `CannotPlan` for an unknown name, and
        for an app without functions."""
        if not self.app.functions:
            raise CannotPlan(
                f"app {self.app.name} has no functions: put @app.function above one, or give "
                "app.serve a graph"
            )
        for name in self.only:
            if name not in self.app.functions:
                known = ", ".join(self.app.functions) or "none"
                raise CannotPlan(f"app {self.app.name} has no function {name!r}; it has {known}")
        return [
            each for name, each in self.app.functions.items() if not self.only or name in self.only
        ]

    def plan(self, last: Last | None = None) -> Plan:
        """Build what is wanted, read what is live, and compare; changes nothing.

        last: what a state remembers of the last deploy
        """
        functions, last = self.chosen(), last or {}
        wanted = list(self.wants())
        target, platforms = self.target, self.where.platforms
        live = read_live(target, wanted, last, platforms, self.only)
        for name in {each.name for each in functions if called(each) != each.name}:
            live = without_old_doors(live, name)
        functions_there = {each.name for each in live.values() if each.kind == "function"}
        notes = [
            *between.not_deployed(functions, lambda name: self._is_there(name, functions_there)),
            *between.held_up(functions),
        ]

        def make(live: Mapping[str, Resource]) -> Plan:
            return make_plan(
                self.app.name,
                wanted,
                live,
                last,
                functions=[each.name for each in functions],
                only=self.only,
                adopt=self.adopt,
                notes=notes,
            )

        plan = make(live)
        pulled = [each.key for each in plan.steps if each.resource.on_demand]
        return make(live | read_keys(target, pulled)) if pulled else plan

    def wants(self) -> Iterator[Resource]:
        """Everything that the chosen functions ask for; builds them on the way."""
        functions = self.chosen()
        for function in functions:
            for platform in self.where.platforms:
                common.refuse_missing_triggers(function, platform)
        queues = [t.queue for f in functions for t in f.triggers if between.is_given(t)]
        place = self.aws.place(list(dict.fromkeys(queues)))
        between.refuse_missing_queues(functions, place, self.where.aws_address)
        between.refuse_missing_streams(functions, lambda arn: is_there(self.target, arn))
        if "lambda" in self.where.platforms:
            yield from between.between(functions)
            for function in functions:
                built = self._built(function, "lambda", place)
                yield from on_lambda(function, built, place, self.releasing)
        if "nuclio" in self.where.platforms:
            for function in functions:
                built = self._built(function, "nuclio", place)
                yield from on_nuclio(self.app.name, function, built, self.releasing)

    def _is_there(self, function: str, known: Collection[str]) -> bool:
        return function in known or bool(read_keys(self.target, [f"function:{function}"]))

    def sources(self) -> list[str]:
        """The files of the user's that the chosen functions are made of."""
        found = {
            str(path.resolve())
            for function in self.chosen()
            for path in find_sources(function, self.root).files.values()
        }
        return sorted(found)

    def _build(self, function: Function[..., Any], platform: str) -> Artifact:
        if self.where.to == "local":
            target = Target.local(platform, self._health, function)
        else:
            target = Target.aws(function) if platform == "lambda" else Target.nuclio(function)
        artifact = build(function, target, root=self.root, out=self.out)
        self.artifacts.append(artifact)
        return artifact

    def _built(self, function: Function[..., Any], platform: str, place: Place) -> common.Built:
        artifact = self._build(function, platform)
        through_s3 = artifact.needs_s3 or platform == "nuclio"
        return common.Built(
            artifact,
            artifact.target.architecture,
            where=common.where_of(function, self.root),
            sources=common.sources_of(artifact, find_sources(function, self.root).files),
            bucket=place.bucket if through_s3 else "",
        )
