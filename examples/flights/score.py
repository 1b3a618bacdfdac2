"""Will this departure arrive late?  Two real models, a challenger in their shadow, the weather."""

from calendar import monthrange
from typing import Any, TypedDict

from features import Departure, Flight, alone, clean, clean_with_weather, hour_key
from pydantic import BaseModel
from weather import FILE, Station, in_words, with_weather

import pelton
from pelton import steps

app = pelton.App("flights")

NEEDS = ["pydantic", "numpy", "onnxruntime"]
DATA = [FILE]
LATE_FROM = 0.5
YEAR = 2013


class Delay(BaseModel):
    id: str
    score: float
    late: bool
    says: str


class Known(TypedDict):
    id: str
    probabilities: list[float]
    weather: str | pelton.Failure


def validate(flight: Flight) -> Flight:
    """What no field can say alone: the month must have such a day."""
    if flight.day > monthrange(YEAR, flight.month)[1]:
        fault = {"path": ["day"], "message": f"month {flight.month} has no day {flight.day}"}
        raise pelton.InvalidInput([fault | {"type": "no_such_day"}])
    return flight


def flight_id(departure: Departure) -> str:
    return departure.flight.id


def explain(known: Known) -> Delay:
    """The second probability is the one of arriving more than 15 minutes late."""
    score = round(float(known["probabilities"][1]), 6)
    late = score >= LATE_FROM
    weather = known["weather"]
    sky = f" ({weather})" if isinstance(weather, str) else ", weather unknown"
    return Delay(id=known["id"], score=score, late=late, says=f"{score:.0%} likely to be late{sky}")


def model(file: str) -> Any:
    return pelton.onnx(
        f"{file}.onnx", name=file, outputs=["probabilities"], output_type=list[float]
    )


both = pelton.ensemble(
    pelton.step(alone) >> clean >> model("model"),
    pelton.step(clean_with_weather) >> model("weather"),
    combine="mean",
    of="probabilities",
    name="both",
)
challenger = pelton.step(clean_with_weather) >> model("challenger")

graph = (
    pelton.Graph("delay", Flight)
    >> validate
    >> steps.join(Station, by=hour_key, combine=with_weather, missing="none", name="enrich")
    >> pelton.parallel(
        probabilities=steps.shadow(both, challenger, tolerance=0.1, name="models"),
        weather=steps.optional(in_words),
        id=flight_id,
        name="know",
    )
    >> explain
)

delay = app.serve(
    graph,
    memory=512,
    timeout=20,
    requirements=NEEDS,
    include=DATA,
    description="The probability that a departure arrives more than 15 minutes late",
    triggers=[pelton.http("POST", "/delay")],
)
