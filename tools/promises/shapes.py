"""What the sources of one shape promise alike: a poller's, what calls asynchronously, a request, a
trigger of Nuclio's own.

A cell is `(words, test)`: the test shows what the words say; "" where nothing is promised.
"""

from __future__ import annotations

Cell = tuple[str, str]

COLUMNS = (
    "acknowledged",
    "order",
    "batches",
    "each for itself",
    "tried again",
    "given up",
    "dead letter",
    "poison",
    "slow consumer",
    "paused",
    "worker killed",
)

_MAPPINGS = "tests/localstack/mappings/"
_ASYNC = "tests/localstack/test_async_events.py::"
_NUCLIO = "tests/localstack/test_nuclio_"
_BRIDGE = "tests/event_sources/test_bridge.py::"
_SHARD_KILL = f"{_MAPPINGS}test_kills.py::test_killed_sandboxes_keep_a_shards_order"


def stream(order: str, each: Cell) -> tuple[Cell, ...]:
    """Kinesis, and the changes of a table: read by one poller."""
    return (
        ("after the call", f"{_MAPPINGS}test_streams.py::test_a_failed_batch_holds_back_its_shard"),
        (order, _SHARD_KILL),
        (
            "size, window",
            "tests/deploy/test_deploy_streams.py::test_plan_deploy_read_and_give_up",
        ),
        each,
        (
            "growing pauses",
            f"{_MAPPINGS}test_shards.py::test_a_failure_is_waited_for_longer_each_time",
        ),
        (
            "retries, or age",
            f"{_MAPPINGS}test_stream_time.py::test_a_record_that_is_too_old",
        ),
        (
            "queue, topic or bucket: where it stands, and why",
            f"{_MAPPINGS}test_streams.py::test_a_batch_is_given_up_to_its_destination",
        ),
        (
            "cut in halves",
            f"{_MAPPINGS}test_streams.py::test_a_batch_is_cut_until_the_bad_record_is_found",
        ),
        (
            "the stream keeps it",
            f"{_MAPPINGS}test_streams.py::test_a_throttled_batch_of_a_stream_waits",
        ),
        (
            "mapping disabled",
            f"{_MAPPINGS}test_streams.py::test_a_disabled_mapping_goes_on_where_it_was",
        ),
        ("comes again", _SHARD_KILL),
    )


def pushed(arrives: str) -> tuple[Cell, ...]:
    """What calls asynchronously: Lambda's own queue of events promises, not the source."""
    return (
        ("taken over by Lambda", arrives),
        ("no", ""),
        ("one a call", arrives),
        ("one a call", arrives),
        (
            "twice, in 1 and 2 minutes",
            f"{_ASYNC}test_a_failing_event_is_tried_after_one_and_two_minutes",
        ),
        ("retries, or age", f"{_ASYNC}test_no_retry_after_the_age"),
        (
            "`Aws(dead_letter=, on_failure=)`; a plan says where none is",
            f"{_ASYNC}test_a_failure_goes_to_the_destination_and_the_dead_letter_queue",
        ),
        ("alone", arrives),
        (
            "waits, up to its age",
            f"{_ASYNC}test_a_throttled_event_waits_until_its_age",
        ),
        ("no", ""),
        ("tried again", "tests/localstack/test_async_kill.py::test_no_event_is_lost_over_a_kill"),
    )


def request(test: str, busy: str) -> tuple[Cell, ...]:
    """Whoever asks is answered, and does the rest."""
    return (
        ("by the answer", test),
        ("no", ""),
        ("no", ""),
        ("one a call", test),
        *((("by who asks", ""),) * 2),
        ("no", ""),
        ("alone", test),
        ("429 or 503", busy),
        ("no", ""),
        ("an answer says so", busy),
    )


def native(test: str, *, order: str, killed: str) -> tuple[Cell, ...]:
    """Nuclio's own trigger of a broker: a plan says what it has not, and that a bridge has."""
    said = f"{_BRIDGE}test_what_a_platform_keeps_less_of_where_it_reads_itself"
    return (
        ("after the call, failed or not", test),
        (order, test if order != "no" else ""),
        ("one a call", test),
        ("one a call", test),
        ("no: a bridge does", said),
        ("at once", said),
        ("no: a bridge has", said),
        ("alone", test),
        (
            "waits for a worker",
            f"{_NUCLIO}pool.py::test_who_waits_longest_is_served_first_or_told",
        ),
        ("no", ""),
        (killed, test if killed != "lost" else ""),
    )
