"""A cron trigger fires on Lambda: EventBridge's own minute is waited for, so it is a slow one."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pelton.pytest_plugin import RunningEmulator

APP = """
import pelton

app = pelton.App("clock")

@app.function(timeout=10, triggers=[pelton.cron(every="1m")])
def tick(event: pelton.Event, context: pelton.Context) -> None:
    print("ticked by", event.trigger, event.body)
"""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_cron_fires_on_lambda(pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    (tmp_path / "clock_app.py").write_text(APP)
    words = ["deploy", "clock_app.py", "--endpoint", pelton_emulator.url]
    subprocess.run(
        [sys.executable, "-m", "pelton", *words, "--nuclio-endpoint", pelton_emulator.nuclio_url],
        cwd=tmp_path,
        check=True,
    )
    logs, end = pelton_emulator.client("logs"), time.monotonic() + 180
    while time.monotonic() < end:
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/tick")["logGroups"]
        lines = [
            event["message"]
            for group in groups
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ]
        if any("ticked by cron" in line for line in lines):
            return
        time.sleep(1)
    raise AssertionError("the rule did not fire within three minutes")
