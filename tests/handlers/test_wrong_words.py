"""Declarations that cannot work, each said with its line and what to do; and ones that can."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import Field

import pelton
from pelton.builders import load_app
from pelton.builders.errors import CannotLoad
from pelton.handlers.errors import InvalidInput, WrongUse
from pelton.testing import invoke

HERE = Path(__file__).name


def fine(event: dict[str, Any]) -> int:
    return len(event)


def one(event: Any) -> Any: ...


def three(context: Any, event: Any, more: Any) -> Any: ...


def hook() -> None: ...


def loosely(thing: object) -> Any:
    return thing


def declare(**settings: Any) -> Callable[[], object]:
    return lambda: pelton.App("a").function(**settings)(fine)


def native(function: Any, style: str) -> Callable[[], object]:
    return lambda: pelton.App("a").function(style=style)(function)


def loose(function: Any, *args: Any, **named: Any) -> Callable[[], object]:
    """A call as somebody makes it who does not run mypy."""
    return lambda: function(*args, **named)


def redis(**words: Any) -> Callable[[], Any]:
    given = {"url": "redis://127.0.0.1:1/0", "stream": "s", **words}
    return loose(pelton.redis, **given)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (loose(pelton.http, "FETCH"), "http method 'FETCH' is unknown"),
        (loose(pelton.http, "GET", "x"), "http path 'x' must start with '/'"),
        (loose(pelton.http, 3), "http method=3 is no string"),
        (loose(pelton.Aws, vpc="vpc-1"), "Aws(vpc='vpc-1') is no Vpc; write vpc=pelton.Vpc("),
        (declare(aws=pelton.Aws(provisioned=1)), "is for published versions, and none are kept"),
        (
            declare(aws=pelton.Aws(provisioned=3), versions=1, concurrency=2),
            "Aws(provisioned=3) is more than concurrency=2; raise one or lower the other",
        ),
        (loose(pelton.Vpc, ["subnet-1"], []), "Vpc(security_groups=[]) names none"),
        (loose(pelton.Vpc, ["sg-1"], ["sg-1"]), "'sg-1' is no id; one begins with 'subnet-'"),
        (loose(pelton.Vpc, [7], ["sg-1"]), "7 is no id"),
        (
            loose(pelton.Vpc, [f"subnet-{n}" for n in range(17)], ["sg-1"]),
            "17, and Lambda takes 16",
        ),
        (loose(pelton.cron), "takes one of every= and schedule="),
        (loose(pelton.cron, every=5), "cron every=5 is no string"),
        (loose(pelton.cron, schedule="* * *"), "has 3 fields"),
        (loose(pelton.cron, schedule="30-10 * * * *"), "'30-10' ends before it begins"),
        (loose(pelton.cron, schedule="* * * * MON"), "write weekdays as 0 (Sunday) to 6"),
        (loose(pelton.sqs, ""), "needs a queue's name"),
        (loose(pelton.sqs, "q", batch="5"), "sqs batch='5' is no whole number"),
        (loose(pelton.sqs, "q", on_invalid="x"), "on_invalid='x' is unknown"),
        (loose(pelton.Aws, runtime="python3.8"), "is no Python runtime of Lambda"),
        (loose(pelton.Nuclio, replicas=3), "Nuclio(replicas=3) is no range"),
        (loose(pelton.Nuclio, gpu="1"), "Nuclio gpu='1' is no whole number"),
        (loose(pelton.Nuclio, limits={"cpu": "2 cores"}), "limits['cpu']='2 cores' is no quantity"),
        (loose(pelton.Nuclio, limits={"cpu": "1K"}), "limits['cpu']='1K' is no quantity"),
        (
            loose(pelton.Nuclio, requests={"cpu": "2"}, limits={"cpu": "1500m"}),
            "asks for more than its limit '1500m'",
        ),
        (declare(nuclio=pelton.Nuclio(requests={"memory": "1Gi"})), "more than its limit '128Mi'"),
        (loose(pelton.Nuclio, tolerations="gpu"), "tolerations='gpu' is no list"),
        (loose(pelton.Nuclio, tolerations=[{"keys": "gpu"}]), "its members are key, operator"),
        (loose(pelton.Nuclio, tolerations=[{"effect": "No"}]), "use one of NoSchedule, Prefer"),
        (declare(triggers=pelton.http()), "write triggers=[pelton.http(...)]"),
        (declare(environment=["A"]), "environment=['A'] is no mapping"),
        (declare(tags=["A"]), "tags=['A'] is no mapping"),
        (declare(name=3), "function name=3 is no string"),
        (declare(description=3), "description=3 is no string"),
        (declare(description="x" * 300), "description has 300 characters, 256 are allowed"),
        (declare(aws={"runtime": "x"}), "write aws=pelton.Aws(...)"),
        (declare(requirements=["pydantic>>1"]), "requirement 'pydantic>>1' is not as pip"),
        (declare(include=["/etc/passwd"]), "leads out of the app's folder"),
        (declare(include=["../x"]), "leads out of the app's folder"),
        (declare(triggers=[pelton.sqs("q"), pelton.sqs("q", batch=1)]), "comes twice"),
        (declare(triggers=[pelton.http(), pelton.http()]), "http() comes twice"),
        (declare(triggers=[redis()(), redis(batch=2)()]), "group='pelton') comes twice"),
        (declare(triggers=redis(password="hidden")()), "redis(password='…', url="),
        (
            loose(pelton.redis, url="redis://h:1", steam="s"),
            "redis() has no steam=; did you mean stream=?",
        ),
        (loose(pelton.sqs, "q", bach=3), "argument 'bach'; did you mean batch=?"),
        (loose(pelton.Aws, layer=[]), "Aws() has no layer=; did you mean layers=?"),
        (loose(pelton.Aws, frobnicate=1), "Aws() has no frobnicate=; known are runtime, archi"),
        (loose(pelton.sqs), "missing a required argument: 'queue'; its words are queue"),
        (native(one, "lambda"), "a native handler takes (event, context)"),
        (native(three, "nuclio"), "a native handler takes (context, event)"),
        (lambda: pelton.App("a b"), "app name 'a b' is not allowed"),
        (loose(pelton.App, None), "app name=None is no string"),
        (lambda: pelton.App("a").function(lambda event: 1), "a lambda has no name of its own"),
        (lambda: pelton.App("a").function(fine).init()(fine), "without parentheses"),
        (
            lambda: pelton.App("a").function(fine).init(loosely(hook)),
            "hook hook of fine takes nothing",
        ),
        (lambda: pelton.App("a").serve(fine), "serve a pelton.Graph"),  # type: ignore[arg-type]
    ],
)
def test_the_words_name_the_line_and_what_to_do(act: Callable[[], object], words: str) -> None:
    with pytest.raises(WrongUse) as caught:
        act()
    assert words in str(caught.value)
    assert HERE in caught.value.file and caught.value.line


def test_every_trigger_is_named_to_who_has_none() -> None:
    made = {name for name, home in pelton._HOMES.items() if home.startswith(".handlers.triggers.")}
    with pytest.raises(WrongUse) as caught:
        declare(triggers=["sqs:orders"])()
    assert all(name in str(caught.value) for name in made if name.islower())


class Opaque: ...


@dataclass
class Holds:
    inner: Opaque


def test_an_unknown_type_deep_inside_is_named_with_its_path() -> None:
    def takes(value: list[Holds]) -> int:
        return 1

    with pytest.raises(WrongUse, match=r"Holds\.inner: Opaque is unknown to the codec"):
        pelton.App("a").function(takes)


@dataclass
class Node:
    name: str
    below: list[Node] = field(default_factory=list)


class Tree(TypedDict):
    name: str
    left: Tree | None


def test_a_type_may_hold_itself() -> None:
    def count(node: Node) -> Node:
        return Node(str(len(node.below)), node.below)

    def left(tree: Tree) -> str:
        return tree["left"]["name"] if tree["left"] else ""

    body = {"name": "a", "below": [{"name": "b", "below": [{"name": "c", "below": []}]}]}
    assert invoke(count, body) == {**body, "name": "1"}
    assert invoke(left, {"name": "a", "left": {"name": "b", "left": None}}) == "b"
    with pytest.raises(InvalidInput) as caught:
        invoke(count, {"name": "a", "below": [{"name": 3}]})
    assert caught.value.details[0]["path"] == ["below", 0, "name"]


def test_a_constraint_of_pydantic_s_is_checked() -> None:
    def takes(n: Annotated[int, Field(gt=5)]) -> int:
        return n

    assert invoke(takes, 6) == 6
    with pytest.raises(InvalidInput, match="greater than 5"):
        invoke(takes, 1)


def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def around(*args: Any, **named: Any) -> Any:
        return json.dumps({"logged": fn(*args, **named)})

    return around


def handed_on(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def around(*args: Any, **named: Any) -> Any:
        return fn(*args, **named)

    return around


def test_a_decorated_function_keeps_its_own_signature() -> None:
    @logged
    def double(n: int, context: pelton.Context) -> int:
        return 2 * n

    @handed_on
    async def triple(n: int) -> int:
        return 3 * n

    assert invoke(double, 2) == '{"logged": 4}'
    assert invoke(triple, 2) == 6
    with pytest.raises(InvalidInput):
        invoke(double, "x")


def test_a_word_that_is_not_there_is_said_at_the_user_s_line(tmp_path: Path) -> None:
    file = tmp_path / "app_of_reddis.py"
    file.write_text("import pelton\n\napp = pelton.App('a')\nwhat = pelton.reddis('orders')\n")
    with pytest.raises(CannotLoad, match=rf"imported: {file}:4: .* did you mean redis\?\n"):
        load_app(str(file))
    assert not hasattr(pelton, "quite_another") and not hasattr(pelton, "_sq")
