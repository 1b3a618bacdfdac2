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


class Weather(BaseModel):
    """What the airport's station measured in the hour of the departure."""

    temp: float
    wind_speed: float
    precip: float
    visib: float


class Departure(BaseModel):
    """A flight with the weather it leaves in; None where the station was silent."""

    flight: Flight
    weather: Weather | None


def hour_key(flight: Flight) -> str:
    """The station and the hour, as the table of weather has them."""
    return f"{flight.origin}-{flight.month}-{flight.day}-{flight.hour}"


def alone(departure: Departure) -> Flight:
    return departure.flight


def clean_with_weather(departure: Departure) -> list[float]:
    """`clean`, whether the weather is known, and its four numbers (zeros where it is not)."""
    weather = departure.weather
    if weather is None:
        return [*clean(departure.flight), 0.0, 0.0, 0.0, 0.0, 0.0]
    measured = (weather.temp, weather.wind_speed, weather.precip, weather.visib)
    return [*clean(departure.flight), 1.0, *measured]


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
