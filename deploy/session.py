"""One deploy, up to the moment before anything is changed: build, read what is live, plan.

The same for an account, a cluster and the emulator: `local` means default addresses, dummy
credentials, and artifacts for the interpreters that the health answer names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from ..builders import Artifact, Target, build
from ..builders.sources import find_sources
from ..handlers.app import App
from ..handlers.function import Function
from . import streams
from . import wanted as want
from .apply import Doer
from .errors import CannotPlan
from .plan import Plan, code_sha256, make_plan
from .states import Code, Live, Wanted
from .targets.aws import Account, Aws, unreachable
from .targets.aws_calls import AwsCalls
from .targets.nuclio import Nuclio

LOCAL, LOCAL_NUCLIO = "http://127.0.0.1:4566", "http://127.0.0.1:8070"
LINK_SECONDS = 24 * 3600


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
    """A prepared deploy: `artifacts` built, `plan` made, `doers` ready to follow it."""

    app: App
    root: Path
    where: Where
    out: Path
    only: Sequence[str] = ()
    artifacts: list[Artifact] = field(default_factory=list)

    def __post_init__(self) -> None:
        runtimes = {each.settings.aws.runtime for each in self.app.functions.values()}
        self.aws, self._health = connect(
            self.where, runtimes if "lambda" in self.where.platforms else ()
        )
        self._nuclio: Nuclio | None = None
        if "nuclio" in self.where.platforms:
            self._nuclio = Nuclio(self.where.nuclio_address, archive_url=self._archive_url)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._nuclio is not None:
            self._nuclio.close()

    @property
    def doers(self) -> Mapping[str, Doer]:
        calls = AwsCalls(self.aws)
        found: dict[str, Doer] = dict.fromkeys(("lambda", "s3", "sqs", "kinesis"), calls)
        if self._nuclio is not None:
            found["nuclio"] = self._nuclio
        return found

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

    def plan(self) -> Plan:
        """Build what is wanted, read what is live, and compare; changes nothing."""
        functions = self.chosen()
        for function in functions:
            for platform in self.where.platforms:
                want.refuse_missing_triggers(function, platform)
        queues = [t.queue for f in functions for t in f.triggers if want.is_given(t)]
        place = self.aws.place(list(dict.fromkeys(queues)))
        want.refuse_missing_queues(functions, place, self.where.aws_address)
        streams.refuse_missing_streams(functions, self.aws.has_stream)
        wanted = Wanted(
            self.app.name,
            queues=want.queues_of(functions),
            streams=streams.streams_of(functions),
            letters=streams.letters_of(functions),
        )
        if "lambda" in self.where.platforms:
            wanted = self._want_lambda(wanted, functions, place)
        if "nuclio" in self.where.platforms:
            wanted = self._want_nuclio(wanted, functions, place)
        there = want.not_deployed(functions, lambda name: self.aws.read(name) is not None)
        wanted = replace(wanted, notes=(*there, *streams.held_up(functions)))
        return make_plan(wanted, self._live(wanted))

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

    def _want_lambda(
        self, wanted: Wanted, functions: Sequence[Function[..., Any]], place: want.Place
    ) -> Wanted:
        found, codes = [], {}
        for function in functions:
            artifact = self._build(function, "lambda")
            bucket = place.bucket if artifact.needs_s3 else ""
            code = codes[function.name] = want.code_of(artifact, function.name, bucket=bucket)
            architecture = artifact.target.architecture
            found.append(
                want.lambda_function(
                    self.app.name,
                    function,
                    artifact,
                    place,
                    architecture=architecture,
                    code_sha256=code_sha256(code),
                )
            )
        return replace(wanted, lambdas=tuple(found), lambda_code=codes)

    def _want_nuclio(
        self, wanted: Wanted, functions: Sequence[Function[..., Any]], place: want.Place
    ) -> Wanted:
        found, codes = [], {}
        for function in functions:
            artifact = self._build(function, "nuclio")
            codes[function.name] = want.code_of(artifact, function.name, bucket=place.bucket)
            found.append(want.nuclio_function(self.app.name, function, artifact))
        return replace(wanted, nuclios=tuple(found), nuclio_code=codes)

    def _live(self, wanted: Wanted) -> Live:
        lambdas = {each.name: self.aws.read(each.name) for each in wanted.lambdas}
        nuclios = {
            each.name: self._nuclio.read(each.name) for each in wanted.nuclios if self._nuclio
        }
        codes = [*wanted.lambda_code.values(), *wanted.nuclio_code.values()]
        buckets = {code.bucket for code in codes if code.bucket}
        projects = {each.project for each in wanted.nuclios}
        queues = {each.name: self.aws.read_queue(each.name) for each in wanted.queues}
        return Live(
            {name: each for name, each in lambdas.items() if each},
            {name: each for name, each in nuclios.items() if each},
            frozenset(each for each in buckets if self.aws.has_bucket(each)),
            frozenset(each for each in projects if self._nuclio and self._nuclio.has_project(each)),
            {name: each for name, each in queues.items() if each},
            frozenset(e.name for e in wanted.streams if self.aws.has_stream(e.name)),
            frozenset(e.name for e in wanted.letters if self.aws.has_queue(e.name)),
        )

    def _archive_url(self, code: Code) -> str:
        """Where a dashboard can fetch an uploaded archive: a link signed for a day."""
        parameters = {"Bucket": code.bucket, "Key": code.key}
        return str(
            self.aws.client("s3").generate_presigned_url(
                "get_object", Params=parameters, ExpiresIn=LINK_SECONDS
            )
        )
