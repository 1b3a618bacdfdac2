"""An OpenAI-like chat route: a graph that answers whole, or token by token where it is asked to.

    pelton serve examples/chat/app.py
    curl localhost:8000/v1/chat/completions -H 'content-type: application/json' \
        -d '{"model": "parrot", "stream": true, "messages": [{"role": "user", "content": "hello"}]}'

Any client of that API can use it with its base URL: http://localhost:8000/v1.  The model here says
what it was told, slowly; put yours into `Parrot`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, Field

import pelton

MODEL = "parrot"


class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str


class Chat(BaseModel):
    """A request; what it has besides is for other models and is passed over."""

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    max_tokens: int = Field(default=256, ge=1)


class Prompt(BaseModel):
    text: str
    stream: bool
    most: int


Said = dict[str, Any]


def prompt(chat: Chat) -> Prompt:
    """What the model is to answer; another model's name is a 404."""
    if chat.model != MODEL:
        raise pelton.UnknownModel(chat.model, known=(MODEL,))
    asked = [each.content for each in chat.messages if each.role == "user"]
    if not asked:
        raise pelton.Reject("there is no message of the user's")
    return Prompt(text=asked[-1], stream=chat.stream, most=chat.max_tokens)


class Parrot:
    """A model: made and loaded once a worker."""

    def load(self) -> None:
        self.opening = "You said:"

    def __call__(self, prompt: Prompt) -> Said | Iterator[Said | str]:
        tokens = self.tokens(prompt)
        return events(tokens) if prompt.stream else completion(list(tokens))

    def tokens(self, prompt: Prompt) -> Iterator[str]:
        words = [self.opening, *prompt.text.split()][: prompt.most]
        yield from (word if place == 0 else f" {word}" for place, word in enumerate(words))


def completion(tokens: list[str]) -> Said:
    """The whole answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "".join(tokens)},
        "finish_reason": "stop",
    }
    size = len(tokens)
    usage = {"prompt_tokens": 0, "completion_tokens": size, "total_tokens": size}
    return {**head("chat.completion"), "choices": [choice], "usage": usage}


def events(tokens: Iterator[str]) -> Iterator[Said | str]:
    """The answer in pieces; the last event is the word that clients wait for."""
    common = head("chat.completion.chunk")
    delta: dict[str, str] = {"role": "assistant", "content": ""}
    for token in tokens:
        yield {**common, "choices": [chunk(delta | {"content": token})]}
        delta = {}
    yield {**common, "choices": [chunk({}, "stop")]}
    yield "[DONE]"


def head(kind: str) -> Said:
    name = f"chatcmpl-{uuid.uuid4().hex}"
    return {"id": name, "object": kind, "created": int(time.time()), "model": MODEL}


def chunk(delta: dict[str, str], reason: str | None = None) -> Said:
    return {"index": 0, "delta": delta, "finish_reason": reason}


graph = pelton.Graph("chat", Chat) >> prompt >> Parrot

app = pelton.App("chat")
app.serve(graph, triggers=[pelton.http("POST", "/v1/chat/completions")])


@app.function(triggers=[pelton.http("GET", "/v1/models")])
def models() -> Said:
    """The models that the route knows."""
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "pelton"}]}
