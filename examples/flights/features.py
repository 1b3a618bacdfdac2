"""What a departure is, and the numbers the model sees: written once, for training and serving."""

from pydantic import BaseModel, Field

CARRIERS = (
    "9E",
    "AA",
    "AS",
    "B6",
    "DL",
    "EV",
    "F9",
    "FL",
    "HA",
    "MQ",
    "OO",
    "UA",
    "US",
    "VX",
    "WN",
    "YV",
)
ORIGINS = ("EWR", "JFK", "LGA")


class Flight(BaseModel):
    """A flight at the moment it leaves the gate."""

    id: str
    month: int = Field(ge=1, le=12)
    day: int = Field(ge=1, le=31)
    hour: int = Field(ge=0, le=23)
    minute: int = Field(ge=0, le=59)
    carrier: str
    origin: str
    distance: float = Field(gt=0)
    dep_delay: float


def clean(flight: Flight) -> list[float]:
    """One row of numbers; an unknown carrier or airport is all zeros, never an error."""
    return [
        float(flight.month),
        flight.hour + flight.minute / 60,
        flight.distance,
        flight.dep_delay,
        *(float(flight.carrier == carrier) for carrier in CARRIERS),
        *(float(flight.origin == origin) for origin in ORIGINS),
    ]
