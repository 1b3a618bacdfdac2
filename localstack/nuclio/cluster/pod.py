"""What a function's pod says of itself: the fields that a `fieldRef` names.

A replica is a pod; all that is not its name and its uid is the same for every replica.
Source: Kubernetes' page "Downward API", and the labels that Nuclio's controller gives its pods.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

# What differs from replica to replica.
NAME, UID = "metadata.name", "metadata.uid"
OWN = (NAME, UID)
FIELDS = (
    NAME,
    "metadata.namespace",
    UID,
    "metadata.labels['KEY']",
    "metadata.annotations['KEY']",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_ONE_OF = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_ALL = {"metadata.labels": "labels", "metadata.annotations": "annotations"}


@dataclass(frozen=True, slots=True)
class Pod:
    """The pods of a function.

    metadata: the function's;  account: its service account;  host: where its ports are
    """

    metadata: Mapping[str, Any]
    account: str = ""
    host: str = "127.0.0.1"

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "nuclio")

    def field(self, path: str) -> str | None:
        """A field as the environment has it, "" for a label that is not there; None for what is no
        such field, or differs from replica to replica.

        >>> pod = Pod({"name": "f", "namespace": "nuclio", "labels": {"team": "a"}})
        >>> pod.field("metadata.labels['team']"), pod.field("metadata.labels['nuclio.io/class']")
        ('a', 'function')
        >>> pod.field("status.podIP"), pod.field("metadata.labels['x']"), pod.field("status.phase")
        ('127.0.0.1', '', None)
        """
        if (found := _ONE_OF.fullmatch(path)) is not None:
            return self._map(found[1]).get(found[2], "")
        return {
            "metadata.namespace": self.namespace,
            "spec.nodeName": socket.gethostname(),
            "spec.serviceAccountName": self.account or "default",
            "status.hostIP": self.host,
            "status.hostIPs": self.host,
            "status.podIP": self.host,
            "status.podIPs": self.host,
        }.get(path)

    def file(self, path: str) -> str | None:
        r"""A field as a volume's file has it: of labels and annotations all, a line each.

        >>> Pod({"annotations": {"b": "2", "a": 'say "x"'}}).file("metadata.annotations")
        'a="say \\"x\\""\nb="2"'
        >>> Pod({}).file("status.podIP") is None
        True
        """
        if path in _ALL:
            told = sorted(self._map(_ALL[path]).items())
            return "\n".join(
                f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in told
            )
        return self.field(path) if path.startswith("metadata.") else None

    def _map(self, name: str) -> dict[str, str]:
        given = {key: str(value) for key, value in (self.metadata.get(name) or {}).items()}
        if name == "annotations":
            return given
        return {
            **given,
            "nuclio.io/app": "functionres",
            "nuclio.io/class": "function",
            "nuclio.io/function-name": str(self.metadata.get("name", "")),
            "nuclio.io/function-version": "latest",
        }


def own(path: str, replica: str, namespace: str) -> str:
    """One of `OWN` for a replica, by its name.

    >>> own("metadata.name", "nuclio-f-0", "nuclio")
    'nuclio-f-0'
    """
    return replica if path == NAME else str(uuid5(NAMESPACE_URL, f"{namespace}/{replica}"))
