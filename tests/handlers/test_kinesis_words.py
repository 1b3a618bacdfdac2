"""What `pelton.kinesis` takes, and what it refuses with a sentence."""

import pytest

import pelton
from pelton import App, WrongUse


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stream": ""}, "needs a stream's name"),
        ({"batch": 0}, "kinesis batch=0 is outside 1 to 10000"),
        ({"window": 301}, "kinesis window=301 is outside 0 to 300 seconds"),
        ({"retries": -2}, "kinesis retries=-2 is outside -1 to 10000"),
        ({"start": "latest"}, "kinesis start='latest' is unknown; use one of LATEST, TRIM_HORIZON"),
        ({"on_invalid": "skip"}, "use one of retry, dead_letter, drop"),
        ({"dead_letter": "dead.fifo"}, "no name of a standard SQS queue"),
        ({"dead_letter": "https://sqs/dead"}, "no name of a standard SQS queue"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(given: dict[str, object], words: str) -> None:
    with pytest.raises(WrongUse) as caught:
        pelton.kinesis(**{"stream": "clicks", **given})  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert caught.value.file == __file__


def test_one_stream_brings_its_records_once() -> None:
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"

    def take(n: int) -> None: ...

    with pytest.raises(WrongUse, match="is the same source"):
        App("web").function(triggers=[pelton.kinesis("clicks"), pelton.kinesis(arn)])(take)
