"""The app: the delay model behind HTTP (score.py), and a consumer of departures from a queue."""

from typing import Any

from features import Flight
from score import NEEDS, app, graph

import pelton


@app.function(
    memory=512,
    timeout=20,
    requirements=NEEDS,
    triggers=[pelton.sqs("departures", batch=10, on_invalid="dead_letter")],
)
def record(flight: Flight, context: pelton.Context) -> None:
    """Score a departure from the queue and keep the answer."""
    answer = graph(flight)
    context.state.scores.put_item(
        TableName="scores", Item={"id": {"S": flight.id}, "score": {"N": str(answer.score)}}
    )


@record.init
def connect(context: pelton.Context) -> None:
    import boto3

    scores: Any = boto3.client("dynamodb")
    context.state.scores = scores
