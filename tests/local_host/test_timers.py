"""The timer trigger on a real Azurite: ticks, missed ticks, the status, one host at a time, the admin endpoint."""

import contextlib
import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

from local.host import ncrontab
from tests.local_host.conftest import Host, Start
from tests.local_host.recorded import exchange

APP = """
@app.timer_trigger("timer", "%SCHEDULE%", run_on_startup={startup})
def tick(timer: func.TimerRequest) -> None:
    note(f"tick {{timer.past_due}}")
    time.sleep({takes})
    note("done")

@app.queue_trigger("message", "timers-test", "")
def take(message: func.QueueMessage) -> None:
    note(message.get_body().decode())
"""
NIGHTLY = "0 0 2 * * *"


@pytest.fixture
def status(storage: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """The status of the test's timer, None before there is one."""
    monkeypatch.setenv("AzureWebJobsStorage", storage)
    monkeypatch.setenv("SCHEDULE", NIGHTLY)
    container = ContainerClient.from_connection_string(storage, "azure-webjobs-hosts")
    if container.exists():
        container.delete_container()

    def read() -> Any:
        names = [name for name in container.list_blob_names() if name.endswith("/tick/status")]
        return (container.get_blob_client(names[0]), json.loads(container.download_blob(names[0]).readall()))

    return read


def run_until(host: Host, *notes: str) -> None:
    host.waits_for(lambda found: found == list(notes))
    assert host.stop() == 0


def test_missed_ticks_become_one_past_due_run(start: Start, status: Callable[[], Any]) -> None:
    run_until(start(APP.format(startup=True, takes=0)), "tick False", "done")
    blob, written = status()
    following = ncrontab.parse(NIGHTLY).next(datetime.now(UTC))
    assert following
    assert written["Next"] == following.isoformat()
    assert datetime.now(UTC) - datetime.fromisoformat(written["Last"]) < timedelta(seconds=20)

    past = datetime.now(UTC) - timedelta(days=3)
    missed = ncrontab.parse(NIGHTLY).next(past)
    assert missed
    blob.upload_blob(json.dumps({"LastUpdated": past.isoformat(), "Next": missed.isoformat()}), overwrite=True)
    run_until(start(APP.format(startup=False, takes=0)), "tick False", "done", "tick True", "done")
    assert status()[1]["Next"] == following.isoformat()


def test_a_crash_in_a_run_repeats_it_and_a_changed_schedule_has_missed_nothing(
    start: Start, status: Callable[[], Any], storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_until(start(APP.format(startup=True, takes=0)), "tick False", "done")
    past = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    missed = ncrontab.parse(NIGHTLY).next(datetime.fromisoformat(past))
    assert missed
    blob = status()[0]
    blob.upload_blob(json.dumps({"LastUpdated": past, "Next": missed.isoformat()}), overwrite=True)
    host = start(APP.format(startup=False, takes=9))
    host.waits_for(lambda notes: notes[-1] == "tick True")
    host.stop(signal.SIGKILL)
    assert status()[1]["LastUpdated"] == past
    for schedule, past_due in ((NIGHTLY, True), ("0 0 3 * * *", False)):
        monkeypatch.setenv("SCHEDULE", schedule)
        lock = blob.container_name, f"locks/{blob.blob_name.split('/')[1]}/host"
        with contextlib.suppress(HttpResponseError):  # or wait for 15 seconds until the dead host's lease ends
            BlobLeaseClient(BlobClient.from_connection_string(storage, *lock)).break_lease(0)
        seen = host.notes()
        run_until(start(APP.format(startup=True, takes=0)), *seen, f"tick {past_due}", "done")
        blob.upload_blob(json.dumps({"LastUpdated": past, "Next": missed.isoformat()}), overwrite=True)


def test_ticks_never_overlap_and_only_one_host_ticks(start: Start, status: Callable[[], Any]) -> None:
    app = APP.format(startup=False, takes=1.2)
    first, second = (start(app, SCHEDULE="* * * * * *") for _ in range(2))
    notes = first.waits_for(lambda notes: notes.count("done") == 3)
    assert notes[:6] == ["tick False", "done"] * 3
    logs = first.log.read_text()
    assert first.stop() == 0
    second.waits_for(lambda found: len(found) > len(notes) + 1)
    assert logs.count("tick succeeded") == 3


def test_the_admin_endpoint_starts_functions_in_the_background(start: Start, status: Callable[[], Any]) -> None:
    host = start(APP.format(startup=False, takes=0))

    def post(name: str, body: str) -> int:
        head = f"POST /admin/functions/{name} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n"
        return exchange(host.port, (head + body).encode())[0]

    assert post("Tick", '{"input": ""}') == 202
    host.waits_for(lambda notes: notes == ["tick False", "done"])
    assert post("take", '{"input": "hello"}') == 202
    host.waits_for(lambda notes: notes[2:] == ["hello"])
    assert post("nobody", '{"input": ""}') == 404
    assert [post("tick", body) for body in ("", "[]", "{")] == [400, 400, 400]
    assert exchange(host.port, b"GET /admin/functions/tick HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 404
    assert exchange(host.port, b"GET /admin/host/status HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 200
