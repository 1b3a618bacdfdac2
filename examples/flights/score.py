"""Will this departure arrive late?  A three-step graph over a real model."""

from features import Flight, clean
from pydantic import BaseModel

import pelton

app = pelton.App("flights")

NEEDS = ["pydantic", "numpy", "onnxruntime"]
LATE_FROM = 0.5


class Delay(BaseModel):
    score: float
    late: bool
    says: str


def explain(probabilities: list[float]) -> Delay:
    """The model's second probability is the one of arriving more than 15 minutes late."""
    score = round(float(probabilities[1]), 6)
    late = score >= LATE_FROM
    return Delay(score=score, late=late, says=f"{score:.0%} likely to be late")


graph = (
    pelton.Graph("delay", Flight)
    >> clean
    >> pelton.onnx("model.onnx", name="model", outputs=["probabilities"])
    >> explain
)

delay = app.serve(
    graph,
    memory=512,
    timeout=20,
    requirements=NEEDS,
    description="The probability that a departure arrives more than 15 minutes late",
    triggers=[pelton.http("POST", "/delay")],
)
