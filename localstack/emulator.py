"""The emulator, put together: one process, one event loop, one port for AWS and one for Nuclio.

Here everything is made and given what it needs; nothing is decided here.  The order of starting
is the order of need: Lambda's API at once, the runtime and the other services beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from .clock import Clock, RealClock
from .doors import Doors
from .front import Front
from .gate import Access, WebGate
from .gateway import body_limit, is_for_a_bucket, is_public
from .lambda_.account import Account, Surroundings
from .lambda_.archives import Archives
from .lambda_.mappings.mq import Brokers
from .lambda_.names import Place
from .lambda_.outside import Outside
from .lambda_.records import Execution
from .lambda_.registry import Registry
from .manual_clock import ManualClock
from .nuclio.cluster.objects import CONFIG_MAP, SECRET, Cluster, manager
from .nuclio.dashboard import Dashboard
from .nuclio.program import NoWrapper, wrapper_at
from .pushes import Pushes
from .scratch import Scratch
from .services import Services
from .signatures.check import EVERYBODY, Credential, Signatures
from .store import CorruptData, Store
from .wiring import Machinery, say


class CannotStart(Exception):
    """Why the emulator does not run, in a sentence."""


class Emulator:
    """AWS and Nuclio on this machine.

    data_dir:    what is kept between runs; None keeps nothing
    retry_delay: seconds before the first retry of an event (the second waits twice as long)
    execution:   who runs functions; None is the real runtime client in real processes
    access:      who may call; None is every program of this machine, and no web page
    variables:   what every function finds in its environment, where it has no such variable already
    nuclio_platform: "kube", or "local": Nuclio as it is on Docker, without API gateways and Secrets
    brokers:     servers that stand for brokers of Amazon MQ: addresses by ARN, by "" for every one
    nuclio_wrapper: Nuclio's own `_nuclio_wrapper.py`, or the folder that has it and its modules,
                    run by its workers in the place of ours
    nuclio_secrets, nuclio_config_maps: the cluster's Secrets and ConfigMaps, as NAME/KEY in folders

    `port` and `nuclio_port` 0 take free ones; `url` and `nuclio_url` say which, once started.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 4566,
        nuclio_port: int = 8070,
        data_dir: Path | None = None,
        region: str = "us-east-1",
        account: str = "000000000000",
        retry_delay: float = 60.0,
        clock: Clock | None = None,
        *,
        settle_delay: float = 0.0,
        execution: Execution | None = None,
        access: Access | None = None,
        variables: Mapping[str, str] | None = None,
        nuclio_platform: str = "kube",
        nuclio_wrapper: Path | None = None,
        brokers: Mapping[str, str] | None = None,
        nuclio_secrets: Path | None = None,
        nuclio_config_maps: Path | None = None,
    ) -> None:
        folders = {SECRET: nuclio_secrets, CONFIG_MAP: nuclio_config_maps}
        self._cluster_folders = {kind: each for kind, each in folders.items() if each}
        self._brokers = Brokers(brokers or {})
        self._nuclio_platform, self._nuclio_wrapper = nuclio_platform, nuclio_wrapper
        self._variables = dict(variables or {})
        self._access = access or Access()
        self.host, self._ports = host, (port, nuclio_port)
        self.place = Place(region, account)
        self.clock: Clock = clock or RealClock()
        # Whole: a build's commands run in folders of their own.
        self._data_dir = None if data_dir is None else data_dir.absolute()
        self._kept = data_dir is not None
        self._retry_delay, self._settle_delay = retry_delay, settle_delay
        self._execution = execution
        self._made: list[Callable[[], Awaitable[None]]] = []
        self.url = self.nuclio_url = ""

    async def start(self) -> None:
        """Listen, and be ready for Lambda calls.  Raises CannotStart."""
        if self._nuclio_wrapper is not None:
            try:
                self._nuclio_wrapper = wrapper_at(self._nuclio_wrapper)
            except NoWrapper as error:
                raise CannotStart(f"--nuclio-wrapper: {error}") from None
        if isinstance(self.clock, ManualClock):
            self.clock.bind()
        try:
            self._bind()
            self._make()
            await self._serve()
        except CorruptData as error:
            await self.stop()
            raise CannotStart(str(error)) from None
        except BaseException:
            await self.stop()
            raise
        self.machinery.begin()
        self.pushes.start()

    async def rest(self) -> None:
        """Come back when every call of a function that is under way now has been answered."""
        await self.machinery.rest()

    async def stop(self) -> None:
        """Stop every process and port; what was acknowledged is on the disk.

        Raises NotKept, when all has stopped, for what services held and could not be kept.
        """
        async with contextlib.AsyncExitStack() as stack:
            # The last to be made is the first to be stopped, as far as making came.
            for each in self._made:
                stack.push_async_callback(each)
            self._made = []

    async def reset(self) -> None:
        """Wipe everything: functions, mappings, what the services hold, Nuclio's functions."""
        await self.machinery.reset()
        for name in list(self.registry.functions):
            await self.account.execution.retire(name)
        self.registry.clear()
        # A thread's work, as there may be 100,000 files: others are served meanwhile.
        await asyncio.to_thread(self.registry.archives.sweep)
        await self.dashboard.reset()
        await self.services.reset()
        self.pushes.forget()

    # -- making
    def _bind(self) -> None:
        self.signatures = Signatures({"test": "test", **self._access.credentials}, self.clock)
        self._functions_credential = self._make_credential()
        hosts, origins = self._access.hosts, self._access.origins
        gate = WebGate(self.host, hosts, origins, is_public, body_limit, is_for_a_bucket)
        self._nuclio_gate = WebGate(self.host, hosts, origins)
        self._front, self._gate = Front(gate), gate
        self._nuclio_front = Front(self._nuclio_gate)
        port, nuclio_port = self._ports
        self._made = [self._front.close, self._nuclio_front.close]
        self.url = _bind(self._front, self.host, port, "--port")
        self.nuclio_url = _bind(self._nuclio_front, self.host, nuclio_port, "--nuclio-port")

    def _make_credential(self) -> Credential:
        """What functions sign with; temporary, as on AWS, where signatures are checked."""
        if not self._access.verify:
            return EVERYBODY
        key = f"ASIA{secrets.token_hex(8).upper()}"
        made = Credential(key, secrets.token_urlsafe(30), secrets.token_urlsafe(90))
        self.signatures.add(made)
        return made

    def _make(self) -> None:
        """Each from those before it; what is made is stopped, also when the next cannot be."""
        self._make_registry()
        self._make_services()
        self._make_machinery()
        self.account = self._make_account()
        self._made.append(self.account.close)
        self.dashboard = self._make_dashboard()
        self._made.append(self.dashboard.close)

    def _make_registry(self) -> None:
        self.scratch = Scratch()
        self._made.append(self._remove_scratch)
        self._directory = self._data_dir or self.scratch.folder("data")
        self.store = _open(self._directory)
        self._made.append(self._close_store)
        self.registry = Registry(self.store, Archives(self._directory / "code"), self.place)

    def _make_services(self) -> None:
        state = self._directory / "services" if self._kept else None
        self.services = Services(self.place.region, self.place.account, state, self.clock)
        self.services.check_state()
        self._made.append(self.services.close)

    def _make_machinery(self) -> None:
        self.machinery = Machinery(
            self._directory,
            self.scratch.folder("sandboxes"),
            self.clock,
            self.place,
            self.services,
            self.registry,
            self._retry_delay,
            self.url,
            self._execution,
            self._functions_credential,
            self._variables,
            self._brokers,
        )
        self._made.append(self.machinery.close)
        self.pushes = Pushes(
            self.registry,
            self.services,
            self.machinery.execution,
            self.machinery.events,
            self.clock,
            self.url,
            say,
        )
        self._made.append(self.pushes.close)

    def _make_dashboard(self) -> Dashboard:
        return Dashboard(
            self._directory / "nuclio",
            self.clock,
            environment=self._worker_environment(),
            gate=self._nuclio_gate,
            platform=self._nuclio_platform,
            cluster=Cluster(self._cluster_folders, manager(self.services.call)),
            recordings=self.machinery.recordings,
            sockets=self.scratch.folder("workers"),
            wrapper=self._nuclio_wrapper,
        )

    def _make_account(self) -> Account:
        outside = Outside(self.services)
        return Account(
            self.place,
            self.registry,
            self.clock,
            self.machinery.execution,
            self.machinery.events,
            self.machinery.sources,
            Surroundings(
                outside.fetch_object,
                outside.check_source,
                outside.find_vpc,
                self.machinery.hosts.choose,
                self.machinery.destinations.exists,
                self.machinery.take_snapshot,
                self.machinery.fleet.image,
                self.url,
            ),
            self._settle_delay,
        )

    async def _serve(self) -> None:
        doors = Doors(
            self.account,
            self.machinery,
            self.services,
            self.pushes,
            self.clock,
            self.signatures if self._access.verify else None,
            self.nuclio_url,
            self.reset,
        )
        self._made.append(doors.close)
        self._front.websocket = doors.websocket
        # Before anybody is listened to: who comes first waits for them.
        self.services.load(int(self.url.rpartition(":")[2]))
        await self._front.serve(doors.handler(self._gate.foreign))
        await self._nuclio_front.serve(self.dashboard)
        await self.dashboard.start()

    def _worker_environment(self) -> dict[str, str]:
        """What Nuclio workers are told, so that boto3 inside them reaches the emulator."""
        return {
            **self._variables,
            "AWS_ACCESS_KEY_ID": self._functions_credential.access_key,
            "AWS_SECRET_ACCESS_KEY": self._functions_credential.secret,
            "AWS_SESSION_TOKEN": self._functions_credential.token,
            "AWS_REGION": self.place.region,
            "AWS_DEFAULT_REGION": self.place.region,
            "AWS_ENDPOINT_URL": self.url,
        }

    async def _remove_scratch(self) -> None:
        self.scratch.close()

    async def _close_store(self) -> None:
        self.store.close()


def _open(directory: Path) -> Store:
    try:
        return Store(directory / "registry.sqlite")
    except OSError as error:
        raise CannotStart(f"the data directory {directory} cannot be used: {error}") from None


def _bind(front: Front, host: str, port: int, option: str) -> str:
    """The URL of `front`, bound to its address."""
    try:
        found = front.bind(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"port {port} of {host} is in use: stop what listens there, or choose another "
                f"with {option}"
            ) from None
        raise CannotStart(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    except OverflowError:
        raise CannotStart(f"{option} {port} is no port: it must be 0 to 65535") from None
    return f"http://{_reachable(host)}:{found}"


def _reachable(host: str) -> str:
    """The host that clients on this machine use."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
