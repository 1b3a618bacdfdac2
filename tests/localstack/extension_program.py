#!/usr/bin/env python3
"""A real extension, as a layer brings it: registers, subscribes, and posts what it sees.

What it does is set by the function's environment: SEEN (where to post), EVENTS, API (telemetry or
logs), SCHEMA, PROTOCOL, and MISBEHAVE.  It is a program of its own and imports nothing of ours.
"""

import http.client
import http.server
import json
import os
import socket
import sys
import threading
import time
import urllib.request

NAME = os.path.basename(sys.argv[0])
API = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
MISBEHAVE = os.environ.get("MISBEHAVE", "")
PORT = 4243


def post(kind: str, what: object) -> None:
    body = json.dumps({"extension": NAME, "kind": kind, "what": what}).encode()
    urllib.request.urlopen(urllib.request.Request(os.environ["SEEN"], body), timeout=10).read()


def call(method: str, path: str, body: object = None, **headers: str) -> tuple[int, object, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body)
    API.request(method, path, data, named)
    answer = API.getresponse()
    text = answer.read()
    return answer.status, json.loads(text), answer.headers.get("Lambda-Extension-Identifier", "")


class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for event in json.loads(body):
            post("telemetry", event)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST

    def log_message(self, *_: object) -> None:
        pass


def listen_by_tcp() -> None:
    server = socket.create_server(("sandbox.localdomain", PORT))

    def read() -> None:
        connection, _ = server.accept()
        for line in connection.makefile():
            post("telemetry", json.loads(line))

    threading.Thread(target=read, daemon=True).start()


def subscribe(identifier: str) -> None:
    api = os.environ.get("API", "telemetry")
    path = {"telemetry": "/2022-07-01/telemetry", "logs": "/2020-08-15/logs"}[api]
    destination: dict[str, object] = {
        "protocol": "HTTP",
        "URI": f"http://sandbox.localdomain:{PORT}/in",
    }
    if os.environ.get("PROTOCOL") == "TCP":
        listen_by_tcp()
        destination = {"protocol": "TCP", "port": PORT}
    else:
        server = http.server.ThreadingHTTPServer(("sandbox.localdomain", PORT), Listener)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted = {
        "schemaVersion": os.environ["SCHEMA"],
        "types": ["platform", "function", "extension"],
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        "destination": destination,
    }
    post("subscribed", call("PUT", path, wanted, Lambda_Extension_Identifier=identifier)[:2])


def main() -> None:
    if MISBEHAVE == "exit at once":
        sys.exit(7)
    print(f"{NAME} is here", flush=True)
    events = json.loads(os.environ.get("EVENTS", '["INVOKE", "SHUTDOWN"]'))
    status, function, identifier = call(
        "POST",
        "/2020-01-01/extension/register",
        {"events": events},
        Lambda_Extension_Name=NAME,
        Lambda_Extension_Accept_Feature="accountId",
    )
    post("registered", [status, function, sorted(os.environ)])
    if MISBEHAVE == "subscribe late":
        while not os.path.exists("/tmp/loaded"):
            time.sleep(0.01)
    if "SCHEMA" in os.environ:
        subscribe(identifier)
    if MISBEHAVE in ("init/error", "exit/error"):
        said = call(
            "POST",
            f"/2020-01-01/extension/{MISBEHAVE}",
            {"errorMessage": "no"},
            Lambda_Extension_Identifier=identifier,
            Lambda_Extension_Function_Error_Type="Extension.NoLuck",
        )
        post("said", said[:2])
        sys.exit(1)
    while True:
        _, event, _ = call(
            "GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier
        )
        assert isinstance(event, dict)
        post("event", event)
        if event["eventType"] == "SHUTDOWN":
            if MISBEHAVE == "stay":
                time.sleep(60)
            return
        if MISBEHAVE == "crash":
            os._exit(3)
        if MISBEHAVE.startswith("work "):
            time.sleep(float(MISBEHAVE.split()[1]))
            post("worked", MISBEHAVE)


main()
