"""Four ways to the same function: boto3 invoke, function URL, SQS, and Nuclio's HTTP trigger.

Each takes typed flights and gives back `{id: score}` with the seconds each call took; nothing
here knows pelton, only the platforms' own clients.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
from features import Flight


class DemoFailed(Exception):
    """Something is off; the message is the sentence the demo ends with."""


@dataclass
class Answers:
    """What one way gave: a score per flight id, and seconds per call."""

    way: str
    scores: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)


def _each(
    way: str, flights: Iterable[Flight], ask: Callable[[str], float], tick: Callable[[], None]
) -> Answers:
    answers = Answers(way)
    for flight in flights:
        body = flight.model_dump_json()
        started = time.perf_counter()
        answers.scores[flight.id] = ask(body)
        answers.seconds.append(time.perf_counter() - started)
        tick()
    return answers


def by_invoke(client: Any, flights: list[Flight], tick: Callable[[], None]) -> Answers:
    """boto3's `invoke`, one call a flight."""

    def ask(body: str) -> float:
        answer = client.invoke(FunctionName="delay", Payload=body)
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise DemoFailed(f"the Lambda function delay failed: {payload}")
        return float(payload["score"])

    return _each("Lambda: boto3 invoke", flights, ask, tick)


def by_http(way: str, url: str, flights: list[Flight], tick: Callable[[], None]) -> Answers:
    """Plain HTTP POST to a function URL or a Nuclio HTTP trigger, one connection kept alive."""
    with httpx.Client(timeout=30, trust_env=False) as client:

        def ask(body: str) -> float:
            answer = client.post(url, content=body, headers={"content-type": "application/json"})
            if answer.status_code != 200:
                raise DemoFailed(f"{way}: {url} answered {answer.status_code}: {answer.text[:300]}")
            return float(answer.json()["score"])

        return _each(way, flights, ask, tick)


def by_queue(
    sqs: Any, table: Any, queue_url: str, flights: list[Flight], tick: Callable[[], None]
) -> Answers:
    """SQS in batches of ten; the answers are what the consumer wrote to DynamoDB."""
    answers = Answers("Lambda: SQS > DynamoDB")
    started = time.perf_counter()
    for start in range(0, len(flights), 10):
        entries = [
            {"Id": str(number), "MessageBody": flight.model_dump_json()}
            for number, flight in enumerate(flights[start : start + 10])
        ]
        refused = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed")
        if refused:
            raise DemoFailed(f"the queue refused messages: {refused}")
    answers.scores = _rows(table, "scores", len(flights), tick)
    answers.seconds = [(time.perf_counter() - started) / len(flights)]
    return answers


def decided(client: Callable[[str], Any], flights: list[Flight]) -> Answers:
    """`decide` by its function URL; the answers are what the function behind its queue wrote."""
    config = client("lambda").get_function_url_config(FunctionName="decide")
    url = config["FunctionUrl"].rstrip("/") + "/decide"
    answers = by_http("Lambda: decide > queue > log", url, flights, lambda: None)
    answers.scores = _rows(client("dynamodb"), "decisions", len(flights), lambda: None)
    return answers


def _rows(table: Any, name: str, wanted: int, tick: Callable[[], None]) -> dict[str, float]:
    """Every id in a table, once there are `wanted`; a minute without news is a failure."""
    known: dict[str, float] = {}
    news = time.monotonic()
    while len(known) < wanted:
        before = len(known)
        for page in table.get_paginator("scan").paginate(TableName=name):
            known |= {item["id"]["S"]: float(item["score"]["N"]) for item in page["Items"]}
        for _ in range(len(known) - before):
            tick()
        if len(known) > before:
            news = time.monotonic()
        elif time.monotonic() - news > 60:
            raise DemoFailed(f"the consumer of {name} wrote {len(known)} of {wanted}, then none")
        time.sleep(0.25)
    return known


def cold_starts(client: Any, flight: Flight, times: int) -> list[float]:
    """Seconds of the first call after a configuration change, which retires every sandbox."""
    seconds = []
    for number in range(times):
        client.update_function_configuration(FunctionName="delay", Description=f"cold {number}")
        client.get_waiter("function_updated_v2").wait(FunctionName="delay")
        started = time.perf_counter()
        answer = client.invoke(FunctionName="delay", Payload=flight.model_dump_json())
        said = answer["Payload"].read()
        seconds.append(time.perf_counter() - started)
        if "FunctionError" in answer:
            raise DemoFailed(f"the function failed at a cold start: {said.decode()[:300]}")
    return seconds
