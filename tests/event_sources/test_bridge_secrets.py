"""Passwords of triggers that are secrets: looked up where the bridge runs, and nowhere else."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pelton
from pelton import WrongUse
from pelton.bridge.bridge import Way, delivery, secrets_of
from pelton.bridge.secrets import NoSecret, look_up
from pelton.deploy.where import Where
from pelton.handlers.triggers.guarded import Guarded
from pelton.pytest_plugin import RunningEmulator

from ..deploy.commands import run_command
from .bench import until
from .servers.base import running
from .servers.redis import RedisServer

PASSWORD = "0pen-sesame"
SECRET = pelton.secret("shop/cache", field="password")
TOKEN = pelton.secret("token")


class GuardedRedis(RedisServer):
    """Knows ann alone."""

    def arguments(self) -> list[str]:
        ann = ["--user", "ann", "on", f">{PASSWORD}", "~*", "&*", "+@all"]
        return [*super().arguments(), "--user", "default", "off", *ann]


@pytest.fixture(scope="module")
def guarded_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from running(GuardedRedis, tmp_path_factory, "guarded-redis")


def way(url: str) -> Way:
    return Way("order", pelton.redis(url=url, stream="orders", user="ann", password=SECRET))


def mounted(folder: Path) -> str:
    """As Kubernetes mounts the Secret shop-cache."""
    (folder / "shop-cache").mkdir()
    (folder / "shop-cache" / "password").write_text(f"{PASSWORD}\n")
    return str(folder)


def test_a_bridge_comes_in_with_a_secret(guarded_redis: RedisServer, tmp_path: Path) -> None:
    found = way(guarded_redis.url)
    values = secrets_of([found], Where(platforms=("nuclio",)), mounted(tmp_path))
    told: list[str] = []

    async def run() -> None:
        async def call(payload: dict[str, Any]) -> Any:
            return {"batchItemFailures": []}

        made = delivery(found, call, lambda _, status: told.append(str(status)), values)
        async with made:
            await until(lambda: made.status.state == "ready")

    asyncio.run(run())
    assert told == ["ready", "stopped"]
    assert PASSWORD not in repr(found)


def test_references_deep_in_the_settings_are_looked_up(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    (tmp_path / "token" / "value").write_text("abc")
    said = pelton.nats("s", url="nats://h", token=TOKEN).source[1]
    assert look_up([said], Where(), str(tmp_path)) == {TOKEN: "abc"}


def test_what_is_not_mounted_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoSecret, match=r"secret 'shop/cache' .*/shop-cache/password: No such file"):
        secrets_of([way("redis://h")], Where(), str(tmp_path))


def test_nuclios_dashboard_gives_out_no_secrets() -> None:
    where = Where(to="nuclio", platforms=("nuclio",), nuclio_endpoint="http://127.0.0.1:1")
    with pytest.raises(NoSecret, match="give --secrets FOLDER"):
        secrets_of([way("redis://h")], where, "")
    assert secrets_of([Way("f", pelton.redis(url="redis://h", stream="s"))], where, "") == {}


@pytest.mark.slow  # the emulator's own takes seconds to start
def test_an_accounts_secret_and_one_that_it_has_not(pelton_emulator: RunningEmulator) -> None:
    made = pelton_emulator.client("secretsmanager")
    made.create_secret(Name="shop/cache", SecretString=json.dumps({"password": PASSWORD}))
    try:
        where = Where(endpoint=pelton_emulator.url)
        assert secrets_of([way("redis://h")], where, "") == {SECRET: PASSWORD}
        for wrong, said in (
            (pelton.secret("shop/nowhere"), "secret 'shop/nowhere' of secretsmanager cannot be"),
            (pelton.secret("shop/cache", field="no"), "has no field 'no'"),
        ):
            with pytest.raises(NoSecret, match=said) as caught:
                look_up([{"password": wrong}], where, "")
            assert PASSWORD not in str(caught.value)
    finally:
        made.delete_secret(SecretId="shop/cache", ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: pelton.kafka("t", brokers="h:1", **more),
        lambda **more: pelton.mqtt("t", url="mqtt://h", **more),
        lambda **more: pelton.rabbitmq("q", url="amqp://h/", **more),
        lambda **more: pelton.redis(url="redis://h", stream="s", **more),
        lambda **more: pelton.nats("s", url="nats://h", **more),
        lambda **more: pelton.postgres("c", url="postgresql://h/d", **more),
    ],
    ids=["kafka", "mqtt", "rabbitmq", "redis", "nats", "postgres"],
)
def test_every_broker_takes_a_user_a_secret_and_files(make: Any) -> None:
    said = {"user": "ann", "password": SECRET, "ca": "a", "cert": "b", "cert_key": "c"}
    trigger = make(**said)
    assert isinstance(trigger, Guarded) and said.items() <= trigger.access.items()
    settings = trigger.source[1]
    assert said.items() <= {**settings, **settings.get("options", {})}.items()
    if hasattr(trigger, "native"):
        with pytest.raises(WrongUse, match="has native=True and a secret as its password"):
            make(native=True, password=SECRET)


APP = """
import pelton

app = pelton.App("guarded")

@app.function(triggers=[pelton.redis(
    url="{url}", stream="orders", user="ann", attempts=1, dead_letter="dead",
    password=pelton.secret("shop/cache", field="password"))])
def count(n: int) -> int:
    return n
"""


@pytest.mark.slow
def test_from_a_guarded_broker_to_a_function_without_its_password_in_plan_or_state(
    pelton_emulator: RunningEmulator, guarded_redis: RedisServer, tmp_path: Path
) -> None:
    import redis

    (tmp_path / "app.py").write_text(APP.format(url=guarded_redis.url))
    where = ["--on", "lambda", "--endpoint", pelton_emulator.url]
    deployed = run_command(["deploy", "app.py", *where], tmp_path)
    assert deployed.returncode == 0, deployed.stderr
    kept = [each.read_bytes() for each in (tmp_path / ".pelton").rglob("*") if each.is_file()]
    assert kept and not any(PASSWORD.encode() in each for each in kept)
    missing = run_command(["bridge", "app.py", *where], tmp_path)
    assert missing.returncode == 1 and "secret 'shop/cache'" in missing.stderr
    made = pelton_emulator.client("secretsmanager")
    made.create_secret(Name="shop/cache", SecretString=json.dumps({"password": PASSWORD}))
    bridge = subprocess.Popen(
        [sys.executable, "-m", "pelton", "bridge", "app.py", "--json", *where],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with redis.Redis.from_url(guarded_redis.url, username="ann", password=PASSWORD) as client:
        for body in ("1", "word"):
            client.xadd("orders", {"data": body})
        asyncio.run(until(lambda: client.xlen("dead") == 1))
    bridge.send_signal(signal.SIGTERM)
    out, err = bridge.communicate(timeout=60)
    made.delete_secret(SecretId="shop/cache", ForceDeleteWithoutRecovery=True)
    assert bridge.returncode == 0, err
    assert "redis orders > count: 1 done" in err
    assert PASSWORD not in out + err + deployed.stdout + deployed.stderr
