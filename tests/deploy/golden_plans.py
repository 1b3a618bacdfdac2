"""The golden plans: for each case a plan made of data alone, kept as JSON in `golden/`.

`python tests/deploy/golden_plans.py --write` makes the files anew; the difference is to be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pelton
from pelton import steps
from pelton.builders import Artifact, Report, Target
from pelton.builders.artifacts.image_context import Image as ImageContext
from pelton.builders.nuclio_spec import function_config
from pelton.builders.report import Entry
from pelton.deploy.kinds.api_route import ApiRoute
from pelton.deploy.kinds.base import OURS, Resource
from pelton.deploy.kinds.callee import callee
from pelton.deploy.kinds.code_changes import code_sha256
from pelton.deploy.kinds.function import LambdaFunction
from pelton.deploy.kinds.subscription import Subscription
from pelton.deploy.place import Place, Queue
from pelton.deploy.plan import Plan
from pelton.deploy.planning import make_plan
from pelton.deploy.wants.between import between
from pelton.deploy.wants.common import Built, Releasing
from pelton.deploy.wants.lambda_ import on_lambda
from pelton.deploy.wants.nuclio import on_nuclio

GOLDEN = Path(__file__).parent / "golden"
QUEUES = {
    name: Queue(f"arn:aws:sqs:eu-west-1:111111111111:{name}", 60) for name in ("orders", "returns")
}
PLACE = Place("eu-west-1", "111111111111", role="arn:aws:iam::111111111111:role/app", queues=QUEUES)


def app(*, memory: int = 256, url: bool = True, source: str = "orders") -> pelton.App:
    """An app with every trigger, and a graph with a queue and a stream."""
    found = pelton.App("shop")
    http = [pelton.http("POST", "/price")] if url else []

    @found.function(memory=memory, environment={"LEVEL": "INFO"}, triggers=[*http])
    def price(n: int) -> int:
        return n

    @found.function(timeout=5, triggers=[pelton.sqs(source), pelton.cron(every="1h")])
    def take(order: dict[str, int]) -> None:
        return None

    @found.function(timeout=5, triggers=[pelton.kinesis("clicks", dead_letter="clicks-dead")])
    def count(n: int) -> None:
        return None

    def read(n: int) -> int:
        return n

    def tell(n: int) -> int:
        return n

    found.serve(pelton.Graph("line") >> read >> steps.queue("to-tell") >> tell, timeout=5)
    return found


def told(*, versions: int = 0, vpc: bool = False) -> pelton.App:
    """An app with what pushes to functions, and with all that a function on AWS may have."""
    found = pelton.App("shop")
    waiting = 2 if versions else 0
    network = pelton.Vpc(["subnet-2", "subnet-1"], ["sg-1"]) if vpc else None

    @found.function(
        versions=versions,
        triggers=[
            pelton.s3("inbox", prefix="in/"),
            pelton.sns("news", filter={"kind": ["new"]}),
            pelton.eventbridge(source="shop", bus="own"),
            pelton.cron(every="1h"),
            pelton.cron(schedule="0 6 * * *", timezone="Europe/Berlin"),
            pelton.http("GET", "/hi"),
        ],
        aws=pelton.Aws(
            http="api", retries=0, on_failure="failures", dead_letter="letters", log_days=7,
            vpc=network, provisioned=waiting,
        ),
    )  # fmt: skip
    def hears(event: pelton.Event) -> None:
        return None

    return found


def built(name: str, code: str, *, platform: str = "lambda", big: bool = False) -> Built:
    """An artifact that was never built: of this code, with one requirement."""
    numpy = Entry("numpy 2.0", 30) if code == "2" else Entry("numpy 1.26", 30)
    report = Report((), (numpy, Entry("your code", 3)), 9 + int(code), 33)
    target = Target(platform, "3.12")
    through = big or platform == "nuclio"
    spec = {"spec": {"runtime": "python:3.12", "env": [{"name": "LEVEL", "value": "INFO"}]}}
    artifact = Artifact(
        name,
        target,
        Path(f"{name}.zip"),
        code * 64,
        f"digest-{code}",
        "entry.handler",
        "python3.12",
        report,
        spec if platform == "nuclio" else None,
    )
    bucket = PLACE.bucket if through else ""
    return Built(artifact, "x86_64", f"app.py:{len(name)}", {"app.py": code}, bucket)


def wants(of: pelton.App, code: str = "1", **more: Any) -> list[Resource]:
    functions = list(of.functions.values())
    found = list(between(functions))
    for each in functions:
        found += on_lambda(of.name, each, built(each.name, code, **more), PLACE, Releasing())
    return found


def nuclio(code: str = "1") -> list[Resource]:
    price = app().functions["price"]
    return list(on_nuclio("shop", price, built("price", code, platform="nuclio"), Releasing()))


def nuclio_set(image: str = "", **settings: Any) -> list[Resource]:
    """A function with these settings of Nuclio's, with the configuration that a build makes."""
    found = pelton.App("shop")

    @found.function(
        environment={"DB": pelton.secret("shop/db", field="password")},
        nuclio=pelton.Nuclio(**settings),
    )
    def price(n: int) -> int:
        return n

    function = found.functions["price"]
    it = built("price", "1", platform="nuclio")
    spec = function_config(function, "entry:handler", "python:3.11")
    if image:
        spec["spec"] |= {"image": image, "build": {"codeEntryType": "image"}}
        place = ImageContext(image, (), ("processor",), "python:3.11", "linux/amd64")
        it = replace(it, bucket="", artifact=replace(it.artifact, package="image", image=place))
    it = replace(it, artifact=replace(it.artifact, spec=spec))
    return list(on_nuclio("shop", function, it, Releasing()))


def _set(**settings: Any) -> Plan:
    """From a function that says nothing of these settings to one that does."""
    old = nuclio_set()
    return make_plan("shop", nuclio_set(**settings), live(old), last(old))


def live(wanted: Iterable[Resource]) -> dict[str, Resource]:
    """These as they are right after a deploy."""
    found: dict[str, Resource] = {}
    for each in wanted:
        there = replace(each, app="shop" if each.tagged else OURS)
        if isinstance(there, Subscription):
            there = replace(there, arns={there.function_arn: "arn"})
        if isinstance(there, ApiRoute):
            there = replace(there, callees=(callee(there.arn),))
        if isinstance(there, LambdaFunction):
            code = code_sha256(there.sha256)
            there = replace(there, code_sha256=code, code_tag=code)
        found[there.key] = there
    return found


def last(wanted: Iterable[Resource]) -> dict[str, Mapping[str, Any]]:
    return {each.key: each.remembered() for each in wanted}


def _again(new: list[Resource], **more: Any) -> Plan:
    old = wants(app())
    return make_plan("shop", new, live(old), last(old), **more)


def _told_again(new: list[Resource]) -> Plan:
    old = wants(told())
    return make_plan("shop", new, live(old), last(old))


def _drifted() -> Plan:
    old = wants(app())
    there = live(old)
    price = there["function:price"]
    assert isinstance(price, LambdaFunction)
    there["function:price"] = replace(price, memory=1024, code_sha256="theirs")
    del there["url:price"]
    return make_plan("shop", old, there, last(old))


CASES: Mapping[str, Callable[[], Plan]] = {
    "new": lambda: make_plan("shop", wants(app()), {}),
    "unchanged": lambda: _again(wants(app())),
    "other-code": lambda: _again(wants(app(), "2")),
    "other-settings": lambda: _again(wants(app(memory=512, url=False))),
    "drifted": _drifted,
    "through-s3": lambda: make_plan("shop", wants(app(), big=True), {}),
    "only-one": lambda: _again(wants(app(memory=512)), only=["price"]),
    "all-gone": lambda: _again([]),
    "destroyed": lambda: _again([], destroy=True),
    "other-source": lambda: _again(wants(app(source="returns"))),
    "told-new": lambda: make_plan("shop", wants(told(vpc=True)), {}),
    "told-unchanged": lambda: _told_again(wants(told())),
    "told-with-versions": lambda: _told_again(wants(told(versions=3))),
    "told-into-a-network": lambda: _told_again(wants(told(vpc=True))),
    "told-no-more": lambda: _told_again([]),
    "nuclio-new": lambda: make_plan("shop", nuclio(), {}),
    "nuclio-replicas": lambda: _set(replicas=(0, 4), workers=3),
    "nuclio-resources": lambda: _set(
        requests={"cpu": "250m"}, limits={"cpu": "2", "memory": "1Gi"}
    ),
    "nuclio-gpu": lambda: _set(gpu=2, tolerations=({"key": "gpu", "operator": "Exists"},)),
    "nuclio-node-selector": lambda: _set(
        node_selector={"pool": "gpu", "zone": "a"}, image_pull_secret="registry"
    ),
    "nuclio-image": lambda: make_plan("shop", nuclio_set("registry.example.com/price:1"), {}),
    "nuclio-other-image": lambda: make_plan(
        "shop",
        nuclio_set("registry.example.com/price:2"),
        live(nuclio_set("registry.example.com/price:1")),
        last(nuclio_set("registry.example.com/price:1")),
    ),
    "nuclio-other-code": lambda: make_plan("shop", nuclio("2"), live(nuclio()), last(nuclio())),
}


def text(plan: Plan) -> str:
    return json.dumps(plan.document(), indent=1) + "\n"


if __name__ == "__main__":
    assert sys.argv[1:] == ["--write"], "give --write"
    for name, case in CASES.items():
        (GOLDEN / f"{name}.json").write_text(text(case()))
