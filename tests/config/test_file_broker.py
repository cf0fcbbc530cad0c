"""The broker of files: several processes write and read it at once, and each message arrives whole, at one of them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.exceptions import ChannelError

from config import file_broker

HINTS = Queue("cpu", Exchange("cpu"), "cpu")


def connected(folder: Path) -> Connection:
    messages, control = folder / "messages", folder / "control"
    for each in (messages, control):
        each.mkdir(exist_ok=True)
    folders = {"data_folder_in": str(messages), "data_folder_out": str(messages), "control_folder": str(control)}
    return Connection("filesystem://localhost", transport_options=folders)


def test_each_message_reaches_one_of_several_readers_whole(tmp_path: Path) -> None:
    reader = """
        import sys, time
        from kombu.exceptions import ChannelError
        from pathlib import Path
        from config import file_broker
        file_broker.install()
        from tests.config.test_file_broker import HINTS, connected
        with connected(Path(sys.argv[1])) as broker:
            print("ready", flush=True)
            while not (Path(sys.argv[1]) / "enough").exists():
                # A channel each time, as workers that start: it binds the queue anew.
                queue = HINTS(broker.channel())
                queue.declare()
                while (message := queue.get()) is not None:
                    print(message.payload["number"], flush=True)
                    message.ack()
    """
    words = [sys.executable, "-c", textwrap.dedent(reader), str(tmp_path)]
    readers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR) for _ in range(3)]
    try:
        for each in readers:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        with connected(tmp_path) as broker:
            writer = broker.Producer(broker.channel())
            for number in range(600):
                body = {"number": number, "padding": "x" * 4000}
                writer.publish(body, exchange=HINTS.exchange, routing_key="cpu", declare=[HINTS])
        (tmp_path / "enough").touch()
        read = Counter(int(line) for each in readers for line in each.communicate(timeout=60)[0].split())
    finally:
        for each in readers:
            each.kill()
    assert [each.returncode for each in readers] == [0, 0, 0]
    assert read == Counter(range(600))
    assert not list((tmp_path / "messages").iterdir())


def test_a_message_is_nobodys_before_it_is_whole(tmp_path: Path) -> None:
    with connected(tmp_path) as broker:
        channel = broker.channel()
        queue = HINTS(channel)
        queue.declare()
        (tmp_path / "messages/1_a.cpu.msg.new").write_text('{"half')
        assert queue.get() is None


def test_queues_are_bound_once_and_unbound(tmp_path: Path) -> None:
    with connected(tmp_path) as broker:
        channel = broker.channel()
        for name in ("slow", "quick", "slow"):
            # Below what Kombu remembers for the whole process.
            channel._queue_bind("work", name, "", name)
        assert [bound.queue for bound in channel.get_table("work")] == ["quick", "slow"]
        channel._delete("slow", "work", "slow", "")
        assert [bound.queue for bound in channel.get_table("work")] == ["quick"]


def test_a_table_from_which_another_process_took_the_last_queue_is_empty(tmp_path: Path) -> None:
    with connected(tmp_path) as broker:
        channel, _ = bound(broker)
        (tmp_path / "control/cpu.exchange").write_text("[]")
        assert channel.get_table("cpu") == []


def test_a_folder_that_takes_nothing_is_named(tmp_path: Path) -> None:
    with connected(tmp_path) as broker:
        channel = broker.channel()
        assert isinstance(channel, file_broker.Channel)
        channel.data_folder_out = str(tmp_path / "gone")
        with pytest.raises(ChannelError, match="gone does not take a message"):
            channel._put("cpu", {})


def bound(broker: Connection) -> tuple[file_broker.Channel, Queue]:
    """A channel with the queue bound to it in this folder."""
    channel = broker.channel()
    queue = HINTS(channel)
    queue.declare()
    # Below what Kombu remembers for the whole process.
    channel._queue_bind("cpu", "cpu", "", "cpu")
    return channel, queue


def test_who_reads_waits_for_a_folder_that_is_away(tmp_path: Path) -> None:
    with connected(tmp_path) as broker:
        channel, queue = bound(broker)
        broker.Producer(channel).publish({"number": 1}, routing_key="cpu", exchange=HINTS.exchange)
        (tmp_path / "messages").rename(tmp_path / "away")
        assert queue.get() is None
        (tmp_path / "messages").rmdir()  # it had been made again
        (tmp_path / "away").rename(tmp_path / "messages")
        found = queue.get()
        assert found is not None
        assert found.payload == {"number": 1}


def test_a_damaged_message_is_thrown_away_and_the_next_one_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(tmp_path) as broker:
        channel, queue = bound(broker)
        for n, text in enumerate(("", '{"half', "\x00" * 40)):
            (tmp_path / f"messages/{n:020d}_a.cpu.msg").write_text(text)
        broker.Producer(channel).publish({"number": 1}, routing_key="cpu", exchange=HINTS.exchange)
        found = queue.get()
        assert found is not None
        assert found.payload == {"number": 1}
        found.ack()
    assert caplog.text.count("A damaged message was thrown away") == 3
    assert not list((tmp_path / "messages").iterdir())


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_who_has_bound_a_queue_reaches_it_without_its_table(damage: str, tmp_path: Path) -> None:
    with connected(tmp_path) as broker:
        channel, queue = bound(broker)
        table = tmp_path / "control/cpu.exchange"
        if damage == "gone":
            table.unlink()
        else:
            table.write_text("")
        broker.Producer(channel).publish({"number": 1}, routing_key="cpu", exchange=HINTS.exchange)
        assert queue.get() is not None
        channel._queue_bind("cpu", "cpu", "", "cpu")
        assert len(channel.get_table("cpu")) == 1


def test_messages_are_read_in_the_order_in_which_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(tmp_path) as broker:
        channel, queue = bound(broker)
        writer = broker.Producer(channel)
        # The last one after the machine has started again.
        for number, uptime in enumerate((99_999.9, 100_000.1, 12.0)):
            monkeypatch.setattr("time.monotonic", lambda uptime=uptime: uptime)
            writer.publish({"number": number}, routing_key="cpu", exchange=HINTS.exchange)
        read = [queue.get() for _ in range(3)]
    assert [each.payload["number"] for each in read if each is not None] == [0, 1, 2]


def test_what_killed_processes_had_in_hand_is_removed_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(tmp_path) as broker:
        messages, control = tmp_path / "messages", tmp_path / "control"
        for file in (messages / "a.new", messages / "1_a.cpu.msg", messages / "1_b.cpu.msg", control / "b.new"):
            file.write_text("{}")
            os.utime(file, (1_000_000, 1_000_000))
        # It waited for a worker for days, and one has it in hand now.
        (messages / "1_a.cpu.msg").rename(messages / "1_a.cpu.msg.b.taken")
        broker.channel()
        assert len([*messages.iterdir(), *control.glob("*.new")]) == 4
        later = time.time() + 2 * file_broker._LEFT_AFTER
        monkeypatch.setattr(file_broker.time, "time", lambda: later)
        broker.channel()
        assert [file.name for file in messages.iterdir()] == ["1_b.cpu.msg"]
        assert not list(control.glob("*.new"))
