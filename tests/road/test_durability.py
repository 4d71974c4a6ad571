"""What is accepted is carried out: whatever is killed, lost, doubled, late or out of order."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobLeaseClient

from registration.wiring import Wiring
from shared.errors import LeaseBusy, LeaseLost
from shared.settings import POISON_QUEUE
from tests.road.journey import (
    Journey,
    blobs,
    calls,
    data,
    datastore,
    fault,
    outcomes,
    put_message,
    registration,
    run_function,
    verdicts,
    versions,
    work_queue,
)
from tests.support import LocalStack, eventually


def test_a_host_killed_in_the_middle_is_started_again_and_nothing_is_doubled(
    stack: LocalStack, factory: Journey
) -> None:
    keys = [stack.new_workspace() for _ in range(4)]
    body = registration(keys, *[data(f"d{number}") for number in range(10)])
    stack.emulator("PATCH", "settings", {"latency_ms": 150})
    try:
        accepted = factory.accepted(body)
        eventually(lambda: len(calls(stack, keys[0], "PUT")) >= 2)
        stack.kill_host()
    finally:
        stack.emulator("PATCH", "settings", {"latency_ms": 0})
    stack.wait_for_host()
    result = factory.follow(accepted)
    assert result.status_code == 200, result.text
    for key in keys:
        for number in range(10):
            assert len(versions(stack, key, f"d{number}")) == 1
        written = [call["path"] for call in calls(stack, key, "PUT") if call["status"] in {200, 201}]
        assert len(set(written)) == 11


def test_a_poisoned_message_ends_its_workspace_with_424(stack: LocalStack, factory: Journey) -> None:
    good, bad = stack.new_workspace(), stack.new_workspace()
    with fault(stack, bad, status=503, headers={"Retry-After": "30"}, count=1):
        accepted = factory.accepted(registration([good, bad], data("sales")))
        operation = accepted.json()["id"]
        eventually(lambda: factory.http.get(f"/api/operations/{operation}").json()["counts"]["finished"] == 1)
        eventually(lambda: [call for call in calls(stack, bad) if call["status"] == 503])
    put_message(stack, {"operation": operation, "workspace": bad, "attempt": 1}, POISON_QUEUE)
    result = factory.follow(accepted)
    assert result.status_code == 424
    assert outcomes(result.json()) == {bad: "failed", good: "succeeded"}
    assert result.json()["workspaces"][0]["error"]["code"] == "Poisoned"


def test_a_message_delivered_too_often_is_poisoned_by_the_host(stack: LocalStack, factory: Journey) -> None:
    """Undecodable and foreign messages end on the poison queue too, and trouble nobody."""
    work_queue(stack).send_message("no base64 at all!")
    put_message(stack, "not json")
    put_message(stack, {"operation": str(uuid.uuid4()), "workspace": "a/b/c"})
    put_message(stack, {"operation": "../x", "workspace": ["?"], "attempt": "many"})
    key = stack.new_workspace()
    assert outcomes(factory.done(registration([key], data("sales")))) == {key: "succeeded"}
    eventually(lambda: work_queue(stack, POISON_QUEUE).get_queue_properties().approximate_message_count == 0)


def test_an_operation_whose_document_is_damaged_fails_and_says_so(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    with fault(stack, key, status=503, headers={"Retry-After": "11"}, count=1):
        accepted = factory.accepted(registration([key], data("sales")))
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503])
    name = f"operations/{accepted.json()['id']}/operation"
    client = blobs(stack).get_blob_client(name)
    client.upload_blob(b"{", overwrite=True, metadata=client.get_blob_properties().metadata)
    stack.restart_host()  # snapshots are kept in memory
    result = factory.follow(accepted)
    assert result.status_code == 424
    assert result.json()["workspaces"][0]["error"]["code"] == "DocumentDamaged"


def test_an_older_message_that_comes_late_touches_nothing(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    older = registration([key], data("sales", version="1"), name=f"late-{key[-12:]}")
    newer = {**older, "datastores": [{**older["datastores"][0], "filesystem": "gold"}]}
    with fault(stack, key, status=503, headers={"Retry-After": "11"}, count=1):
        first = factory.accepted(older)
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503])
        second = factory.accepted(newer)
        assert factory.follow(second).status_code == 200
    late = factory.follow(first)
    assert (late.status_code, outcomes(late.json())) == (200, {key: "superseded"})
    assert datastore(stack, key)["filesystem"] == "gold"


def test_the_same_key_is_the_same_operation(stack: LocalStack, factory: Journey) -> None:
    key, body = str(uuid.uuid4()), registration([stack.new_workspace()], data("sales", version="new"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Journey(stack).accepted(body, key=key).json()["id"], range(8)))
    assert len(set(answers)) == 1
    factory.follow(factory.accepted(body, key=key))
    again = factory.accepted(body, key=key)
    assert again.json()["id"] == answers[0]
    assert again.json()["status"] == "Succeeded"
    assert again.json()["registration"]["generation"] == 1


def test_the_same_key_with_another_body_is_422(stack: LocalStack, factory: Journey) -> None:
    key, workspace = str(uuid.uuid4()), stack.new_workspace()
    factory.accepted(registration([workspace], data("sales")), key=key)
    refused = factory.send(registration([workspace], data("other")), key=key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "IdempotencyKeyReused")
    other = Journey(stack, "platform-admin").send(registration([workspace], data("own"), name=f"n-{key}"), key=key)
    assert other.status_code == 202, "a key is its caller's own"
    elsewhere = factory.send(registration([workspace], data("third"), name=f"m-{key}"), "/send_data", key=key)
    assert elsewhere.status_code == 202, "and its route's"


def test_the_same_key_after_a_failure_is_a_linked_operation_for_what_failed(
    stack: LocalStack, factory: Journey
) -> None:
    good, bad, key = stack.new_workspace(), stack.new_workspace(), str(uuid.uuid4())
    body = registration([good, bad], data("sales", version="new"))
    with fault(stack, bad, status=400, body={"error": {"code": "UserError", "message": "Not today."}}, count=1):
        first = factory.follow(factory.accepted(body, key=key))
    assert first.status_code == 424
    second = factory.follow(factory.accepted(body, key=key)).json()
    assert second["retryOf"] == first.json()["id"]
    assert outcomes(second) == {bad: "succeeded"}
    assert versions(stack, good, "sales").keys() == versions(stack, bad, "sales").keys()
    third = factory.accepted(body, key=key)
    assert third.json()["id"] == second["id"]


def test_a_failed_operation_can_be_retried_by_its_sender(stack: LocalStack, factory: Journey) -> None:
    good, bad = stack.new_workspace(), stack.new_workspace()
    refusal = {"error": {"code": "UserError", "message": "Not today."}}
    with fault(stack, bad, match="/data/hr", method="PUT", status=400, body=refusal, count=1):
        failed = factory.done(registration([good, bad], data("sales"), data("hr")), 424)
    retried = factory.http.post(f"/api/operations/{failed['id']}/retry")
    assert retried.status_code == 202, retried.text
    result = factory.follow(retried).json()
    assert verdicts(result, bad) == {
        "datastores/silver": "unchanged",
        "data/sales": "unchanged",
        "data/hr": "created",
    }
    assert outcomes(result) == {bad: "succeeded"}
    nothing = factory.http.post(f"/api/operations/{result['id']}/retry")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "NothingFailed")


def test_a_retry_of_a_running_operation_is_409(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    with fault(stack, key, status=503, headers={"Retry-After": "11"}, count=1):
        accepted = factory.accepted(registration([key], data("sales")))
        answer = factory.http.post(f"/api/operations/{accepted.json()['id']}/retry")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "OperationRunning")
    assert factory.follow(accepted).status_code == 200


def test_azures_wish_to_wait_is_obeyed_in_place_when_short(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    with fault(stack, key, match="/datastores/silver", method="PUT", status=429, headers={"Retry-After": "2"}, count=1):
        factory.done(registration([key], data("sales")))
    first, second = [call["at"] for call in calls(stack, key, "PUT") if "/datastores/" in call["path"]]
    assert _seconds(second) - _seconds(first) >= 2


def test_azures_wish_to_wait_is_obeyed_by_a_delayed_copy_when_long(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    with fault(stack, key, match="/data/sales", method="PUT", status=429, headers={"Retry-After": "12"}, count=1):
        result = factory.done(registration([key], data("sales"), data("hr")))
    assert set(verdicts(result, key).values()) == {"created"}, "what was made on the way counts as made"
    first, second = [call["at"] for call in calls(stack, key, "PUT") if "/data/sales" in call["path"]]
    assert _seconds(second) - _seconds(first) >= 11


def test_only_so_often_then_the_workspace_has_failed_with_azures_message(
    stack: LocalStack, parts: Wiring, factory: Journey
) -> None:
    key = stack.new_workspace()
    body = {"error": {"code": "ServerBusy", "message": "Come back another day."}}
    with fault(stack, key, status=503, headers={"Retry-After": "11"}, body=body):
        accepted = factory.accepted(registration([key], data("sales")))
        eventually(lambda: calls(stack, key))
        message = {"operation": accepted.json()["id"], "workspace": key, "attempt": 5}
        parts.worker.process(json.dumps(message).encode())
        result = factory.follow(accepted).json()
        stack.emulator("POST", "reset", {})
    assert result["workspaces"][0]["error"] == {
        "code": "ServerBusy",
        "message": "Come back another day. Tried 5 times.",
    }


def test_the_sweeper_ends_what_has_outlived_its_deadline(stack: LocalStack, parts: Wiring, factory: Journey) -> None:
    key = stack.new_workspace()
    with fault(stack, key, status=503, headers={"Retry-After": "60"}, count=1):
        accepted = factory.accepted(registration([key], data("sales")))
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503])
    name = f"operations/{accepted.json()['id']}/operation"
    client = blobs(stack).get_blob_client(name)
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    operation = json.loads(client.download_blob().readall())
    metadata = {**client.get_blob_properties().metadata, "deadline": past}
    client.upload_blob(json.dumps({**operation, "deadline": past}), overwrite=True, metadata=metadata)
    run_function(stack, "sweep")
    result = factory.follow(accepted)
    assert (result.status_code, outcomes(result.json())) == (424, {key: "expired"})
    listed = factory.http.get("/api/operations", params={"status": "Failed"}).json()["value"]
    [counts] = [it["counts"] for it in listed if it["id"] == accepted.json()["id"]]
    assert counts == {"total": 1, "finished": 1, "expired": 1}


def test_the_sweeper_sends_messages_that_are_missing(stack: LocalStack, parts: Wiring, factory: Journey) -> None:
    """The host died between the second step and the third: nobody was told 202, and nothing is lost."""
    key = stack.new_workspace()
    done = factory.done(registration([key], data("sales")))
    documents, operations = parts.documents, parts.operations
    cut_off = str(uuid.uuid4())
    stored = parts.catalog.get(done["registration"]["name"])
    assert stored is not None
    request = stored.registration
    parts.queue.send = lambda *_: (_ for _ in ()).throw(OSError("cut off"))  # type: ignore[method-assign]
    with pytest.raises(OSError, match="cut off"):
        operations.accept(cut_off, stored.owner, request, lambda _: None)
    assert parts.results.progress(cut_off).status.value == "NotStarted"  # type: ignore[union-attr]
    del parts.queue.send
    parts.sweeper._clock = lambda: datetime.now(UTC) + timedelta(minutes=5)
    parts.sweeper.sweep()
    eventually(lambda: documents.head(f"operations/{cut_off}/completed"))
    assert parts.results.progress(cut_off).status.value == "Succeeded"  # type: ignore[union-attr]
    eventually(lambda: documents.head(f"open/{cut_off}") is None)


def test_the_sweeper_clears_away_what_was_never_accepted(stack: LocalStack, parts: Wiring, factory: Journey) -> None:
    """The host died between the first step and the second; then another request took the name's generation."""
    done = factory.done(registration([stack.new_workspace()], data("sales")))
    stored = parts.catalog.get(done["registration"]["name"])
    assert stored is not None
    lost = str(uuid.uuid4())
    operations = parts.operations
    operations._create(operations._draft(lost, stored.owner, stored.registration, lambda _: None))
    parts.sweeper._clock = lambda: datetime.now(UTC) + timedelta(minutes=5)
    parts.sweeper.sweep()
    assert operations.get(lost) is None
    assert parts.documents.head(f"open/{lost}") is None


def test_a_worker_that_lost_its_lease_writes_no_more(stack: LocalStack, parts: Wiring) -> None:
    name = f"workspaces/{uuid.uuid4()}"
    with parts.documents.leased(name) as lease:
        with pytest.raises(LeaseBusy), parts.documents.leased(name):
            pass
        other = BlobLeaseClient(blobs(stack).get_blob_client(name))
        other.break_lease(0)
        other.acquire(15)
        with pytest.raises(LeaseLost):
            parts.documents.replace(name, {"mine": True}, lease=lease.id)
    found = parts.documents.read(name)
    assert found is not None
    assert found.value == {}


def _seconds(at: object) -> float:
    text = str(at)
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()
