"""Faults of brokers that keep nothing, of the machine's clock, and of a bridge that is killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pelton.event_sources import Batch, Delivery, Message, Rules, Source
from pelton.event_sources.sources.directory import Directory
from pelton.event_sources.sources.memory import Memory
from pelton.event_sources.sources.nats import Nats
from pelton.event_sources.sources.postgres import Postgres
from pelton.event_sources.sources.redis_pubsub import RedisPubSub
from pelton.event_sources.sources.websocket import WebSocket
from pelton.pytest_plugin import RunningEmulator

from ..deploy.commands import commands_at
from .bench import Bench, Seen, firsts, keyed, numbers, until
from .faults import NOW
from .servers.nats import NatsServer
from .servers.postgres import PostgresServer
from .servers.proxy import Proxy
from .servers.redis import RedisServer
from .servers.websocket import WebSocketServer
from .test_nats import NatsBench
from .test_parity import sink
from .test_postgres import PostgresBench
from .test_redis_pubsub import PubSubBench
from .test_redis_stream import RedisStreamBench
from .test_websocket import WebSocketBench


class PushedFaultTests:
    """Brokers that keep nothing: what is sent while it listens comes, once and in order."""

    def by_port(self, bench: Any, port: int) -> Source:
        raise NotImplementedError

    def port(self, bench: Any) -> int:
        return int(bench.server.port)

    def test_over_cut_connections_nothing_comes_twice_or_out_of_order(self, bench: Bench) -> None:
        async def run() -> None:
            seen = Seen()
            async with Proxy(self.port(bench)) as proxy:
                source = self.by_port(bench, proxy.port)
                rules = Rules(batch=10, workers=3, in_flight=100)
                async with Delivery(source, seen, rules, reconnect=NOW) as delivery:
                    for round in range(4):
                        await until(lambda: delivery.status.state == "ready")
                        some = keyed(1000, 10)[round * 200 : round * 200 + 100]
                        await bench.publish(some)
                        last = {body for _, body in some}
                        await until(lambda sent=last: sent <= set(seen.done))  # type: ignore[misc]
                        proxy.cut()
                        # It hears some of these, or none.
                        await bench.publish(keyed(1000, 10)[round * 200 + 100 : (round + 1) * 200])
                        await until(lambda least=round + 1: delivery.tally.reconnects >= least)  # type: ignore[misc]
            assert len(seen.done) == len(set(seen.done))
            for found in numbers(seen.done).values():
                assert found == sorted(found)

        asyncio.run(run())


class TestNats(PushedFaultTests):
    @pytest.fixture
    def bench(self, nats_server: NatsServer) -> Bench:
        return NatsBench(nats_server)

    def by_port(self, bench: NatsBench, port: int) -> Source:
        return Nats(f"nats://127.0.0.1:{port}", subject=f"{bench.name}.*")


class TestRedisPubSub(PushedFaultTests):
    @pytest.fixture
    def bench(self, redis_server: RedisServer) -> Bench:
        return PubSubBench(redis_server)

    def by_port(self, bench: PubSubBench, port: int) -> Source:
        return RedisPubSub(f"redis://127.0.0.1:{port}/0", channel=f"{bench.name}.*")


@pytest.mark.slow
class TestPostgres(PushedFaultTests):
    @pytest.fixture
    def bench(self, postgres_server: PostgresServer) -> Bench:
        return PostgresBench(postgres_server)

    def by_port(self, bench: PostgresBench, port: int) -> Source:
        url = bench.server.url.replace(str(bench.server.port), str(port))
        return Postgres(url, channel=bench.channel)


class TestWebSocket(PushedFaultTests):
    @pytest.fixture
    def bench(self, websocket_server: WebSocketServer) -> Bench:
        return WebSocketBench(websocket_server, Path())

    def by_port(self, bench: WebSocketBench, port: int) -> Source:
        return WebSocket(f"ws://127.0.0.1:{port}/topic/{bench.name}")


def test_a_slow_consumer_of_a_channel_leaves_what_waits_to_the_server(
    redis_server: RedisServer,
) -> None:
    async def run() -> None:
        bench = PubSubBench(redis_server)
        source = RedisPubSub(redis_server.url, channel=f"{bench.name}.*", buffer=10)
        await source.open()
        await bench.publish([("k", b"%d" % n) for n in range(500)])
        found = list[bytes]()
        while len(found) < 500:
            found += [each.body for each in await source.receive(7, 30)]
            assert len(source._buffer._waiting) <= 10
        assert found == [b"%d" % n for n in range(500)]
        await source.close()

    asyncio.run(run())


def test_what_one_delivery_of_a_memory_leaves_the_next_one_does_in_order() -> None:
    async def run() -> None:
        source, seen = Memory(), Seen()
        for key, body in keyed(300, 6):
            source.put(body, key)
        for share in (100, 200, 300):

            async def handle(batch: Batch) -> None:
                await asyncio.sleep(0)
                await seen(batch)

            async with Delivery(source, handle, Rules(batch=7, workers=3, in_flight=50)):
                await seen.until(lambda seen, most=share: len(seen.done) >= most)  # type: ignore[misc]
        await source.all_done()
        assert numbers(seen.done) == {f"k{n}": list(range(50)) for n in range(6)}

    asyncio.run(run())


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_dead_workers_files_are_claimed_though_the_clock_was_set(
    tmp_path: Path, jump: float
) -> None:
    """It last said that it lives by a clock that was a day ahead, or behind."""

    async def run() -> None:
        (tmp_path / "a").write_bytes(b"1")
        dead = Directory(tmp_path, lease=0.4)
        await dead.open()
        assert len(await dead.receive(1, 5)) == 1
        (folder,) = (tmp_path / ".claimed").iterdir()
        os.utime(folder, (time.time() + jump, time.time() + jump))
        other = Directory(tmp_path, lease=0.4)
        await other.open()
        (message,) = await other.receive(1, 30)
        assert isinstance(message, Message) and (message.body, message.attempt) == (b"1", 2)
        await other.ack([message])
        await other.close()

    asyncio.run(run())


APP = """
import json
import os
import urllib.request

import pelton

app = pelton.App("killed")


@app.function(timeout=30, environment={"SINK": "SINK_URL"}, triggers=[pelton.redis(
    url="REDIS", stream="STREAM", key="key", batch=20)])
def take(order: bytes, context: pelton.Context) -> None:
    said = json.dumps({"body": order.decode()}).encode()
    urllib.request.urlopen(os.environ["SINK"], said, timeout=60).close()
"""


@pytest.mark.slow  # what a killed bridge held is anybody's when its lease is over
@pytest.mark.timeout(300)
def test_a_bridge_that_is_killed_loses_nothing(
    pelton_emulator: RunningEmulator, redis_server: RedisServer, tmp_path: Path
) -> None:
    bench, lines = RedisStreamBench(redis_server), list[dict[str, Any]]()
    asyncio.run(bench.publish(keyed(400, 8)))
    with sink(lines) as url:
        source = APP.replace("SINK_URL", url).replace("REDIS", redis_server.url)
        (tmp_path / "app.py").write_text(source.replace("STREAM", bench.name))
        done = commands_at(pelton_emulator, tmp_path)("deploy", "app.py")
        assert done.returncode == 0, done.stderr
        where = ["--endpoint", pelton_emulator.url]

        def bridge() -> subprocess.Popen[bytes]:
            program = [sys.executable, "-m", "pelton", "bridge", "app.py", *where]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            return subprocess.Popen(program, cwd=tmp_path, **quiet)  # type: ignore[call-overload, no-any-return]

        def told() -> set[str]:
            return {each["body"] for each in list(lines)}

        running = bridge()
        asyncio.run(until(lambda: len(told()) >= 100))
        running.kill()
        running.wait()
        running = bridge()

        async def all_came() -> None:
            async with asyncio.timeout(150):
                while len(told()) < 400:
                    await asyncio.sleep(0.1)

        asyncio.run(all_came())
        running.terminate()
        running.wait(60)
    found = numbers(each["body"].encode() for each in lines)
    assert {key: sorted(firsts(each)) for key, each in found.items()} == {
        f"k{n}": list(range(50)) for n in range(8)
    }
