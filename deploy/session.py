"""One deploy, up to the moment before anything is changed: build, read what is live, plan.

The same for an account, a cluster and the emulator: `local` means default addresses, dummy
credentials, and artifacts for the interpreters that the health answer names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..builders import Artifact, Resolver
from ..builders.requirements import files_named
from ..builders.sources import find_sources
from ..handlers.app import App
from ..handlers.function import Function
from .apply import Told, apply
from .builds import Builds
from .errors import CannotPlan, StateError
from .kinds import KINDS, Resource
from .kinds.base import OURS
from .kinds.stream import is_there
from .live import find_pointing, find_tagged, is_on, read_keys, read_live, without_old_doors
from .place import Place
from .plan import Plan, Step
from .planning import make_plan
from .record import Record
from .state import State, Store
from .targets.nuclio import Nuclio
from .targets.target import Target as Platforms
from .wants import between, bridges, brokers, common, missing
from .wants.common import called
from .wants.lambda_ import on_lambda, refuse_roles_of_others
from .wants.nuclio import on_nuclio, refuse_secrets_on_docker, without_gateways
from .wants.pushed import refuse_missing_sources
from .wants.weaker import weaker
from .where import Where, connect, store_of

if TYPE_CHECKING:
    import httpx


MANY = 20


@dataclass
class Session(AbstractContextManager["Session"]):
    """A prepared deploy: `artifacts` built, the plan made, `target` ready for it to be applied.

    package: the kind of artifact, instead of the one that the functions' settings name
    network: that of the calls of Nuclio, for tests
    """

    app: App
    root: Path
    where: Where
    out: Path
    only: Sequence[str] = ()
    adopt: Sequence[str] = ()
    releasing: common.Releasing = field(default_factory=common.Releasing)
    resolver: Resolver | None = None
    package: str = ""
    network: httpx.BaseTransport | None = None
    wanted: list[Resource] = field(default_factory=list)

    def __post_init__(self) -> None:
        runtimes = {each.settings.aws.runtime for each in self.app.functions.values()}
        self.aws, health = connect(self.where, runtimes if "lambda" in self.where.platforms else ())
        self._builds = Builds(self.root, self.out, self.where, health, self.resolver, self.package)
        self._without: list[str] = []  # what Nuclio there has not
        self._nuclio: Nuclio | None = None
        if "nuclio" in self.where.platforms:
            self._nuclio = Nuclio(self.where.nuclio_address, transport=self.network)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._nuclio is not None:
            self._nuclio.close()

    @property
    def artifacts(self) -> list[Artifact]:
        """What was built."""
        return self._builds.artifacts

    @property
    def target(self) -> Platforms:
        """What resources are read from and made on, with the artifacts built so far."""
        archives = {each.sha256: each.path for each in self.artifacts}
        archives |= {layer.sha256: layer.path for each in self.artifacts for layer in each.layers}
        images = {each.digest: (each.path, each.image) for each in self.artifacts if each.image}
        many = len(self.app.functions) > MANY
        return Platforms(self.aws, self._nuclio, self.app.name, archives, images, many)

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

    @cached_property
    def place(self) -> Place:
        """The account's facts, with no queue."""
        return self.aws.place([])

    @cached_property
    def store(self) -> Store:
        """Where the state of this app, on this target, is kept."""
        return store_of(self.where, self.place, self.app.name, self.root, self.aws)

    @cached_property
    def state(self) -> State | None:
        """What the last deploy left; None where nothing is known of one."""
        return self.store.read()

    def plan(self, *, destroy: bool = False) -> Plan:
        """Build what is wanted, read what is live, and compare; changes nothing.

        destroy: nothing is wanted any more; nothing is built
        """
        functions = [] if destroy else self.chosen()
        self.wanted = [] if destroy else list(self.wants())
        known = self._known(destroy)
        last = self.state.resources if self.state else {}
        live = self._live(functions, known, thorough=destroy or not last)
        if not any(key in live for key in last):
            last = {}  # another world: an emulator that was begun anew
        if destroy:
            live |= read_keys(self.target, self._on_demand(known))
        notes = [*self._notes(functions, live)]

        def make(live: Mapping[str, Resource]) -> Plan:
            return make_plan(
                self.app.name,
                self.wanted,
                live,
                last,
                functions=[each.name for each in functions],
                only=self.only,
                destroy=destroy,
                adopt=self.adopt,
                notes=notes,
                salt=self.state.salt if self.state else "",
            )

        plan = make(live)
        if not destroy:
            pulled = [each.key for each in plan.steps if each.resource.on_demand]
            plan = make(live | read_keys(self.target, pulled)) if pulled else plan
        return replace(plan, gone=tuple(self._gone(plan)))

    def _live(
        self, functions: Sequence[Function[..., Any]], known: Mapping[str, str], *, thorough: bool
    ) -> dict[str, Resource]:
        """What is there, but for what is read only when it is needed; see `live.read_live`."""
        where = self.where.platforms
        live = read_live(self.target, self.wanted, known, where, self.only, thorough=thorough)
        for name in {each.name for each in functions if called(each) != each.name}:
            live = without_old_doors(live, name)
        return live

    def _on_demand(self, known: Iterable[str]) -> list[str]:
        """Those of the keys that are read only when they are needed, on these platforms."""
        kinds = {key: KINDS.get(key.partition(":")[0]) for key in known}
        return [
            key
            for key, kind in kinds.items()
            if kind is not None and kind.on_demand and is_on(kind, self.where.platforms)
        ]

    def apply(self, plan: Plan, on_step: Told = lambda step, seconds: None) -> None:
        """Take the plan's steps, and keep the state after each.  See `apply.apply`."""
        record = Record(self.store, self.state or State(self.app.name))
        record.begin(plan, self.wanted)

        def told(step: Step, seconds: float | None) -> None:
            if seconds is not None:
                record.done(step)
            on_step(step, seconds)

        apply(plan, self.target, on_step=told, keep=record.keep)

    def rebuild(self) -> State:
        """Make the state anew from the tags of what is there, and from what calls the functions
        among it, and keep it."""
        try:
            old = self.state or State(self.app.name)
        except StateError:
            old = State(self.app.name)
        known = self._tagged()
        live = read_live(self.target, [], known, self.where.platforms, thorough=True)
        state = replace(old, resources={}, salt="").with_salt()
        for key, each in sorted(live.items()):
            # A setting is its function's, and those that were looked at are the app's.
            if each.app in (self.app.name, OURS) or each.setting:
                state = state.with_(key, each.remembered(state.salt))
        return self.store.write(state)

    def _known(self, destroy: bool) -> dict[str, str]:
        """Whose everything is that is known to be ours, by key: by the state, and by tags where
        there is none, or where nothing may be overlooked."""
        last = self.state.resources if self.state else {}
        known = {key: str(each.get("function", "")) for key, each in last.items()}
        return known if last and not destroy else self._tagged() | known

    def _tagged(self) -> dict[str, str]:
        target = self.target
        keys = find_tagged(target, self.app.name, self.where.platforms)
        names = [(key, *key.split(":", 1)) for key in keys]
        found = {key: name if kind.endswith("function") else "" for key, kind, name in names}
        functions = [name for _, kind, name in names if kind == "function"]
        return find_pointing(target, functions, self.where.platforms) | found

    def _gone(self, plan: Plan) -> Iterator[str]:
        """What the state remembers, was looked for, and is not there."""
        wanted = {each.key for each in self.wanted}
        for key, each in (self.state.resources if self.state else {}).items():
            kind = KINDS.get(key.partition(":")[0])
            owner = str(each.get("function", ""))
            looked = kind is not None and is_on(kind, self.where.platforms) and not kind.on_demand
            if looked and key not in wanted and key not in plan.live:
                if not self.only or owner in self.only:
                    yield key

    def _notes(
        self, functions: Sequence[Function[..., Any]], live: Mapping[str, Resource]
    ) -> Iterator[str]:
        yield from between.not_deployed(functions, lambda each: self._is_there(each, live))
        yield from between.held_up(functions)
        yield from bridges.bridges(functions, self.where.platforms)
        yield from weaker(functions, self.where.platforms)
        yield from missing.cloud_events(functions, self.where.platforms)
        yield from (*self._builds.warnings, *self._without)
        there = self.aws.account.region
        if self.where.to == "local" and self.where.region not in ("", there):
            yield (
                f"the emulator is in {there}, not in {self.where.region}: start it with "
                f"`pelton emulator --region {self.where.region}` for that"
            )

    def wants(self) -> Iterator[Resource]:
        """Everything that the chosen functions ask for; builds them on the way."""
        functions = self.chosen()
        for function in functions:
            for platform in self.where.platforms:
                missing.refuse_missing_triggers(function, platform)
        # On Nuclio a bridge reads them, with credentials of its own, and says what is not there.
        mapped = functions if "lambda" in self.where.platforms else []
        queues = [t.queue for f in mapped for t in f.triggers if between.is_given(t)]
        place = self.aws.place(list(dict.fromkeys(queues)), between.given_tables(mapped))
        between.refuse_missing_queues(mapped, place)
        between.refuse_missing_streams(mapped, lambda arn: is_there(self.target, arn))
        if self.where.to == "aws":
            refuse_roles_of_others(functions, place)
        refuse_missing_sources(functions, place, self.aws.has)
        if "lambda" in self.where.platforms:
            yield from between.between(functions)
            for function in functions:
                built = self._builds.built(function, "lambda", place)
                yield from on_lambda(self.app.name, function, built, place, self.releasing)
        if self._nuclio is not None:
            refuse_secrets_on_docker(functions, self._nuclio.platform)
            found: list[Resource] = [*brokers.on_brokers(functions)]
            for function in functions:
                built = self._builds.built(function, "nuclio", place)
                found += on_nuclio(self.app.name, function, built, self.releasing)
            found, said = without_gateways(found, self._nuclio.has_gateways)
            self._without += said
            yield from found

    def _is_there(self, function: Sequence[str], live: Mapping[str, Resource]) -> bool:
        return any(key in live for key in function) or bool(read_keys(self.target, function))

    def sources(self) -> list[str]:
        """The files of the user's that the chosen functions are made of, those with their
        requirements too."""
        found: set[Path] = set()
        for function in self.chosen():
            found.update(find_sources(function, self.root).files.values())
            found.update(files_named(function.settings.requirements, self.root))
        return sorted(str(each.resolve()) for each in found)
