"""The delay model behind HTTP (score.py), behind HTTP with a log of its decisions, and behind a
queue of departures.  What is here needs boto3, which Lambda has and Nuclio has not."""

from typing import Any

from features import Flight
from score import DATA, NEEDS, Delay, app, graph

import pelton
from pelton import steps


class Log:
    """Writes what was decided into a table; the same decision twice is one row."""

    def load(self) -> None:
        import boto3

        self.table: Any = boto3.client("dynamodb")

    def __call__(self, decision: Delay) -> None:
        item = {"id": {"S": decision.id}, "score": {"N": str(decision.score)}}
        self.table.put_item(TableName="decisions", Item=item)


decide = app.serve(
    pelton.Graph("decide", Flight)
    >> graph
    >> steps.queue("decisions", answers="value")
    >> pelton.step(Log, name="log"),
    memory=512,
    timeout=20,
    requirements=NEEDS,
    include=DATA,
    description="delay, whose decisions go through a queue to a function that logs them",
    triggers=[pelton.http("POST", "/decide")],
)


@app.function(
    memory=512,
    timeout=20,
    requirements=NEEDS,
    include=DATA,
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
