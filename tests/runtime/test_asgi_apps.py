"""ASGI applications as functions: requests of every HTTP source, answers in its form, lifespan."""

import asyncio
import base64
import json
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse

from pelton import App, WrongUse, http, sqs
from pelton.handlers.function import Function
from pelton.runtime.aws import make_handler
from pelton.runtime.worker import Worker
from pelton.testing import (
    alb,
    http_v1,
    http_v2,
    lambda_context,
    make_context,
    nuclio_cron,
    nuclio_http,
    on_lambda,
    on_nuclio,
)

Scope = dict[str, Any]


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """A plain application: says what it was asked, with two cookies and a header twice."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan here")
    body = (await receive())["body"]
    said = {
        **{name: scope[name] for name in ("method", "path", "root_path", "scheme", "client")},
        "query": scope["query_string"].decode(),
        "raw_path": scope["raw_path"].decode(),
        "headers": [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": body.decode("latin-1"),
    }
    headers = [
        (b"Content-Type", b"application/json"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2; Path=/"),
        (b"vary", b"accept"),
        (b"vary", b"origin"),
        (b"content-length", b"7"),
    ]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    text = json.dumps(said).encode()
    await send({"type": "http.response.body", "body": text[:9], "more_body": True})
    await send({"type": "http.response.body", "body": text[9:]})


async def binary(scope: Scope, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"image/png")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"\x89PNG\xff"})


async def broken(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        raise ValueError("no such tail number")


async def half(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})


def function(application: Any, **settings: Any) -> Function[..., Any]:
    return App("web").asgi(application, name="web", **settings)


def asked(payload: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(on_lambda(function(echo), payload)["body"])
    return found


def test_a_function_url() -> None:
    payload = http_v2(b"\x00\xff", method="PUT", path="/a%20b/c", headers={"x-one": "1"})
    payload |= {"rawQueryString": "q=1&q=2&e=", "cookies": ["c=1", "d=2"]}
    payload["requestContext"]["domainName"] = "abc.lambda-url.eu-west-1.on.aws"
    said = asked(payload)
    assert (said["method"], said["path"], said["raw_path"]) == ("PUT", "/a b/c", "/a%20b/c")
    assert (said["query"], said["body"]) == ("q=1&q=2&e=", "\x00\xff")
    assert ["cookie", "c=1; d=2"] in said["headers"]
    assert ["x-one", "1"] in said["headers"]


def test_an_http_api_s_stage_is_the_root_path() -> None:
    payload = http_v2(None, method="GET", path="/dev/a b")
    payload["requestContext"] |= {"stage": "dev", "domainName": "x.execute-api.amazonaws.com"}
    said = asked(payload)
    assert (said["path"], said["root_path"], said["raw_path"]) == ("/dev/a b", "/dev", "/dev/a%20b")


def test_a_rest_api_s_stage_is_the_root_path_and_lists_stay_lists() -> None:
    payload = http_v1("x", path="/orders/a%2Fb")
    payload["requestContext"]["path"] = "/prod/orders/a%2Fb"
    payload["multiValueQueryStringParameters"] = {"tag": ["a b", "ü"]}
    payload["multiValueHeaders"] = {"Accept": ["text/html", "*/*"]}
    said = asked(payload)
    assert (said["path"], said["root_path"]) == ("/prod/orders/a/b", "/prod")
    assert said["query"] == "tag=a+b&tag=%C3%BC"
    assert said["headers"] == [["accept", "text/html"], ["accept", "*/*"]]


def test_a_balancer_s_query_goes_on_as_it_was_asked() -> None:
    payload = alb("x", path="/a%20b")
    payload["queryStringParameters"] = {"q": "a%20b"}
    said = asked(payload)
    assert (said["path"], said["query"]) == ("/a b", "q=a%20b")


def test_an_answer_in_each_source_s_form() -> None:
    url = on_lambda(function(echo), http_v2("x"))
    assert (url["statusCode"], url["isBase64Encoded"]) == (201, False)
    assert url["cookies"] == ["a=1", "b=2; Path=/"]
    assert url["headers"] == {"content-type": "application/json", "vary": "accept, origin"}
    rest = on_lambda(function(echo), http_v1("x"))
    assert rest["multiValueHeaders"]["set-cookie"] == ["a=1", "b=2; Path=/"]
    assert rest["multiValueHeaders"]["vary"] == ["accept", "origin"]
    single = alb("x")
    single.pop("multiValueHeaders", None)
    balancer = on_lambda(function(echo), single)
    assert balancer["statusDescription"] == "201 Created"
    cookies = [value for name, value in balancer["headers"].items() if name.lower() == "set-cookie"]
    assert cookies == ["a=1", "b=2; Path=/"]


def test_what_is_no_text_goes_as_base64() -> None:
    reply = on_lambda(function(binary), http_v2("x"))
    assert (reply["isBase64Encoded"], base64.b64decode(reply["body"])) == (True, b"\x89PNG\xff")
    assert on_nuclio(function(binary), nuclio_http("x")).body == b"\x89PNG\xff"


def test_on_nuclio() -> None:
    response = on_nuclio(function(echo), nuclio_http({"n": 1}, path="/a b", method="POST"))
    assert response.status_code == 201
    assert response.content_type == "application/json"
    cookies = {v for name, v in response.headers.items() if name.lower() == "set-cookie"}
    assert (cookies, response.headers["vary"]) == ({"a=1", "b=2; Path=/"}, "accept, origin")
    said = json.loads(response.body)
    assert (said["path"], json.loads(said["body"])) == ("/a b", {"n": 1})


@pytest.mark.parametrize("application", [broken, half])
def test_what_went_wrong_is_a_500(application: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reply = on_lambda(function(application), http_v2("x"))
    assert (reply["statusCode"], reply["body"]) == (500, "Internal Server Error")
    told = capsys.readouterr().out
    assert ("ValueError: no such tail number" in told) == (application is broken)
    assert ("sent no whole answer" in told) == (application is half)
    lines: list[str] = []
    assert on_nuclio(function(application), nuclio_http("x"), lines=lines).status_code == 500
    assert ("no such tail number" in "".join(lines)) == (application is broken)


class Lasting:
    """An application whose lifespan writes down what happens to it."""

    def __init__(self, failing: str = "") -> None:
        self.seen: list[str] = []
        self.failing = failing

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.seen.append(f"asked with {scope['state']}")
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
            return
        for word in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{word}"
            self.seen.append(word)
            scope["state"]["loop"] = asyncio.get_running_loop() is not None
            if self.failing == word:
                await send({"type": f"lifespan.{word}.failed", "message": "no database"})
                return
            await send({"type": f"lifespan.{word}.complete"})


def test_its_lifespan_is_the_worker_s() -> None:
    lasting = Lasting()
    made = function(lasting)
    worker = Worker(made)
    handler = make_handler(made, worker)
    for _ in range(2):
        assert handler(http_v2("x"), lambda_context())["statusCode"] == 204
    assert worker.has_ends
    worker.end(make_context())
    asked = "asked with {'loop': True}"
    assert lasting.seen == ["startup", asked, asked, "shutdown"]


def test_hooks_run_around_its_lifespan() -> None:
    lasting = Lasting()
    made = function(lasting)
    made.init(lambda context: lasting.seen.append("init"))
    made.stop(lambda context: lasting.seen.append("stop"))
    worker = Worker(made)
    make_handler(made, worker)
    worker.begin(make_context())
    worker.end(make_context())
    assert lasting.seen == ["init", "startup", "shutdown", "stop"]


def test_a_startup_that_failed_is_said_and_tried_again() -> None:
    lasting = Lasting("startup")
    made = function(lasting)
    worker = Worker(made)
    handler = make_handler(made, worker)
    for _ in range(2):
        with pytest.raises(WrongUse, match="did not start: no database"):
            handler(http_v2("x"), lambda_context())
    lasting.failing = ""
    assert handler(http_v2("x"), lambda_context())["statusCode"] == 204
    worker.end(make_context())


def test_a_shutdown_that_failed_is_said() -> None:
    made = function(Lasting("shutdown"))
    worker = Worker(made)
    make_handler(made, worker)
    worker.begin(make_context())
    with pytest.raises(WrongUse, match="did not stop as it should: no database"):
        worker.end(make_context())


def test_what_is_no_request_is_refused_with_what_to_do() -> None:
    with pytest.raises(WrongUse, match=r"test_asgi_apps\.py:\d+: .*got no HTTP request.*URL"):
        on_lambda(function(echo), {"n": 1})
    answer = on_nuclio(function(echo), nuclio_cron())
    assert (answer.status_code, "HTTP triggers alone" in answer.body) == (500, True)


def test_what_cannot_be_one_is_said_with_its_line() -> None:
    class Flask:
        wsgi_app = None

        def __call__(self) -> None: ...

    for application, said in ((7, "no ASGI application"), (Flask(), "a2wsgi")):
        with pytest.raises(WrongUse, match=rf"test_asgi_apps\.py:\d+: .*{said}"):
            function(application)
    with pytest.raises(WrongUse, match="has the trigger sqs"):
        function(echo, triggers=[sqs("orders")])
    with pytest.raises(WrongUse, match=r"app\.asgi"):

        @App("x").function(style="asgi")
        def handler(event: Any, context: Any) -> None: ...


def fast() -> FastAPI:
    api = FastAPI()
    done: list[str] = []

    @api.get("/orders/{number}")
    def order(number: int, request: Request, q: str = "") -> dict[str, Any]:
        return {
            "number": number,
            "q": q,
            "url": str(request.url),
            "aws": "aws.event" in request.scope,
        }

    @api.post("/later", status_code=202)
    async def later(tasks: BackgroundTasks) -> None:
        tasks.add_task(done.append, "done")

    @api.get("/done")
    async def what_is_done() -> list[str]:
        return done

    @api.get("/pieces")
    async def pieces() -> StreamingResponse:
        async def parts() -> Any:
            for each in ("a", "b", "c"):
                yield each

        return StreamingResponse(parts(), media_type="text/plain")

    @api.get("/fails")
    def fails() -> None:
        raise KeyError("x")

    return api


def test_fastapi(capsys: pytest.CaptureFixture[str]) -> None:
    made = function(fast(), triggers=[http("ANY", "/{path+}")])
    worker = Worker(made)
    handler = make_handler(made, worker)

    def get(path: str, method: str = "GET", **more: Any) -> Any:
        payload = http_v2(None, method=method, path=path, headers={"host": "x.on.aws"})
        return handler(payload | more, lambda_context())

    found = get("/orders/7", rawQueryString="q=a%20b")
    assert json.loads(found["body"]) == {
        "number": 7, "q": "a b", "url": "https://x.on.aws/orders/7?q=a%20b", "aws": True,
    }  # fmt: skip
    assert get("/orders/x")["statusCode"] == 422
    assert (get("/later", "POST")["statusCode"], get("/done")["body"]) == (202, '["done"]')
    assert get("/pieces")["body"] == "abc"
    assert (get("/fails")["statusCode"], get("/nowhere")["statusCode"]) == (500, 404)
    assert "KeyError: 'x'" in capsys.readouterr().out
    assert json.loads(get("/openapi.json")["body"])["info"]["title"] == "FastAPI"
    worker.end(make_context())


def test_fastapi_below_a_stage() -> None:
    payload = http_v2(None, method="GET", path="/dev/orders/7")
    payload["requestContext"] |= {"stage": "dev", "domainName": "x.execute-api.amazonaws.com"}
    made = function(fast())
    worker = Worker(made)
    answer = make_handler(made, worker)(payload, lambda_context())
    assert json.loads(answer["body"])["number"] == 7
    worker.end(make_context())
