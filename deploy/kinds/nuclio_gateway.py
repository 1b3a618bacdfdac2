"""An API gateway of Nuclio: a host in front of a function, or of two that share its requests.

Who shares is the releases' to say: a deploy makes the gateway and changes its host, and leaves its
upstreams alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..targets.nuclio import NO_GATEWAYS
from .base import Change, Resource
from .nuclio_function import APP_LABEL, PROJECT_LABEL

if TYPE_CHECKING:
    from ..targets.target import Target

_RESOURCE = "/api/api_gateways"


@dataclass(frozen=True, kw_only=True)
class NuclioGateway(Resource):
    """An API gateway, by its function's name.

    upstreams: functions with their percentages of the requests, the usual one first
    """

    kind: ClassVar[str] = "nuclio_gateway"
    platform: ClassVar[str] = "nuclio"
    part: ClassVar[str] = "triggers"
    tagged: ClassVar[bool] = True
    shown: ClassVar[tuple[str, ...]] = ("host",)

    host: str = ""
    project: str = field(default="", compare=False)
    upstreams: tuple[tuple[str, int], ...] = field(default=(), compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        """Those that it sends to: Nuclio deletes none of which a gateway is there."""
        names = [name for name, _ in self.upstreams] or [self.name]
        runs = [
            f"{kind}:{name}" for name in names for kind in ("nuclio_function", "nuclio_release")
        ]
        return (*runs, *self.after)

    def share(self, function: str) -> int:
        """The percentage that a second upstream gets."""
        return next((percent for name, percent in self.upstreams[1:] if name == function), 0)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, "host", self.host, None)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        assert target.nuclio is not None
        # A dashboard without API gateways (Nuclio on Docker) has none of this name either.
        answer = target.nuclio.call("GET", f"{_RESOURCE}/{name}", name, fine=NO_GATEWAYS)
        if answer.status_code != 200:
            return None
        document = answer.json()
        labels = document["metadata"].get("labels") or {}
        return cls(
            name=name,
            function=name,
            app=labels.get(APP_LABEL, ""),
            host=document["spec"].get("host", ""),
            project=labels.get(PROJECT_LABEL, ""),
            upstreams=tuple(_upstream(each) for each in document["spec"].get("upstreams") or ()),
        )

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        if target.nuclio is None:
            return
        answer = target.nuclio.call("GET", _RESOURCE, "API gateways", fine=NO_GATEWAYS)
        found = answer.json() if answer.status_code == 200 else {}
        for name, each in found.items():
            if (each["metadata"].get("labels") or {}).get(APP_LABEL) == app:
                yield name

    def create(self, target: Target) -> None:
        assert target.nuclio is not None
        body = self._document(target.app)
        answer = target.nuclio.call("POST", _RESOURCE, self.name, json=body, fine=(409,))
        if answer.status_code == 409:
            target.nuclio.call("PUT", _RESOURCE, self.name, json=body)

    def update(self, target: Target, have: Self) -> None:
        assert target.nuclio is not None
        body = self._document(target.app or have.app, self.upstreams or have.upstreams)
        target.nuclio.call("PUT", _RESOURCE, self.name, json=body)

    def delete(self, target: Target) -> None:
        assert target.nuclio is not None
        target.nuclio.delete(_RESOURCE, self.name)

    def _document(self, app: str, upstreams: tuple[tuple[str, int], ...] = ()) -> dict[str, Any]:
        shares = upstreams or self.upstreams or ((self.name, 0),)
        labels = {PROJECT_LABEL: self.project, APP_LABEL: app}
        return {
            "metadata": {"name": self.name, "namespace": "nuclio", "labels": labels},
            "spec": {
                "name": self.name,
                "host": self.host,
                "path": "/",
                "authenticationMode": "none",
                "upstreams": [
                    {
                        "kind": "nucliofunction",
                        "nucliofunction": {"name": name},
                        "percentage": percent,
                    }
                    for name, percent in shares
                ],
            },
        }


def _upstream(document: dict[str, Any]) -> tuple[str, int]:
    return document["nucliofunction"]["name"], int(document.get("percentage") or 0)
