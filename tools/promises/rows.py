"""What the sources that a platform reads by itself promise there: one row a source, by hand.

Each cell that promises something names the test that shows it: `(words, test)`; one that does not
is words alone, with what keeps it instead where there is something.  Brokers that a delivery reads
have their rows from what they say of themselves (`page`).
"""

from __future__ import annotations

from .shapes import Cell, native, pushed, request, stream

_MAPPINGS = "tests/localstack/mappings/"
_SQS = "tests/localstack/test_sqs_delivery.py::"
_NUCLIO = "tests/localstack/test_nuclio_"
_TRIGGERS = "tests/event_sources/test_nuclio_triggers.py::"
_ENGINE = "tests/event_sources/test_engine.py::"
_DELIVERY = "tests/event_sources/test_delivery.py::"
_BRIDGE = "tests/event_sources/test_bridge.py::"
_CRON = "tests/event_sources/test_cron.py::"
_GIVES_UP = f"{_CRON}test_two_deliveries_run_each_tick_once_and_give_up_what_fails"
_ONE_HAS = f"{_CRON}test_of_replicas_one_has_a_tick_and_they_never_overlap"
_SLOWER = f"{_CRON}test_a_handler_slower_than_its_schedule_misses_what_comes_meanwhile"
_DEAD = f"{_CRON}test_the_tick_of_a_dead_replica_is_anothers_when_its_lease_is_over"
_WINDOW = f"{_ENGINE}test_a_window_is_waited_for_unless_the_batch_is_full"
_PAUSES = f"{_DELIVERY}test_a_day_of_retries_passes_by_a_clock_that_is_moved"
_TABLE = "tests/event_sources/test_dynamodb_streams.py::"
_CLICKS = "tests/event_sources/test_kinesis.py::"
_QUEUE = "tests/event_sources/test_sqs.py::"
_MQ = "tests/event_sources/test_amazon_mq.py::"
_URL = "tests/localstack/test_lambda_sources.py::test_a_function_url_answers_as_the_function_says"
_ANSWER = f"{_NUCLIO}functions.py::test_each_end_has_its_answer"
_BUSY = f"{_NUCLIO}processor.py::test_no_worker_is_a_503"
_FULL = "tests/localstack/lambda_/test_admission.py::"
_SOCKET = "tests/localstack/test_websockets.py::"
_PARITY = "tests/event_sources/test_parity.py::test_both_platforms_answer_the_same"

ROWS: dict[str, tuple[Cell, ...]] = {
    "`source`, your own (delivery)": (
        ("after the work", f"{_ENGINE}test_nothing_is_acknowledged_before_it_is_done"),
        ("its lanes", f"{_ENGINE}test_a_lane_waits_for_its_batch_and_others_do_not"),
        ("size, window", f"{_DELIVERY}test_a_window_ends_by_the_clock"),
        ("yes", f"{_ENGINE}test_without_order_only_the_failed_one_comes_again"),
        ("growing pauses", _PAUSES),
        ("attempts, or age", f"{_ENGINE}test_what_is_too_old_is_given_up_before_it_is_handed_out"),
        (
            "file, call, or its `bury`",
            f"{_DELIVERY}test_dead_letters_in_a_file_are_whole_lines_with_all_that_is_known",
        ),
        (
            "halved until alone",
            f"{_ENGINE}test_a_batch_that_fails_as_a_whole_is_halved_until_its_poison_is_alone",
        ),
        ("holds `in_flight`", f"{_ENGINE}test_room_is_what_may_still_be_held"),
        ("yes", f"{_BRIDGE}test_a_source_of_ones_own_runs_a_function"),
        ("as its class keeps it", ""),
    ),
    "`sqs` (Lambda)": (
        ("after the call", f"{_SQS}test_a_failed_message_comes_again"),
        (
            "group of a FIFO queue",
            f"{_MAPPINGS}test_fifo_order.py::test_every_message_is_done_in_its_groups_order",
        ),
        ("size, window", f"{_MAPPINGS}test_queues.py::test_a_batching_window"),
        ("yes", "tests/runtime/test_adapters.py::test_records_are_answered_one_by_one"),
        ("at its visibility timeout", f"{_SQS}test_a_failed_message_comes_again"),
        (
            "the queue's receives, or retention",
            f"{_SQS}test_after_its_receives_a_message_is_a_dead_letter",
        ),
        (
            "the queue's own, or with its reason the trigger's",
            f"{_SQS}test_a_typed_consumer_sends_misfits_to_its_dead_letters",
        ),
        (
            "alone; holds up its group",
            f"{_MAPPINGS}test_queues.py::test_a_failure_blocks_its_group_only",
        ),
        (
            "concurrency has a bound",
            f"{_MAPPINGS}test_queues.py::test_the_concurrency_of_a_mapping_is_bounded",
        ),
        ("mapping disabled", f"{_MAPPINGS}test_queues.py::test_a_disabled_mapping"),
        ("comes again", f"{_MAPPINGS}test_kills.py::test_killed_sandboxes_lose_no_message"),
    ),
    "`kinesis` (Lambda)": stream(
        "shard",
        (
            "up to the first failure",
            "tests/runtime/test_shards.py::test_the_first_failure_ends_the_batch",
        ),
    ),
    "`dynamodb` (Lambda)": stream(
        "item",
        (
            "up to the first failure",
            "tests/runtime/test_changes.py::"
            "test_a_change_comes_typed_and_the_first_failure_ends_the_batch",
        ),
    ),
    "`sqs` (bridge)": (
        (
            "after the call",
            f"{_QUEUE}test_messages_are_lambdas_records_and_are_deleted_when_they_are_done",
        ),
        ("group of a FIFO queue", f"{_QUEUE}test_a_group_keeps_its_order_over_what_is_given_back"),
        ("size, window", _WINDOW),
        ("yes", f"{_QUEUE}test_both_platforms_are_told_the_same"),
        ("growing pauses", f"{_QUEUE}test_leases_begin_anew_and_pauses_grow"),
        (
            "the queue's receives, else ten tries where there is a dead letter",
            f"{_QUEUE}test_a_queue_with_a_redrive_policy_gives_up_by_itself",
        ),
        (
            "the queue's own, or with its reason the trigger's",
            f"{_QUEUE}test_without_one_what_never_works_is_a_dead_letter_of_ours",
        ),
        (
            "alone; holds up its group",
            f"{_QUEUE}test_a_group_keeps_its_order_over_what_is_given_back",
        ),
        ("holds `in_flight`", f"{_ENGINE}test_room_is_what_may_still_be_held"),
        ("no", ""),
        (
            "comes again, counted",
            f"{_QUEUE}test_a_bridge_that_is_killed_in_the_middle_of_a_batch_loses_nothing",
        ),
    ),
    "`kinesis` (bridge)": (
        (
            "after the call",
            f"{_CLICKS}test_a_bridge_that_is_killed_in_the_middle_of_a_batch_loses_nothing",
        ),
        ("shard", f"{_CLICKS}test_a_shard_in_its_order_and_poison_to_a_queue"),
        ("size, window", _WINDOW),
        ("yes", f"{_CLICKS}test_both_platforms_are_told_the_same"),
        ("growing pauses", _PAUSES),
        ("retries", f"{_CLICKS}test_a_plan_for_nuclio_names_the_bridge"),
        (
            "SQS queue, with reason and metadata",
            f"{_CLICKS}test_a_shard_in_its_order_and_poison_to_a_queue",
        ),
        (
            "holds up its shard, and its shard's children",
            f"{_CLICKS}test_a_shard_in_its_order_and_poison_to_a_queue",
        ),
        (
            "the stream keeps it",
            f"{_CLICKS}test_latest_begins_now_and_loses_nothing_while_nobody_reads",
        ),
        ("no", ""),
        (
            "comes again",
            f"{_CLICKS}test_a_bridge_that_is_killed_in_the_middle_of_a_batch_loses_nothing",
        ),
    ),
    "`dynamodb` (bridge)": (
        ("after the call", f"{_TABLE}test_a_bridge_that_is_killed_in_the_middle_loses_nothing"),
        ("item", f"{_TABLE}test_each_item_in_its_order_and_poison_to_a_queue"),
        ("size, window", _WINDOW),
        ("yes", f"{_TABLE}test_each_item_in_its_order_and_poison_to_a_queue"),
        ("growing pauses", _PAUSES),
        ("retries", f"{_TABLE}test_a_plan_for_nuclio_names_the_bridge"),
        (
            "SQS queue, with reason and metadata",
            f"{_TABLE}test_each_item_in_its_order_and_poison_to_a_queue",
        ),
        (
            "holds up its item, and its shard's children",
            f"{_TABLE}test_a_poisoned_parent_holds_its_children_up",
        ),
        (
            "the stream keeps it",
            f"{_TABLE}test_latest_begins_now_and_loses_nothing_while_nobody_reads",
        ),
        ("no", ""),
        ("comes again", f"{_TABLE}test_a_bridge_that_is_killed_in_the_middle_loses_nothing"),
    ),
    "`rabbitmq`, `broker=` (Lambda)": (
        ("after the call", f"{_MQ}test_a_batch_in_lambdas_own_form"),
        (
            "queue, one batch at a time",
            f"{_MQ}test_a_batch_that_fails_is_the_queues_again_as_a_whole",
        ),
        ("size, window", f"{_MQ}test_a_batch_that_fails_is_the_queues_again_as_a_whole"),
        ("no: the batch as a whole", f"{_MQ}test_nothing_behind_a_message_that_failed_is_begun"),
        ("growing pauses", f"{_MQ}test_a_batch_that_fails_is_the_queues_again_as_a_whole"),
        ("the queue's delivery limit", f"{_MQ}test_what_never_works_ends_where_the_queue_says"),
        ("the queue's own", f"{_MQ}test_what_never_works_ends_where_the_queue_says"),
        ("fails its batch", f"{_MQ}test_nothing_behind_a_message_that_failed_is_begun"),
        ("the queue keeps it", f"{_MQ}test_a_mapping_that_is_deleted_leaves_the_rest_to_the_queue"),
        ("mapping disabled", f"{_MQ}test_a_mapping_that_is_deleted_leaves_the_rest_to_the_queue"),
        ("comes again", f"{_MQ}test_a_broker_that_is_killed_and_wrong_credentials"),
    ),
    "`s3` (Lambda)": pushed("tests/localstack/test_pushes.py::test_s3_pushes_to_a_function"),
    "`sns` (Lambda)": pushed("tests/localstack/test_pushes.py::test_sns_pushes_to_a_function"),
    "`eventbridge` (Lambda)": pushed(
        "tests/localstack/test_pushes.py::test_eventbridge_pushes_to_a_function"
    ),
    "`cron` (Lambda)": pushed(
        "tests/deploy/test_deploy_pushed.py::test_everything_that_pushes_arrives"
    ),
    "`cron` (Nuclio)": (
        ("at the tick", _PARITY),
        ("no", ""),
        ("no", ""),
        ("no", ""),
        (
            "no: with `store=` a bridge does",
            _GIVES_UP,
        ),
        ("at once", _PARITY),
        ("no", ""),
        ("alone", _PARITY),
        (
            "a tick is missed",
            _SLOWER,
        ),
        ("no", ""),
        (
            "no: with `store=` a bridge's comes again",
            _DEAD,
        ),
    ),
    "`cron`, `store=` (bridge)": (
        ("after the call", _GIVES_UP),
        (
            "schedule, over all workers",
            _ONE_HAS,
        ),
        ("one a call", _ONE_HAS),
        ("one a call", _ONE_HAS),
        ("twice", _GIVES_UP),
        ("after three", _GIVES_UP),
        ("no: it is logged", ""),
        ("alone", _GIVES_UP),
        (
            "misses ticks: `missed=`",
            _SLOWER,
        ),
        ("no", ""),
        (
            "another has it after its lease",
            _DEAD,
        ),
    ),
    "`http`, `cloudevents` (Lambda)": request(
        _URL, _FULL + "test_no_call_runs_beyond_its_limit_and_none_waits_below_it"
    ),
    "`websocket_api` (Lambda)": request(_SOCKET + "test_events", _SOCKET + "test_errors"),
    "`http`, `cloudevents` (Nuclio)": request(_ANSWER, _BUSY),
    "`nats` (Nuclio's own)": native(_TRIGGERS + "test_nats", order="no", killed="lost"),
    "`natsjetstream` (Nuclio's own)": native(
        _TRIGGERS + "test_jetstream", order="no", killed="comes again"
    ),
    "`kafka`, `native=True` (Nuclio's own)": native(
        _TRIGGERS + "test_kafka", order="partition", killed="comes again"
    ),
    "`mqtt`, `native=True` (Nuclio's own)": native(
        _TRIGGERS + "test_mqtt", order="one after the other", killed="lost"
    ),
    "`rabbitmq`, `native=True` (Nuclio's own)": native(
        _TRIGGERS + "test_rabbitmq", order="no", killed="comes again"
    ),
}
