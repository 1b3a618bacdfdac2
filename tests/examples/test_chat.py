"""The chat example, as the clients of that API use it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..forked import Forked

if TYPE_CHECKING:  # it takes a second to be imported: who runs these tests does it
    import openai

APP = Path(__file__).parents[2] / "examples" / "chat" / "app.py"


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    import openai

    process = Forked(["serve", str(APP), "--port", "0", "--json"])
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as made:
            yield made
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        process.stdout.close()


def test_a_whole_answer(client: openai.OpenAI) -> None:
    said = client.chat.completions.create(
        model="parrot", messages=[{"role": "user", "content": "hello there"}]
    )
    assert said.choices[0].message.content == "You said: hello there"
    assert said.choices[0].finish_reason == "stop"
    assert said.usage is not None
    assert said.usage.completion_tokens == 3
    assert [each.id for each in client.models.list()] == ["parrot"]


def test_an_answer_token_by_token(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="parrot",
            messages=[{"role": "system", "content": "x"}, {"role": "user", "content": "hello you"}],
            stream=True,
            max_tokens=2,
        )
    )
    deltas = [each.choices[0].delta for each in chunks]
    assert [each.content for each in deltas] == ["You said:", " hello", None]
    assert (deltas[0].role, chunks[-1].choices[0].finish_reason) == ("assistant", "stop")


def test_what_is_wrong_has_its_status(client: openai.OpenAI) -> None:
    import openai

    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="other", messages=[{"role": "user", "content": "a"}])
    said = missing.value.response.json()
    assert said["error"] == "there is no model 'other'; there are parrot"
    assert said["step"] == "chat/prompt"
    with pytest.raises(openai.UnprocessableEntityError) as unfit:
        client.chat.completions.create(model="parrot", messages=[])
    assert unfit.value.response.json()["details"][0]["path"] == ["messages"]
    with pytest.raises(openai.UnprocessableEntityError) as rejected:
        client.chat.completions.create(
            model="parrot", messages=[{"role": "system", "content": "a"}], stream=True
        )
    assert "there is no message of the user's" in rejected.value.response.text
