"""What the dashboard says of itself and of its platform: the same for every caller.

Sources: the resources version, namespaces, externalipaddresses and frontendspec of Nuclio's
public dashboard; what a document there says of a cluster is said here of one machine.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...front import Response
from ..errors import Refused
from .call import NAMESPACE, Call, not_taken, told

LABEL = "1.15.0-emulated"
WORKER_WAIT = 10000  # milliseconds that an event waits for a worker
DEFAULT_TRIGGER = {
    "class": "",
    "kind": "http",
    "name": "default-http",
    "numWorkers": 1,
    "workerAvailabilityTimeoutMilliseconds": WORKER_WAIT,
    "attributes": {"serviceType": "ClusterIP"},
}


@dataclass(frozen=True, slots=True)
class Fixed:
    """A document that is read and nothing else, made when it is asked for."""

    what: str
    make: Callable[[], Any]

    async def answer(self, call: Call) -> Response:
        if call.method != "GET" or call.rest:
            raise not_taken(call, self.what)
        return told(200, self.make())


@dataclass(frozen=True, slots=True)
class Absent:
    """A resource that this platform cannot have; it says why."""

    reason: str

    async def answer(self, call: Call) -> Response:
        raise Refused(501, self.reason)


NO_GATEWAYS = Absent("Unsupported method")  # Nuclio's own words on Docker
V3IO_STREAMS = Absent(
    "v3io_streams are kept by the Iguazio data platform, which the emulator does not have: "
    "use a trigger of another kind"
)


def versions() -> dict[str, Any]:
    """
    >>> versions()["dashboard"]["label"]
    '1.15.0-emulated'
    """
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    system = platform.system().lower()
    return {"dashboard": {"label": LABEL, "gitCommit": "", "os": system, "arch": machine}}


def namespaces(used: Iterable[str]) -> dict[str, Any]:
    """
    >>> namespaces(["other", "nuclio"])
    {'namespaces': {'names': ['nuclio', 'other']}}
    """
    return {"namespaces": {"names": sorted({NAMESPACE, *used})}}


def addresses(host: str) -> dict[str, Any]:
    return {"externalIPAddresses": {"addresses": [host]}}


def frontend_spec(host: str, kind: str) -> dict[str, Any]:
    """What the dashboard's own pages are told before they show anything; `kind`: the platform."""
    return {
        "externalIPAddresses": [host],
        "namespace": NAMESPACE,
        "defaultHTTPIngressHostTemplate": "",
        "imageNamePrefixTemplate": "",
        "platformKind": kind,
        "allowedAuthenticationModes": ["none", "basicAuth"],
        "scaleToZero": {"mode": "disabled", "inactivityWindowPresets": [], "scaleResources": []},
        "validFunctionPriorityClassNames": [],
        "defaultFunctionConfig": {"attributes": {"metadata": {}, "spec": _default_spec()}},
    }


def _default_spec() -> dict[str, Any]:
    wait = {"workerAvailabilityTimeoutMilliseconds": WORKER_WAIT}
    return {
        "minReplicas": 1,
        "maxReplicas": 1,
        "targetCPU": 75,
        "readinessTimeoutSeconds": 120,
        "resources": {},
        "build": {},
        "triggers": {"default-http": DEFAULT_TRIGGER, "http": wait, "cron": wait},
    }
