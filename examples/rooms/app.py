"""Chat rooms over WebSocket: who has joined a room hears what is said there.

A deploy makes the WebSocket API; who is where is kept in the table `rooms` of DynamoDB, with the
connection as its key, which must be there before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import boto3

import pelton

app = pelton.App("rooms")


@dataclass
class Message:
    """What clients send: `{"action": "join", "room": "hall"}`."""

    action: Literal["join", "say"]
    room: str
    text: str = ""


def rooms() -> Any:
    return boto3.resource("dynamodb").Table("rooms")


@app.function(triggers=[pelton.websocket_api("$connect", "$disconnect")])
def door(event: pelton.Event, context: pelton.Context) -> pelton.Response:
    """Let in who says a name; forget who has left."""
    if event.topic == "$disconnect":
        rooms().delete_item(Key={"connection": event.key})
        return pelton.Response()
    return pelton.Response(status=200 if event.fields.get("name") else 401)


@app.function(triggers=[pelton.websocket_api("join", "say")])
def talk(message: Message, context: pelton.Context) -> dict[str, object] | None:
    """Answer who joins, and tell everybody in the room what is said."""
    table = rooms()
    me = context.connection()
    if message.action == "join":
        table.put_item(Item={"connection": me.id, "room": message.room})
        return {"joined": message.room}
    for each in table.scan()["Items"]:
        if each["room"] == message.room and not context.connection(each["connection"]).send(
            {"room": message.room, "text": message.text}
        ):
            table.delete_item(Key={"connection": each["connection"]})
    return None
