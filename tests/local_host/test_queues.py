"""The queue trigger on a real Azurite: delivery, renewed leases, retries, poison."""

import base64
import signal
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from tests.local_host.conftest import Start

APP = """
@app.queue_trigger("message", "%NAME%", "Storage")
def take(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    note(f"{text} {message.dequeue_count}")
    if text.startswith("fail"):
        raise RuntimeError("no")
    if text.startswith("sleep"):
        time.sleep(float(text[5:]))
        note(f"woke {text}")
"""
FAST = {"extensions": {"queues": {"maxPollingInterval": "00:00:00.100", "maxDequeueCount": 2}}}


@pytest.fixture
def queue(storage: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], QueueClient]:
    """A queue of the test's own, which the app reads; with a suffix, one that belongs to it."""
    name = f"q-{uuid4().hex[:12]}"
    monkeypatch.setenv("NAME", name)
    monkeypatch.setenv("AzureWebJobsStorage", storage)

    def client(suffix: str = "") -> QueueClient:
        return QueueClient.from_connection_string(storage, name + suffix)

    return client


def put(queue: QueueClient, *texts: str) -> None:
    for text in texts:
        queue.send_message(base64.b64encode(text.encode()).decode())


def left(queue: QueueClient) -> int | None:
    return queue.get_queue_properties().approximate_message_count


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_messages_reach_the_function_and_leave_the_queue(start: Start, queue: Callable[..., QueueClient]) -> None:
    host = start(APP, FAST)
    eventually(lambda: _exists(queue()))  # the host makes the queue
    put(queue(), "one", "two", "é")
    assert sorted(host.waits_for(lambda notes: len(notes) == 3)) == ["one 1", "two 1", "é 1"]
    eventually(lambda: left(queue()) == 0)


def _exists(queue: QueueClient) -> bool:
    try:
        queue.get_queue_properties()
    except ResourceNotFoundError:
        return False
    return True


def test_a_failing_message_is_tried_again_then_poison(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    put(queue(), "fail")
    host = start(APP, FAST)
    eventually(lambda: _exists(queue("-poison")) and left(queue("-poison")) == 1)
    assert host.notes() == ["fail 1", "fail 2"]
    assert next(iter(queue("-poison").receive_messages())).content == base64.b64encode(b"fail").decode()
    assert left(queue()) == 0
    assert "RuntimeError: no" in host.log.read_text()


def test_a_retry_waits_for_the_visibility_timeout(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    put(queue(), "fail")
    host = start(APP, {"extensions": {"queues": FAST["extensions"]["queues"] | {"visibilityTimeout": "00:00:02"}}})
    host.waits_for(lambda notes: notes == ["fail 1"])
    failed = time.monotonic()
    host.waits_for(lambda notes: notes == ["fail 1", "fail 2"])
    assert 1 < time.monotonic() - failed < 4


def test_what_cannot_be_decoded_is_poison_at_once(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    queue().send_message("{not base64}")
    host = start(APP, FAST)
    eventually(lambda: _exists(queue("-poison")) and left(queue("-poison")) == 1)
    assert next(iter(queue("-poison").receive_messages())).content == "{not base64}"
    assert host.notes() == []


def test_plain_text_where_host_json_says_so(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    queue().send_message("{not base64}")
    start(APP, {"extensions": {"queues": {"messageEncoding": "none"}}}).waits_for(lambda n: n == ["{not base64} 1"])


def test_the_lease_is_renewed_while_the_function_runs(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    put(queue(), "sleep3.5")
    host = start(APP, FAST, LOCAL_QUEUE_VISIBILITY_SECONDS="2")
    assert host.waits_for(lambda notes: "woke sleep3.5" in notes) == ["sleep3.5 1", "woke sleep3.5"]
    eventually(lambda: left(queue()) == 0)


def test_a_killed_hosts_message_comes_back(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    put(queue(), "sleep1")
    host = start(APP, FAST, LOCAL_QUEUE_VISIBILITY_SECONDS="2")
    host.waits_for(lambda notes: notes == ["sleep1 1"])
    host.stop(signal.SIGKILL)
    host = start(APP, FAST, LOCAL_QUEUE_VISIBILITY_SECONDS="2")
    assert host.waits_for(lambda notes: len(notes) == 3) == ["sleep1 1", "sleep1 2", "woke sleep1"]


def test_no_more_than_a_batch_and_its_threshold_at_a_time(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    put(queue(), *["sleep0.5"] * 6)
    small = {"batchSize": 2, "newBatchThreshold": 0, "maxPollingInterval": "00:00:00.100"}
    host = start(APP, {"extensions": {"queues": small}})
    notes = host.waits_for(lambda notes: len(notes) == 12)
    running = [sum(1 if note == "sleep0.5 1" else -1 for note in notes[: i + 1]) for i in range(12)]
    assert max(running) == 2


def test_a_stopping_host_finishes_and_settles_its_message(start: Start, queue: Callable[..., QueueClient]) -> None:
    queue().create_queue()
    put(queue(), "sleep0.5")
    host = start(APP, FAST)
    host.waits_for(lambda notes: notes == ["sleep0.5 1"])
    assert host.stop() == 0
    assert host.notes() == ["sleep0.5 1", "woke sleep0.5"]
    assert left(queue()) == 0
