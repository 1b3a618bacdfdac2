"""The Extensions API without a socket: its table, its refusals in the platform's words."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.extensions.states import PREFIX, Extension, Extensions, Identity
from pelton.localstack.lambda_.runtime_api import Reply

IDENTITY = Identity("f", "3", "main.handler", "111111111111")
ID, KIND = "lambda-extension-identifier", "lambda-extension-function-error-type"
Said = tuple[int, Any]


class Sandbox:
    """Asks as extensions do, and reads answers as they do."""

    def __init__(self, *external: str, told_of_events: bool = True) -> None:
        taken = Reply(200, b'"OK"')
        self.states = Extensions(IDENTITY, external, lambda *_: taken, told_of_events)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Said | Extension:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = self.states.request(method, PREFIX + path, named, body)
        if isinstance(reply, Extension):
            return reply
        return reply.status, json.loads(reply.body)

    def register(self, name: str, *events: str, features: str = "") -> Said:
        reply = self.states.request(
            "POST",
            PREFIX + "register",
            {"lambda-extension-name": name, "lambda-extension-accept-feature": features},
            json.dumps({"events": events}).encode(),
        )
        assert isinstance(reply, Reply)
        self.identifier = dict(reply.headers).get("Lambda-Extension-Identifier", "")
        return reply.status, json.loads(reply.body)

    def next(self, identifier: str = "") -> Said | Extension:
        return self.ask(
            "GET", "event/next", lambda_extension_identifier=identifier or self.identifier
        )

    def report(self, kind: str, error: str = "Extension.Bad") -> Said | Extension:
        return self.ask(
            "POST",
            f"{kind}/error",
            lambda_extension_identifier=self.identifier,
            lambda_extension_function_error_type=error,
        )


def refused(kind: str, message: str) -> Said:
    return 403, {"errorType": kind, "errorMessage": message}


@pytest.mark.fidelity("Extensions", "register answers name, version, handler; accountId when asked")
def test_registering() -> None:
    sandbox = Sandbox("one")
    told = {"functionName": "f", "functionVersion": "3", "handler": "main.handler"}
    assert sandbox.register("one", "INVOKE", "SHUTDOWN") == (200, told)
    assert sandbox.identifier
    account = {"accountId": "111111111111"}
    assert sandbox.register("in", features="other, accountId") == (200, told | account)


def test_an_event_goes_to_who_waits() -> None:
    sandbox = Sandbox("one")
    assert not sandbox.states.registered
    sandbox.register("one", "INVOKE")
    assert sandbox.states.registered and not sandbox.states.ready
    extension = sandbox.next()
    assert isinstance(extension, Extension) and sandbox.states.ready
    reply = sandbox.states.give(extension, {"eventType": "INVOKE"})
    assert json.loads(reply.body) == {"eventType": "INVOKE"}
    assert dict(reply.headers)["Lambda-Extension-Identifier"] == sandbox.identifier
    assert not sandbox.states.ready
    assert sandbox.next() is extension


@pytest.mark.fidelity(
    "Extensions", "refusals: 403 with the Extension.* types and the platform's words"
)
def test_what_is_refused() -> None:
    sandbox = Sandbox("one")
    state = "Extension.InvalidExtensionState"
    not_allowed = "Error: State transition is not allowed"
    assert sandbox.register("") == refused("Extension.InvalidExtensionName", "Empty extension name")
    assert sandbox.register("one", "HELLO") == refused(
        "Extension.InvalidEventType", "HELLO: ErrorInvalidEventType"
    )
    assert sandbox.register("internal", "SHUTDOWN") == refused(
        "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
    )
    assert sandbox.ask("GET", "event/next") == refused(
        "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"
    )
    assert sandbox.next("x") == refused(
        "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"
    )
    unknown = str(uuid4())
    assert sandbox.next(unknown) == refused(
        "Extension.UnknownExtensionIdentifier", f"Unknown extension {unknown}"
    )
    sandbox.register("one", "INVOKE")
    own = sandbox.identifier
    assert sandbox.register("one") == refused(
        state,
        f"State transition from Registered to Registered failed for extension one. {not_allowed}",
    )
    sandbox.identifier = own
    assert sandbox.report("init", "") == refused(
        "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"
    )
    sandbox.next()
    assert sandbox.next() == refused(
        state, f"State transition from Ready to Ready failed for extension {own}. {not_allowed}"
    )
    assert sandbox.report("init") == refused(
        state, f"State transition from Ready to InitError failed for extension {own}. {not_allowed}"
    )
    assert sandbox.report("exit") == (202, {"status": "OK"})
    assert sandbox.next() == refused(
        state, f"State transition from ExitError to Ready failed for extension {own}. {not_allowed}"
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"events": "INVOKE"}', b'{"events": [1]}'])
def test_a_registration_that_cannot_be_read(body: bytes) -> None:
    answer = Sandbox("one").ask("POST", "register", body, lambda_extension_name="one")
    assert isinstance(answer, tuple)
    assert (answer[0], answer[1]["errorType"]) == (403, "InvalidRequestFormat")


@pytest.mark.fidelity(
    "Extensions", "at most ten extensions; none after the init, none of a taken name"
)
def test_who_may_not_register() -> None:
    sandbox = Sandbox(*(f"program-{number}" for number in range(9)))
    assert sandbox.register("inside", "INVOKE")[0] == 200
    assert sandbox.register("eleventh") == refused(
        "Extension.TooManyExtensions", "Extension limit (10) reached"
    )
    sandbox.states.all.pop()
    assert sandbox.register("inside")[0] == 200
    sandbox.states.all.pop(0)
    assert sandbox.register("inside") == refused(
        "Extension.InvalidExtensionState", "Extension with this name already registered"
    )
    sandbox.states.open = False
    assert sandbox.register("late") == refused(
        "Extension.RegistrationClosed", "Extension registration closed already"
    )


REQUESTS = st.tuples(
    st.sampled_from(["GET", "POST", "PUT"]),
    st.sampled_from(["register", "event/next", "init/error", "exit/error", "event", ""]),
    st.sampled_from([{}, {ID: "known"}, {ID: str(uuid4())}, {ID: "known", KIND: "Extension.X"}]),
    st.sampled_from([b"", b'{"events": ["INVOKE"]}', b'{"events": ["SHUTDOWN"]}', b"\xff"]),
)
STATES = {"Started", "Registered", "Ready", "Running", "InitError", "ExitError"}


@given(st.lists(REQUESTS, max_size=20), st.sampled_from(["one", "inside", ""]))
def test_any_requests_in_any_order(requests: list[Any], name: str) -> None:
    """Each is answered or waits; an event can be given to who waits and to nobody else."""
    sandbox = Sandbox("one")
    known = ""
    for method, path, given_headers, body in requests:
        headers = {"lambda-extension-name": name} | given_headers
        if headers.get(ID) == "known":
            headers[ID] = known
        reply = sandbox.states.request(method, PREFIX + path, headers, body)
        if isinstance(reply, Extension):
            assert reply.state == "Ready"
            sandbox.states.give(reply, {})
            assert reply.state == "Running"
        else:
            assert reply.status in (200, 202, 403, 404) and json.loads(reply.body)
            known = dict(reply.headers).get("Lambda-Extension-Identifier", known)
        assert {each.state for each in sandbox.states.all} <= STATES


def test_beside_several_workers_nobody_is_told_of_events() -> None:
    kind = "Extension.InvalidEventType"
    sandbox = Sandbox("one", told_of_events=False)
    assert sandbox.register("one", "SHUTDOWN", "INVOKE") == refused(
        kind, "INVOKE: ErrorInvalidEventType"
    )
    assert sandbox.register("inside", "INVOKE") == refused(
        kind, "No events allowed for internal extensions"
    )
    assert sandbox.register("inside")[0] == 200
    assert sandbox.register("one", "SHUTDOWN")[0] == 200
