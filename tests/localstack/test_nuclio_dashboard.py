"""The dashboard's resources by plain HTTP: what each takes, answers and refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .nuclio_support import Client, document, error

SOURCE = """
import json, time

def handler(context, event):
    path = event.path.decode()
    if path == "/slow":
        time.sleep(3)
    context.logger.info_with("asked", path=path)
    seen = {"path": path, "method": event.method.decode(), "body": event.body}
    if isinstance(event.body, bytes):
        seen["body"] = event.body.decode()
    seen["fields"] = sorted(name.decode() for name in event.fields)
    seen["headers"] = sorted(name.decode() for name in event.headers)
    return json.dumps(seen)
"""


@pytest.fixture(scope="module")
def shared(module_emulator: RunningEmulator) -> Iterator[Client]:
    """A dashboard with one function, which the tests that only read or ask share."""
    client = Client(module_emulator)
    assert client.deploy(document("shared", SOURCE))["state"] == "ready"
    yield client
    client.close()


@pytest.mark.fidelity(
    "Nuclio",
    "projects: made, listed by name and namespace, changed, deleted (restricted, cascading, "
    "check); 400, 404, 409, 412",
)
def test_a_project_s_life(shared: Client) -> None:
    ask = shared.ask
    spec = {"description": "ours", "displayName": "The Team"}
    made = ask("POST", "/projects", {"metadata": {"name": "team"}, "spec": spec})
    assert made.status_code == 201 and made.json()["metadata"]["name"] == "team"
    assert error(ask("POST", "/projects", made.json()))[0] == 409
    assert ask("GET", "/projects/team").json()["spec"] == spec
    assert list(ask("GET", "/projects", x_nuclio_project_name="team").json()) == ["team"]
    assert ask("GET", "/projects", x_nuclio_project_namespace="other").json() == {}
    for path in ("/projects", "/projects/team"):
        body = {"metadata": {"name": "team"}, "spec": {"description": path}}
        assert ask("PUT", path, body).status_code == 204
        assert ask("GET", "/projects/team").json()["spec"] == {"description": path}
    assert error(ask("PUT", "/projects/other", body))[0] == 400
    gone = {"metadata": {"name": "gone"}}
    assert error(ask("PUT", "/projects", gone)) == (404, "Project not found")
    assert error(ask("GET", "/projects/gone")) == (404, "Project not found")
    assert error(ask("DELETE", "/projects", gone)) == (404, "Project not found")
    wrong = {"metadata": {"name": "Not_A_Label"}}
    status, said = error(ask("POST", "/projects", wrong))
    assert status == 400 and said.startswith("Project name must adhere to Kubernetes naming")
    status, said = error(ask("POST", "/projects", {"metadata": {}}))
    assert (status, said) == (400, "Project name must be provided in metadata")
    assert error(ask("DELETE", "/projects", {"metadata": {"name": "default"}})) == (
        412,
        "Cannot delete the default project",
    )
    assert ask("DELETE", "/projects", {"metadata": {"name": "team"}}).status_code == 204


def test_a_project_goes_with_all_that_is_in_it_or_not_at_all(shared: Client) -> None:
    ask, named = shared.ask, {"metadata": {"name": "full"}}
    ask("POST", "/projects", named)
    shared.deploy(document("inside"), x_nuclio_project_name="full")
    event = {"metadata": {"labels": {"nuclio.io/function-name": "inside"}}}
    assert ask("POST", "/function_events", event).status_code == 201
    upstream = {"kind": "nucliofunction", "nucliofunction": {"name": "inside"}}
    gateway = {"metadata": {"name": "door"}, "spec": {"host": "h.localhost"}}
    gateway["spec"]["upstreams"] = [upstream]  # type: ignore[assignment]
    made = ask("POST", "/api_gateways", gateway, x_nuclio_project_name="full")
    assert made.status_code == 201, made.text
    strategy = "x_nuclio_delete_project_strategy"
    for kind in ("restricted", "check", "", "whatever"):
        status, said = error(ask("DELETE", "/projects", named, **{strategy: kind}))
        assert (status, said) == (412, "Project contains functions: inside")
    assert ask("DELETE", "/projects", named, **{strategy: "cascading"}).status_code == 204
    assert "inside" not in ask("GET", "/functions").json()
    assert ask("GET", "/function_events").json() == {}
    assert ask("GET", "/api_gateways").json() == {}
    assert error(ask("GET", "/projects/full"))[0] == 404


@pytest.mark.fidelity(
    "Nuclio",
    "functions: 409 for a second of the name and for a stale resourceVersion, 412 while one is "
    "provisioned, for a reserved name, an absent project, and one that gateways use",
)
def test_the_rules_of_changing_a_function(shared: Client) -> None:
    ask, wanted = shared.ask, document("ruled")
    shared.deploy(wanted)
    assert error(ask("POST", "/functions", wanted))[0] == 409
    version = ask("GET", "/functions/ruled").json()["metadata"]["resourceVersion"]
    stale = {**wanted, "metadata": {"name": "ruled", "resourceVersion": version}}
    shared.deploy(stale, "PUT")
    for method in ("PUT", "DELETE"):
        answer = error(ask(method, "/functions", stale))
        assert answer == (409, "Function resource version is stale")
    # An init that takes its time keeps it provisioned for as long as the test looks.
    slow = document("ruled", "import time\ntime.sleep(60)\n")
    assert ask("PUT", "/functions", slow).status_code == 202
    for method in ("PUT", "DELETE"):
        status, said = error(ask(method, "/functions", wanted))
        assert status == 412 and "provisioned" in said
    assert error(ask("PATCH", "/functions/ruled", {"desiredState": "ready"}))[0] == 412
    ignore = {"x_nuclio_delete_function_ignore_state_validation": "true"}
    assert ask("DELETE", "/functions", wanted, **ignore).status_code == 204
    assert error(ask("GET", "/functions/ruled"))[0] == 404
    assert ask("DELETE", "/functions", wanted).status_code == 204, "gone is as good as deleted"
    status, said = error(ask("POST", "/functions", document("scaler")))
    assert (status, said) == (412, "Function name scaler is reserved and cannot be used.")
    status, said = error(ask("POST", "/functions", document("x"), x_nuclio_project_name="nowhere"))
    assert (status, said) == (412, "Project nowhere does not exist")
    assert shared.deploy(document("nobody"), "PUT")["state"] == "ready", "it makes one, too"
    assert ask("DELETE", "/functions/nobody").status_code == 204
    assert error(ask("PUT", "/functions/other", document("shared")))[0] == 400


def test_a_function_that_gateways_use(shared: Client) -> None:
    ask, wanted = shared.ask, document("used")
    shared.deploy(wanted)
    upstream = {"kind": "nucliofunction", "nucliofunction": {"name": "used"}}
    spec = {"host": "used.localhost", "upstreams": [upstream]}
    ask("POST", "/api_gateways", {"metadata": {"name": "front"}, "spec": spec})
    enriched = ask("GET", "/functions/used", x_nuclio_function_enrich_apigateways="true")
    assert enriched.json()["status"]["apiGateways"] == ["front"]
    status, said = error(ask("PUT", "/functions", document("used", disable=True)))
    assert (status, said) == (400, "Cannot disable function while used by an API gateway")
    assert error(ask("DELETE", "/functions", wanted)) == (
        412,
        "Function is used by api gateways: front",
    )
    too = {"x_nuclio_delete_function_with_api_gateways": "true"}
    assert ask("DELETE", "/functions/used", **too).status_code == 204
    assert ask("GET", "/api_gateways").json() == {}


@pytest.mark.fidelity(
    "Nuclio",
    "functions are listed by name, project and namespace, exported without what belongs to a "
    "dashboard, imported without a deployment, and brought to `ready` by PATCH",
)
def test_export_import_and_patch(shared: Client) -> None:
    ask = shared.ask
    trigger = {"kind": "http", "numWorkers": 1, "password": "p", "secret": "s"}
    shared.deploy(document("moved", triggers={"web": trigger}))
    named = ask("GET", "/functions", x_nuclio_function_name="moved").json()
    assert list(named) == ["moved"]
    assert "moved" in ask("GET", "/functions", x_nuclio_function_namespace="nuclio").json()
    assert ask("GET", "/functions", x_nuclio_function_namespace="other").json() == {}
    assert ask("GET", "/functions", x_nuclio_project_name="other").json() == {}
    assert error(ask("GET", "/functions/moved", x_nuclio_function_namespace="other"))[0] == 404
    exported = ask("GET", "/functions/moved?export=true").json()
    assert "status" not in exported and exported["spec"]["handler"] == "main:handler"
    metadata = exported["metadata"]
    assert "namespace" not in metadata and "resourceVersion" not in metadata
    assert metadata["annotations"] == {"skip-build": "true", "skip-deploy": "true"}
    assert exported["spec"]["triggers"]["web"] == {"kind": "http", "numWorkers": 1}
    assert ask("DELETE", "/functions", exported).status_code == 204
    assert ask("POST", "/functions?import=true", exported).status_code == 202
    assert shared.status("moved")["state"] == "imported"
    status, said = error(shared.invoke("moved"))
    assert status == 503 and "imported" in said
    wait = {"x_nuclio_wait_function_action": "true"}
    assert ask("PATCH", "/functions/moved", {"desiredState": "flying"}).status_code == 400
    assert ask("PATCH", "/functions/moved", {"desiredState": 5}).status_code == 400
    assert ask("PATCH", "/functions/moved", {}).status_code == 204
    assert ask("PATCH", "/functions/moved", {"desiredState": "ready"}, **wait).status_code == 202
    assert shared.invoke("moved").text == "hello"
    # What is deployed already is left alone when only imported ones are meant.
    before = ask("GET", "/functions/moved").json()["metadata"]["resourceVersion"]
    only = {"x_nuclio_imported_function_only": "true"}
    assert ask("PATCH", "/functions/moved", {"desiredState": "ready"}, **only).status_code == 204
    assert ask("GET", "/functions/moved").json()["metadata"]["resourceVersion"] == before
    ask("DELETE", "/functions/moved")


def test_a_project_is_exported_and_imported_whole(shared: Client) -> None:
    ask = shared.ask
    ask("POST", "/projects", {"metadata": {"name": "export"}})
    shared.deploy(document("carried"), x_nuclio_project_name="export")
    event = {"metadata": {"labels": {"nuclio.io/function-name": "carried"}}, "spec": {"body": "b"}}
    ask("POST", "/function_events", event)
    spec = {"host": "c.localhost", "upstreams": [{"nucliofunction": {"name": "carried"}}]}
    gateway = {"metadata": {"name": "carried"}, "spec": spec}
    ask("POST", "/api_gateways", gateway, x_nuclio_project_name="export")
    exported = ask("GET", "/projects/export?export=true").json()
    assert {kind: len(exported[kind]) for kind in exported if kind != "project"} == {
        "functions": 1,
        "functionEvents": 1,
        "apiGateways": 1,
    }
    cascading = {"x_nuclio_delete_project_strategy": "cascading"}
    ask("DELETE", "/projects/export", **cascading)
    exported["functions"]["shared"] = document("shared")
    exported["functionEvents"]["lost"] = {"metadata": {"name": "lost"}}
    told = ask("POST", "/projects?import=true", exported)
    assert told.status_code == 201, told.text
    results = told.json()
    assert results["functionImportResult"] == {
        "createdAmount": 1,
        "failedAmount": 1,
        "failedFunctions": [
            {"function": "shared", "error": "Cannot create two functions with the same name"}
        ],
    }
    assert results["functionEventImportResult"]["failedFunctionEvents"] == [
        {"functionEvent": "lost", "error": "Event doesn't belong to any function"}
    ]
    assert results["apiGatewayImportResult"]["createdAmount"] == 1
    assert shared.status("carried")["state"] == "imported"
    (kept,) = ask("GET", "/function_events", x_nuclio_function_name="carried").json().values()
    assert kept["spec"]["body"] == "b"
    ask("DELETE", "/projects/export", **cascading)


@pytest.mark.fidelity("Nuclio", "function events: made with a name or without, read, changed, gone")
def test_a_function_event_s_life(shared: Client) -> None:
    ask = shared.ask
    labels = {"nuclio.io/function-name": "shared"}
    made = ask("POST", "/function_events", {"metadata": {"labels": labels}, "spec": {"body": "b"}})
    event = made.json()
    name = event["metadata"]["name"]
    assert made.status_code == 201 and event["spec"] == {
        "body": "b",
        "displayName": name,
        "triggerKind": "http",
        "attributes": {"headers": {"Content-Type": "text/plain"}, "method": "POST", "path": ""},
    }
    assert event["metadata"]["labels"]["nuclio.io/project-name"] == "default"
    assert ask("GET", f"/function_events/{name}").json() == event
    assert error(ask("POST", "/function_events", event))[0] == 409
    event["spec"]["attributes"]["path"] = "/elsewhere"
    for path in ("", f"/{name}"):
        assert ask("PUT", f"/function_events{path}", event).status_code == 204
    assert ask("GET", "/function_events", x_nuclio_function_name="shared").json() == {name: event}
    for header in ("x_nuclio_function_name", "x_nuclio_function_event_name"):
        assert ask("GET", "/function_events", **{header: "other"}).json() == {}
    other = {"x_nuclio_function_event_namespace": "other"}
    assert ask("GET", "/function_events", **other).json() == {}
    nobody = {"metadata": {"labels": {"nuclio.io/function-name": "nobody"}}}
    assert error(ask("POST", "/function_events", nobody)) == (404, "Function not found")
    status, said = error(ask("POST", "/function_events", {"metadata": {"name": "e"}}))
    assert status == 400 and "missing label - `nuclio.io/function-name`" in said
    gone = {"metadata": {"name": name}}
    assert ask("DELETE", "/function_events", gone).status_code == 204
    for method, body in (("DELETE", gone), ("PUT", event)):
        answer = error(ask(method, "/function_events", body))
        assert answer == (404, "Function event not found")
    assert error(ask("GET", f"/function_events/{name}")) == (404, "Function event not found")


@pytest.mark.fidelity(
    "Nuclio",
    "x-nuclio-creation-state-updated-timeout: a time that is over is a 500 (and the function is "
    "deployed), what is no duration the usual minute",
    different="the state is set before a request returns, so any time at all is enough",
)
@pytest.mark.parametrize(
    ("text", "status"), [("5m", 202), ("1ns", 202), ("soon", 202), ("0", 500), ("-1s", 500)]
)
def test_how_long_the_state_may_take(shared: Client, text: str, status: int) -> None:
    wanted = document("patient", disable=True)
    answer = shared.ask("PUT", "/functions", wanted, x_nuclio_creation_state_updated_timeout=text)
    assert answer.status_code == status
    if status == 500:
        assert error(answer)[1] == "Timed out waiting for creation state to be set"
    shared.ask(
        "DELETE", "/functions/patient", x_nuclio_delete_function_ignore_state_validation="true"
    )


@pytest.mark.fidelity(
    "Nuclio",
    "invocations by the dashboard: any method; x-nuclio-path, -function-namespace, -invoke-url, "
    "-invoke-timeout, -invoke-via, -log-level; other headers reach the function",
)
def test_invocations(shared: Client) -> None:
    ask, name = shared.ask, {"x_nuclio_function_name": "shared"}
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        seen = ask(method, "/function_invocations", {"a": 1}, **name, x_nuclio_path="a/b?c=d")
        told = seen.json()
        assert (told["method"], told["path"], told["fields"]) == (method, "/a/b", ["c"])
        assert told["body"] == ("" if method == "GET" else {"a": 1})
        assert ("Content-Length" in told["headers"]) == (method != "GET")
    seen = shared.invoke("shared", x_other="kept", x_nuclio_invoke_via="external-ip")
    headers = seen.json()["headers"]
    assert "X-Other" in headers and "X-Nuclio-Target" in headers
    assert not [each for each in headers if each.startswith("X-Nuclio-") and "Target" not in each]
    logged = shared.invoke("shared", x_nuclio_log_level="debug")
    assert json.loads(logged.headers["x-nuclio-logs"])[0]["message"] == "asked"
    (url,) = shared.status("shared")["externalInvocationUrls"]
    assert shared.invoke("shared", x_nuclio_invoke_url=url).status_code == 200
    elsewhere = shared.invoke("shared", x_nuclio_invoke_url="127.0.0.1:1")
    assert error(elsewhere) == (
        400,
        "Failed to invoke function: Invalid function url 127.0.0.1:1",
    )
    assert elsewhere.json().keys() == {"error"}
    slow = shared.invoke("shared", "/slow", x_nuclio_invoke_timeout="50ms")
    assert error(slow)[0] == 500 and "no answer within 0.05 s" in error(slow)[1]
    wrong = shared.invoke("shared", x_nuclio_invoke_timeout="soon")
    assert error(wrong) == (400, "Invalid invoke timeout")
    assert error(ask("POST", "/function_invocations")) == (400, "Function name must be provided")
    assert error(shared.invoke("nobody"))[0] == 404
    assert error(shared.invoke("shared", x_nuclio_function_namespace="other"))[0] == 404


@pytest.mark.fidelity(
    "Nuclio",
    "replicas, and their logs: followed until the replica ends, or read with follow, since, "
    "tailLines",
)
def test_logs_of_a_replica(shared: Client) -> None:
    ask = shared.ask
    shared.deploy(document("logged"))
    (replica,) = ask("GET", "/functions/logged/replicas").json()["names"]
    assert replica == "nuclio-logged-0"
    path = f"/functions/logged/logs/{replica}"
    for _ in range(3):
        shared.invoke("logged")
    lines = ask("GET", f"{path}?follow=false").text.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["asked"] * 3
    assert len(ask("GET", f"{path}?follow=false&tailLines=2").text.splitlines()) == 2
    assert len(ask("GET", f"{path}?follow=0&since=1h").text.splitlines()) == 3
    assert ask("GET", f"{path}?follow=false&since=0s").text == ""
    assert error(ask("GET", f"{path}?since=yesterday"))[0] == 400
    status, said = error(ask("GET", "/functions/logged/logs/other"))
    assert (status, said) == (400, "other replica does not belong to function logged")
    with shared.stream(f"{path}?tailLines=1") as stream:
        lines = stream.iter_lines()
        assert json.loads(next(lines))["message"] == "asked"
        other = plain.post(f"http://{shared.status('logged')['externalInvocationUrls'][0]}/x")
        assert other.text == "hello"
        assert json.loads(next(lines))["message"] == "asked"
        url = f"{stream.url.copy_with(path='/api/functions/logged', query=None)}"
        assert plain.delete(url).status_code == 204
        told = [json.loads(each)["message"] for each in lines]  # it ends with its replica
        assert "asked" not in told
    assert error(ask("GET", "/functions/logged/replicas")) == (404, "Function not found")


@pytest.mark.fidelity(
    "Nuclio",
    "API gateways: by the name in the path too; export, project and namespace; an absent function "
    "is the state `error`, or a 404 when its existence is asked for",
)
def test_more_of_api_gateways(shared: Client) -> None:
    ask = shared.ask
    spec: dict[str, Any] = {"host": "g.localhost", "upstreams": [{"nucliofunction": {"name": "n"}}]}
    gateway = {"metadata": {"name": "g"}, "spec": spec}
    strict = {"x_nuclio_agw_validate_functions_existence": "true"}
    assert error(ask("POST", "/api_gateways", gateway, **strict)) == (404, "Function not found")
    made = ask("POST", "/api_gateways", gateway).json()
    assert made["status"] == {
        "name": "g",
        "state": "error",
        "lastError": "Function not found: n",
    }
    spec["upstreams"] = [{"nucliofunction": {"name": "shared"}}]
    assert ask("PUT", "/api_gateways/g", gateway, **strict).status_code == 204
    assert ask("GET", "/api_gateways/g").json()["status"] == {"name": "g", "state": "ready"}
    assert error(ask("PUT", "/api_gateways/h", gateway))[0] == 400
    exported = ask("GET", "/api_gateways?export=true").json()["g"]
    assert exported.keys() == {"metadata", "spec"} and "namespace" not in exported["metadata"]
    assert ask("GET", "/api_gateways", x_nuclio_project_name="other").json() == {}
    assert ask("GET", "/api_gateways", x_nuclio_api_gateway_namespace="other").json() == {}
    assert ask("DELETE", "/api_gateways/g").status_code == 204


@pytest.mark.fidelity(
    "Nuclio",
    "function templates are listed by what they contain, and rendered",
    different="three templates of the emulator's own; values only, no conditions or functions of "
    "Go's templates",
)
def test_templates(shared: Client) -> None:
    ask = shared.ask
    listed = ask("GET", "/function_templates").json()
    assert {"rendered", "template"} == {key for each in listed.values() for key in each} - {
        "values"
    }
    (found,) = ask("GET", "/function_templates", x_nuclio_filter_contains="greeting").json()
    begun = listed[found]["rendered"]
    begun["spec"] = {**begun["spec"]}
    wanted = {"metadata": {"name": "begun"}, "spec": begun["spec"]}
    assert shared.deploy(wanted)["state"] == "ready"
    assert shared.invoke("begun").text == "hello"
    ask("DELETE", "/functions/begun")
    template = listed["packages:python"]["template"]
    values = {"name": "mine", "packages": "a b"}
    rendered = ask("POST", "/function_templates/render", {"template": template, "values": values})
    assert rendered.json()["metadata"] == {"name": "mine"}
    assert rendered.json()["spec"]["build"]["commands"] == ["pip install a b"]
    for text, said in (
        ("{{ if .a }}x{{ end }}", "only values"),
        ("{{ .gone }}", "needs a value for 'gone'"),
        ("a: [", "no YAML"),
        ("text", "must be an object"),
    ):
        status, words = error(ask("POST", "/function_templates/render", {"template": text}))
        assert status == 400 and said in words


@pytest.mark.fidelity(
    "Nuclio",
    "namespaces, versions, frontend_spec, external_ip_addresses; OPTIONS; an error's form",
)
def test_what_the_dashboard_says_of_itself(shared: Client) -> None:
    ask = shared.ask
    assert ask("GET", "/namespaces").json() == {"namespaces": {"names": ["nuclio"]}}
    assert ask("GET", "/versions").json()["dashboard"].keys() == {
        "label", "gitCommit", "os", "arch",
    }  # fmt: skip
    spec = ask("GET", "/frontend_spec").json()
    assert (spec["platformKind"], spec["namespace"]) == ("kube", "nuclio")
    assert spec["allowedAuthenticationModes"] == ["none", "basicAuth"]
    triggers = spec["defaultFunctionConfig"]["attributes"]["spec"]["triggers"]
    assert triggers["default-http"]["kind"] == "http"
    (address,) = ask("GET", "/external_ip_addresses").json()["externalIPAddresses"]["addresses"]
    assert address == "127.0.0.1"
    assert "PATCH" in ask("OPTIONS", "/functions").headers["allow"]
    answer = ask("GET", "/functions/nobody")
    assert answer.json() == {
        "error": "Function not found",
        "errorStackTrace": "\nError - Function not found\n",
    }
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.fidelity("Nuclio", "v3io streams (an Iguazio platform)", refused=True)
def test_what_is_not_there_says_so(shared: Client) -> None:
    ask = shared.ask
    status, said = error(ask("GET", "/v3io_streams"))
    assert status == 501 and "Iguazio" in said
    status, said = error(ask("GET", "/nothing"))
    assert status == 404 and "there are api_gateways" in said
    for method, path, status in (
        ("POST", "/versions", 405),
        ("DELETE", "/namespaces", 405),
        ("POST", "/functions/shared", 405),
        ("GET", "/functions/shared/nothing", 404),
        ("PATCH", "/projects", 405),
        ("PATCH", "/api_gateways/g", 405),
        ("PUT", "/function_templates", 405),
        ("PATCH", "/function_events", 405),
        ("GET", "/projects/default/functions", 404),
    ):
        assert error(ask(method, path))[0] == status, (method, path)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("functions", b"{", "Failed to parse JSON body"),
        ("projects", b"[]", "it is no object"),
        ("projects", b'{"metadata": 5}', "metadata must be an object, not 5"),
        ("function_events", b'{"spec": {"body": 5}}', "spec.body must be a string, not 5"),
        ("api_gateways", b'{"metadata": "x"}', 'metadata must be an object, not "x"'),
        ("functions", b"[" * 100_000, "it is nested too deeply"),
        ("projects", b'{"spec": {"a": NaN}}', "NaN is no number that can be kept"),
        ("projects", b'{"spec": {"a": 1e999}}', "1e999 is no number that can be kept"),
        ("projects", b'{"metadata": {"name": "\\ud800"}}', "must adhere to Kubernetes naming"),
        ("function_events", b'{"metadata": {"name": "\xff"}}', "missing label"),
        ("projects?import=1", b'{"functions": 5}', "functions must be an object, not 5"),
    ],
)
def test_a_body_that_is_none(
    module_emulator: RunningEmulator, path: str, body: bytes, said: str
) -> None:
    answer = plain.post(f"{module_emulator.nuclio_url}/api/{path}", content=body)
    assert answer.status_code == 400 and said in answer.json()["error"]
