"""The program of `websocket.py`: PORT TLS_PORT CERTIFICATE KEY, and perhaps the authority of those
that who comes by TLS must have one of, and USER:PASSWORD.  What it does says the path:

/topic/NAME    who connects is sent what anybody publishes there
/publish/NAME  sends each message that comes to who is at that topic, and answers each "sent"
/echo          each message back
/known         nothing, for who has said that user and password
/headers       the request's Authorization, and the path with its query
/flood/N/SIZE  N messages of SIZE bytes, as fast as they are read; then it waits
/close/CODE    closes at once
/refuse/CODE   does not open
/redirect/PORT opens at another port
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import signal
import ssl
import sys
from collections import defaultdict
from http import HTTPStatus
from typing import Any

LISTENERS: dict[str, list[Any]] = defaultdict(list)


async def _topic(client: Any, name: str) -> None:
    LISTENERS[name].append(client)
    await client.wait_closed()
    LISTENERS[name].remove(client)


async def _publish(client: Any, name: str) -> None:
    from websockets.exceptions import ConnectionClosed

    async for message in client:
        for each in list(LISTENERS[name]):
            with contextlib.suppress(ConnectionClosed):
                await each.send(message)
        await client.send("sent")


async def _echo(client: Any) -> None:
    async for message in client:
        await client.send(message)


async def _headers(client: Any) -> None:
    await client.send(client.request.headers.get("Authorization", "nobody"))
    await client.send(client.request.path)
    await client.wait_closed()


async def _flood(client: Any, count: str, size: str) -> None:
    for number in range(int(count)):
        await client.send(f"{number}".ljust(int(size)))
    await client.wait_closed()


async def _known(client: Any) -> None:
    await client.wait_closed()


async def _close(client: Any, code: str) -> None:
    await client.close(int(code), "as it was asked")


DOES: dict[str, Any] = {
    "topic": _topic,
    "publish": _publish,
    "echo": _echo,
    "headers": _headers,
    "flood": _flood,
    "close": _close,
    "known": _known,
}
KNOWN = base64.b64encode("".join(sys.argv[6:7]).encode()).decode()


def _words(request: Any) -> list[str]:
    return str(request.path).partition("?")[0].strip("/").split("/")


async def _serve(client: Any) -> None:
    from websockets.exceptions import ConnectionClosed

    what, *given = _words(client.request)
    with contextlib.suppress(ConnectionClosed):
        await DOES[what](client, *given)


def _before(client: Any, request: Any) -> Any:
    what, *given = _words(request)
    if what == "refuse":
        return client.respond(HTTPStatus(int(given[0])), "the token is too old\n")
    if what == "known" and request.headers.get("Authorization") != f"Basic {KNOWN}":
        return client.respond(HTTPStatus.UNAUTHORIZED, "who is there\n")
    if what == "redirect":
        answer = client.respond(HTTPStatus.FOUND, "")
        answer.headers["Location"] = f"ws://127.0.0.1:{given[0]}/headers"
        return answer
    return None


async def main(port: int, tls_port: int, certificate: str, key: str, authority: str) -> None:
    from websockets.asyncio.server import serve

    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if authority:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    # By itself it would ask who is there, and end a connection that a test does not read.
    said: Any = {"process_request": _before, "ping_interval": None, "close_timeout": 1}
    async with (
        serve(_serve, "127.0.0.1", tls_port, ssl=context, **said),
        serve(_serve, "127.0.0.1", port, **said),
    ):
        await ended.wait()


if __name__ == "__main__":
    ports = int(sys.argv[1]), int(sys.argv[2])
    asyncio.run(main(*ports, sys.argv[3], sys.argv[4], "".join(sys.argv[5:6])))
