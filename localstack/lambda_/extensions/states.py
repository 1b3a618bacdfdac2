"""The Extensions API as one sandbox's extensions see it: a state table without a socket.

    state       request      next state   answer
    Started     register     Registered   200, the function and the extension's identifier
    Registered  next         Ready        waits for an event
    Ready       (event)      Running      the waiting next is answered 200
    Running     next         Ready        waits
    Registered  init/error   InitError    202
    any of the  exit/error   ExitError    202
    three above
    anything    else         unchanged    403 with a type `Extension.…`

External extensions are known before (by their programs' file names) and start in Started; a name
that is not known is an internal extension of the runtime's own process: it is made when it
registers, for INVOKE only.  Beside several workers nobody may ask for INVOKE.  Sources: AWS's
"Extensions API" page; the words, types and transitions of the refusals are those of the runtime
interface emulator, and of its part for managed instances.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from ..runtime_api import ACCEPTED, Reply, refuse

PREFIX = "/2020-01-01/extension/"
SUBSCRIBE = {"/2022-07-01/telemetry": "telemetry", "/2020-08-15/logs": "logs"}
MOST = 10
INVOKE, SHUTDOWN = "INVOKE", "SHUTDOWN"
IDENTIFIER = "Lambda-Extension-Identifier"
ERROR_TYPE = "Lambda-Extension-Function-Error-Type"

# request: state before > state after
_NEXT: Mapping[str, Mapping[str, str]] = {
    "register": {"Started": "Registered"},
    "event/next": {"Registered": "Ready", "Running": "Ready"},
    "init/error": {"Registered": "InitError", "InitError": "InitError"},
    "exit/error": dict.fromkeys(("Registered", "Ready", "Running", "ExitError"), "ExitError"),
}
# What a refusal calls the state that was asked for.
_WANTED = {
    "register": "Registered",
    "event/next": "Ready",
    "init/error": "InitError",
    "exit/error": "Exited",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What an extension that registers is told of its function."""

    name: str
    version: str
    handler: str
    account: str


@dataclass(eq=False, slots=True)
class Extension:
    """One extension; `error_type` is what it, or its launch, reported."""

    name: str
    external: bool
    state: str = "Started"
    events: tuple[str, ...] = ()
    error_type: str = ""
    identifier: str = field(default_factory=lambda: str(uuid4()))

    def gets(self, event: str) -> bool:
        return event in self.events


# (who asks, "telemetry" or "logs", body) -> the answer
Subscribe = Callable[[Extension, str, bytes], Reply]


class Extensions:
    """The table above for all extensions of one sandbox.

    external: file names of the programs that will be started
    subscribe: serves the Telemetry and Logs APIs, whose callers are extensions too
    told_of_events: whether they may ask for INVOKE
    """

    def __init__(
        self,
        identity: Identity,
        external: Sequence[str],
        subscribe: Subscribe,
        told_of_events: bool = True,
    ) -> None:
        self._identity, self._subscribe = identity, subscribe
        self._told_of_events = told_of_events
        self.all = [Extension(name, external=True) for name in external]
        self.open = True  # whether extensions may register

    # -- what a sandbox asks
    @property
    def registered(self) -> bool:
        """Whether every external extension has registered."""
        return all(each.state != "Started" for each in self.all if each.external)

    @property
    def ready(self) -> bool:
        """Whether every extension waits for an event."""
        return all(each.state == "Ready" for each in self.all)

    def give(self, extension: Extension, event: Mapping[str, Any]) -> Reply:
        """The answer for its waiting next."""
        if extension.state != "Ready":
            raise RuntimeError(f"an event was given to an extension that is {extension.state}")
        extension.state = "Running"
        headers = (
            (IDENTIFIER, extension.identifier),
            ("Lambda-Extension-Event-Identifier", str(uuid4())),
        )
        return Reply(200, json.dumps(event, separators=(",", ":")).encode(), headers)

    # -- what extensions ask
    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | Extension:
        """The answer to a request (`headers` by lower-case names); the extension itself when it
        has to wait for `give`."""
        path = path.rstrip("/")
        name = path.removeprefix(PREFIX)
        if (method, name) == ("POST", "register"):
            return self._register(headers, body)
        kind = SUBSCRIBE.get(path, "") if method == "PUT" else ""
        if not kind and (method, name) not in _METHODS:
            return refuse(404, "NotFound", f"the Runtime API has no {method} {path}")
        found = self._caller(headers, "error" in name)
        if isinstance(found, Reply):
            return found
        if kind:
            return self._subscribe(found, kind, body)
        return self._step(found, name, headers)

    def _caller(self, headers: Mapping[str, str], reports: bool) -> Extension | Reply:
        given = headers.get(IDENTIFIER.lower(), "")
        if not given:
            return _refuse("MissingExtensionIdentifier", f"Missing {IDENTIFIER} header")
        try:
            identifier = str(UUID(given))
        except ValueError:
            return _refuse("InvalidExtensionIdentifier", f"Invalid {IDENTIFIER}")
        for each in self.all:
            if each.identifier == identifier and each.state != "Started":
                return each
        unknown = f"Unknown {IDENTIFIER}" if reports else f"Unknown extension {identifier}"
        return _refuse("UnknownExtensionIdentifier", unknown)

    def _step(
        self, extension: Extension, name: str, headers: Mapping[str, str]
    ) -> Reply | Extension:
        error_type = headers.get(ERROR_TYPE.lower(), "")
        if name != "event/next" and not error_type:
            return _refuse("MissingHeader", f"{ERROR_TYPE} not found")
        refused = _move(extension, name, extension.identifier)
        if refused is not None:
            return refused
        if name == "event/next":
            return extension
        extension.error_type = error_type
        return Reply(202, ACCEPTED, ((IDENTIFIER, extension.identifier),))

    def _register(self, headers: Mapping[str, str], body: bytes) -> Reply:
        name = headers.get("lambda-extension-name", "")
        if not name:
            return _refuse("InvalidExtensionName", "Empty extension name")
        events = _events(body)
        if isinstance(events, Reply):
            return events
        found = next((each for each in self.all if each.name == name and each.external), None)
        if wrong := self._wrong_event(events, found is None):
            return _refuse("InvalidEventType", wrong)
        if found is None:
            refused, found = self._new_internal(name)
        else:
            refused = _move(found, "register", name)
        if refused is not None:
            return refused
        found.events = events
        return self._welcome(found, headers.get("lambda-extension-accept-feature", ""))

    def _wrong_event(self, events: tuple[str, ...], internal: bool) -> str:
        """Why one of these cannot be asked for, "" when all can."""
        if internal and events and not self._told_of_events:
            return "No events allowed for internal extensions"
        for event in events:
            if event != SHUTDOWN and not (event == INVOKE and self._told_of_events):
                return f"{event}: ErrorInvalidEventType"
            if event == SHUTDOWN and internal:
                return f"{event}: ShutdownEventNotSupportedForInternalExtension"
        return ""

    def _new_internal(self, name: str) -> tuple[Reply | None, Extension]:
        extension = Extension(name, external=False, state="Registered")
        refused = None
        if not self.open:
            refused = _refuse("RegistrationClosed", "Extension registration closed already")
        elif len(self.all) >= MOST:
            refused = _refuse("TooManyExtensions", f"Extension limit ({MOST}) reached")
        elif any(each.name == name for each in self.all):
            refused = _refuse(
                "InvalidExtensionState", "Extension with this name already registered"
            )
        else:
            self.all.append(extension)
        return refused, extension

    def _welcome(self, extension: Extension, features: str) -> Reply:
        told = {
            "functionName": self._identity.name,
            "functionVersion": self._identity.version,
            "handler": self._identity.handler,
        }
        if "accountId" in [each.strip() for each in features.split(",")]:
            told["accountId"] = self._identity.account
        return Reply(200, json.dumps(told).encode(), ((IDENTIFIER, extension.identifier),))


_METHODS = (("GET", "event/next"), ("POST", "init/error"), ("POST", "exit/error"))


def _events(body: bytes) -> tuple[str, ...] | Reply:
    """The events that a registration asks for."""
    kind = "InvalidRequestFormat"
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        return refuse(403, kind, str(error))
    events = document.get("events", []) if isinstance(document, dict) else None
    if not isinstance(events, list) or not all(isinstance(each, str) for each in events):
        return refuse(403, kind, "events has to be an array of strings")
    if document.get("configurationKeys"):
        return refuse(
            403, kind, "configurationKeys are deprecated; use environment variables instead"
        )
    return tuple(events)


def _move(extension: Extension, request: str, called: str) -> Reply | None:
    """Take one step of the table; the refusal when there is none.  called: how it is named."""
    after = _NEXT[request].get(extension.state)
    if after is None:
        return _refuse(
            "InvalidExtensionState",
            f"State transition from {extension.state} to {_WANTED[request]} failed for extension "
            f"{called}. Error: State transition is not allowed",
        )
    extension.state = after
    return None


def _refuse(kind: str, message: str) -> Reply:
    return refuse(403, f"Extension.{kind}", message)
