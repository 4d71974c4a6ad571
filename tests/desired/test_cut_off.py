"""Runs that are cut off, canceled, too late, or that meet each other: nothing is lost, nothing taken for foreign."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from registration.records.catalog import tombstone
from registration.records.inventory import read_state
from registration.records.results import open_blob
from registration.wiring import Wiring
from shared.errors import Temporary
from shared.transport import Transport
from tests.desired.nights import actions, by_hand, night, operations
from tests.road.journey import Journey, blobs, calls, data, fault, outcomes, registration, run_function, versions
from tests.support import LocalStack, eventually

pytestmark = pytest.mark.usefixtures("alone")

PRUNES = {"prune": "archive", "allow_empty": True}
MANY = 10


def many(*keys: str, **fields: Any) -> dict[str, Any]:
    return registration(keys, *[data(f"d{number}", version="1") for number in range(MANY)], **fields)


def begun(journey: Journey, before: set[str], count: int = 1) -> list[str]:
    """The ids of the reconciliations that have begun since, as soon as there are so many."""

    def new() -> list[str]:
        found = [it["id"] for it in operations(journey) if it["id"] not in before]
        return found if len(found) >= count else []

    return eventually(new)


def ended(journey: Journey, operation: str) -> dict[str, Any]:
    address = f"/api/operations/{operation}/result"
    eventually(lambda: journey.http.get(address).status_code != 202, seconds=90)
    return dict(journey.http.get(address).json())


def all_is_ours(stack: LocalStack, parts: Wiring, key: str) -> None:
    inventory = read_state(parts.documents, key).inventory
    assert set(inventory.assets) == {"datastores/silver", *(f"data/d{number}/1" for number in range(MANY))}
    assert all(applied.made for applied in inventory.assets.values())
    assert inventory.intents == {}


def all_is_pruned(stack: LocalStack, journey: Journey, name: str, *keys: str) -> None:
    """A deletion takes along what this service made, and nothing else."""
    answer = journey.http.delete(f"/api/registrations/{name}")
    assert journey.follow(answer).status_code == 200
    for key in keys:
        assert stack.arm("GET", f"{key}/datastores/silver").status_code == 404
        assert all(versions(stack, key, f"d{number}")["1"]["isArchived"] for number in range(MANY))


@pytest.mark.parametrize("writes", [1, 4, 9])
def test_a_registration_killed_in_the_middle_owns_what_it_made(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str, writes: int
) -> None:
    key = stack.new_workspace()
    stack.emulator("PATCH", "settings", {"latency_ms": 150})
    try:
        accepted = factory.accepted(many(key, name=name, sync=PRUNES))
        eventually(lambda: len(calls(stack, key, "PUT")) >= writes)
        stack.kill_host()
    finally:
        stack.emulator("PATCH", "settings", {"latency_ms": 0})
    stack.wait_for_host()
    assert factory.follow(accepted).status_code == 200
    all_is_ours(stack, parts, key)
    all_is_pruned(stack, factory, name, key)


def test_a_night_killed_in_the_middle_owns_what_it_made(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    team = uuid.uuid4().hex
    selector = {"subscription_id": stack.new_workspace()[:36], "tags": {"team": team}}
    factory.done({**many(name=name, sync=PRUNES), "workspaces": [{"selector": selector}]})
    one, two = stack.new_workspace(tags={"team": team}), stack.new_workspace(tags={"team": team})
    admin = Journey(stack, "platform-admin")
    before = {it["id"] for it in operations(admin)}
    stack.emulator("PATCH", "settings", {"latency_ms": 150})
    try:
        run_function(stack, "nightly")
        eventually(lambda: len(calls(stack, one, "PUT")) >= 3)
        stack.kill_host()
    finally:
        stack.emulator("PATCH", "settings", {"latency_ms": 0})
    stack.wait_for_host()
    [operation] = begun(admin, before)
    result = ended(admin, operation)
    assert (result["status"], set(outcomes(result))) == ("Succeeded", {one, two})
    for key in (one, two):
        all_is_ours(stack, parts, key)
        assert len([call for call in calls(stack, key, "PUT") if call["status"] == 201]) >= MANY
    assert set(outcomes(night(stack)).values()) == {"unchanged"}
    all_is_pruned(stack, factory, name, one, two)


def test_a_deletion_killed_in_the_middle_is_carried_through(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    factory.done(many(key, name=name, sync=PRUNES))
    written = len(calls(stack, key, "PUT"))
    stack.emulator("PATCH", "settings", {"latency_ms": 150})
    try:
        answer = factory.http.delete(f"/api/registrations/{name}")
        eventually(lambda: len(calls(stack, key, "PUT")) >= written + 3)
        stack.kill_host()
    finally:
        stack.emulator("PATCH", "settings", {"latency_ms": 0})
    stack.wait_for_host()
    assert factory.follow(answer).status_code == 200
    assert all(versions(stack, key, f"d{number}")["1"]["isArchived"] for number in range(MANY))
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 404
    assert parts.catalog.get(name) is None
    assert read_state(parts.documents, key).inventory.assets == {}


def test_nights_that_overlap_do_no_harm(stack: LocalStack, parts: Wiring, factory: Journey, name: str) -> None:
    one, two = stack.new_workspace(), stack.new_workspace()
    factory.done(many(one, two, name=name, sync=PRUNES))
    for key in (one, two):
        assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
        by_hand(stack, key, "data/d3/versions/1", isArchived=True)
    stack.emulator("POST", "reset", {})
    admin = Journey(stack, "platform-admin")
    before = {it["id"] for it in operations(admin)}
    stack.emulator("PATCH", "settings", {"latency_ms": 100})
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: run_function(stack, "nightly"), range(2)))
        eventually(lambda: calls(stack, one))
        accepted = factory.accepted(registration([one], data("new", version="1"), name=f"{name}-b"))
        nights = [ended(admin, it) for it in begun(admin, before, 2)]
        assert factory.follow(accepted).status_code == 200
    finally:
        stack.emulator("PATCH", "settings", {"latency_ms": 0})
    assert [result["status"] for result in nights] == ["Succeeded", "Succeeded"]
    for key in (one, two):
        healed = [actions(result, key) for result in nights]
        found = {asset: action for changed in healed for asset, action in changed.items()}
        assert {"datastores/silver": "create", "data/d3/1": "update"}.items() <= found.items()
        paths = [call["path"] for call in calls(stack, key, "PUT")]
        assert len(paths) == len(set(paths)), "each is written once"
    assert set(outcomes(night(stack)).values()) == {"unchanged"}
    assert all(it.made for it in read_state(parts.documents, two).inventory.assets.values())


@pytest.mark.parametrize("after", range(8))
def test_storage_that_goes_away_under_the_timer_leaves_the_next_run_clean(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """It takes so many writes before it is gone. The operation that was begun is carried on, or cleared away."""
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    parts.catalog.current(0.0)
    send, written = Transport._once, 0

    def failing(self: Transport, request: Any, *rest: Any) -> Any:
        nonlocal written
        if request.method in {"PUT", "POST", "DELETE"}:
            written += 1
        if written > after:
            raise ServiceRequestError("the network is gone")
        return send(self, request, *rest)

    monkeypatch.setattr(Transport, "_once", failing)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(Temporary) if after < 3 else suppress(Temporary):
        parts.reconciliation.nightly()
    monkeypatch.undo()
    result = night(stack)
    assert result["status"] == "Succeeded"
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 200
    parts.sweeper._clock = lambda: datetime.now(UTC) + timedelta(minutes=5)
    parts.sweeper.sweep()
    eventually(lambda: not list(blobs(stack).list_blob_names(name_starts_with="open/")))


def test_a_reconciliation_is_canceled_by_its_sender_alone(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    stack.emulator("POST", "reset", {})
    with fault(stack, key, status=503, headers={"Retry-After": "60"}, count=1):
        accepted = factory.http.post("/api/reconcile", json={})
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503])
    address = f"/api/operations/{accepted.json()['id']}/cancel"
    assert Journey(stack, "platform-admin").http.post(address).status_code == 404
    assert factory.http.post(address).status_code == 202
    result = factory.follow(accepted)
    assert (result.status_code, result.json()["status"], outcomes(result.json())) == (
        424,
        "Canceled",
        {key: "canceled"},
    )
    assert calls(stack, key, "PUT") == []
    assert actions(night(stack), key) == {"datastores/silver": "create"}


def waiting(stack: LocalStack, factory: Journey, name: str) -> Any:
    """An accepted registration whose workspaces cannot be found out for a minute."""
    subscription = stack.new_workspace()[:36]
    listing = {"match": f"/subscriptions/{subscription}/providers/[^/]*/workspaces", "status": 503, "count": 1}
    stack.emulator("POST", "faults", {**listing, "headers": {"Retry-After": "60"}})
    selector = {"subscription_id": subscription, "tags": {"team": uuid.uuid4().hex}}
    body = {**registration([], data("sales", version="1"), name=name), "workspaces": [{"selector": selector}]}
    accepted = factory.accepted(body)
    eventually(lambda: [call for call in stack.emulator("GET", "requests") if call["status"] == 503])
    stack.emulator("POST", "reset", {})
    return accepted


def test_what_is_canceled_before_its_workspaces_are_found_finds_none(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    accepted = waiting(stack, factory, name)
    assert factory.http.post(f"/api/operations/{accepted.json()['id']}/cancel").status_code == 202
    result = factory.follow(accepted)
    assert (result.status_code, result.json()["status"]) == (424, "Canceled")
    assert result.json()["error"]["code"] == "OperationCanceled"


def test_a_deadline_ends_what_never_found_its_workspaces(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    accepted = waiting(stack, factory, name)
    parts.sweeper._clock = lambda: datetime.now(UTC) + timedelta(days=2)
    parts.sweeper.sweep()
    result = factory.follow(accepted)
    assert (result.status_code, result.json()["status"]) == (424, "Failed")
    assert "DeadlineExceeded" in result.text, "it says why"
    retried = factory.http.post(f"/api/operations/{accepted.json()['id']}/retry")
    assert retried.status_code == 202, retried.text
    assert factory.follow(retried).json()["status"] == "Succeeded"


def test_a_tombstone_that_is_left_when_its_end_was_noted_is_buried_by_the_sweeper(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    """As if the host had died between the two."""
    factory.done(registration([stack.new_workspace()], data("sales"), name=name, sync=PRUNES))
    stored = parts.catalog.get(name)
    assert stored is not None
    deletion = factory.http.delete(f"/api/registrations/{name}")
    assert factory.follow(deletion).status_code == 200
    assert parts.catalog.get(name) is None
    operation = str(deletion.json()["id"])
    left = tombstone(stored, operation, datetime.now(UTC).isoformat())
    assert parts.documents.create(f"registrations/{name}", left.as_json())
    assert parts.documents.create(open_blob(operation), {})
    run_function(stack, "sweep")
    eventually(lambda: parts.catalog.get(name) is None)
    assert parts.documents.head(open_blob(operation)) is None
