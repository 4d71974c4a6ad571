"""What an administrator breaks by accident: lost and damaged documents, a cleared queue, foreign messages."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registration.records.inventory import workspace_blob
from registration.wiring import Wiring
from shared.settings import POISON_QUEUE
from tests.road.journey import (
    Journey,
    blobs,
    calls,
    data,
    fault,
    outcomes,
    put_message,
    registration,
    versions,
    work_queue,
)
from tests.support import LocalStack, arm_id, eventually


def waiting(stack: LocalStack, factory: Journey, key: str, seconds: int = 60) -> Any:
    """An accepted operation whose one message is hidden for so long."""
    with fault(stack, key, status=503, headers={"Retry-After": str(seconds)}, count=1):
        accepted = factory.accepted(registration([key], data("sales")), key=str(uuid.uuid4()))
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503])
    return accepted


def later(parts: Wiring, **time: float) -> None:
    parts.sweeper._clock = lambda: datetime.now(UTC) + timedelta(**time)


def test_a_registration_that_was_lost_begins_anew(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    body = registration([key], data("sales", version="1"), name=f"lost-{key[-12:]}")
    for _ in range(3):
        factory.done(body)
    blobs(stack).delete_blob(f"registrations/{body['name']}")
    result = factory.done(registration([key], data("sales", version="9"), name=body["name"]))
    assert (outcomes(result), result["registration"]["generation"]) == ({key: "succeeded"}, 1)
    assert set(versions(stack, key, "sales")) == {"1", "9"}


def test_a_result_that_is_lost_does_not_make_a_finished_operation_run(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    done = factory.done(registration([key], data("sales")))
    eventually(lambda: list(blobs(stack).list_blob_names(name_starts_with=f"operations/{done['id']}/completed")))
    blobs(stack).delete_blob(f"operations/{done['id']}/results/{key}")
    answer = factory.http.get(f"/api/operations/{done['id']}/result")
    assert (answer.status_code, answer.json()["status"]) == (200, "Succeeded")


def test_messages_that_were_lost_with_their_queue_are_sent_again(
    stack: LocalStack, parts: Wiring, factory: Journey
) -> None:
    key = stack.new_workspace()
    accepted = waiting(stack, factory, key)
    work_queue(stack).clear_messages()
    parts.sweeper.sweep()
    assert factory.http.get(accepted.headers["location"]).status_code == 202, "it may still be waiting its turn"
    later(parts, minutes=31)
    parts.sweeper.sweep()
    assert outcomes(factory.follow(accepted).json()) == {key: "succeeded"}


def test_the_same_key_brings_an_operation_back_whose_document_was_lost(
    stack: LocalStack, parts: Wiring, factory: Journey
) -> None:
    key, idempotency, body = stack.new_workspace(), str(uuid.uuid4()), None
    body = registration([key], data("sales"))
    with fault(stack, key, status=503, headers={"Retry-After": "60"}, count=1):
        accepted = factory.accepted(body, key=idempotency)
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503])
    blobs(stack).delete_blob(f"operations/{accepted.json()['id']}/operation")
    again = factory.accepted(body, key=idempotency)
    assert again.json()["id"] == accepted.json()["id"]
    assert outcomes(factory.follow(again).json()) == {key: "succeeded"}


@pytest.mark.parametrize(
    "damage",
    [
        {"total": "abc"},
        {"total": "9" * 5000},
        {"created": "today"},
        {"deadline": "2026-01-01"},
        {"deadline": None},
        {"total": None, "caller": None},
    ],
)
def test_damaged_metadata_are_written_again_and_stop_nothing(
    stack: LocalStack, parts: Wiring, factory: Journey, damage: dict[str, str | None]
) -> None:
    key, other = stack.new_workspace(), stack.new_workspace()
    accepted, beside = waiting(stack, factory, key, 15), waiting(stack, factory, other, 15)
    client = blobs(stack).get_blob_client(f"operations/{accepted.json()['id']}/operation")
    changed = {**client.get_blob_properties().metadata, **damage}
    client.set_blob_metadata({name: value for name, value in changed.items() if value is not None})
    if "caller" not in damage:
        assert factory.http.get(accepted.headers["operation-location"]).status_code == 200
    parts.sweeper.sweep()
    for operation in (accepted, beside):
        assert factory.follow(operation).status_code == 200


def test_an_entry_of_the_index_that_is_damaged_is_left_out_of_the_list(
    stack: LocalStack, parts: Wiring, factory: Journey
) -> None:
    """The rest is shown; and what has not ended yet is listed again when it has."""
    key, name = stack.new_workspace(), f"listed-{uuid.uuid4().hex}"
    ids = [factory.done(registration([key], data("sales", version="1"), name=name))["id"] for _ in range(12)]
    eventually(lambda: not [it for it in ids if parts.documents.head(f"open/{it}") is not None])
    entries = {it.metadata.get("operation"): it for it in parts.documents.list("index/")}
    wrong: list[dict[str, str | None]] = [
        {"operation": None},
        {"operation": "x"},
        {"operation": ids[-1]},
        {"kind": None},
        {"deadline": None},
    ]
    shown: list[dict[str, str | None]] = [
        {"counts": None},
        {"counts": "total:1"},
        {"counts": f"total:{'9' * 5000}"},
        {"status": "x"},
        {"generation": "9" * 5000},
        {"scope": "AAAA"},
    ]
    for operation, damage in zip(ids, [*wrong, *shown], strict=False):
        metadata = {**entries[operation].metadata, **damage}
        kept = {name: value for name, value in metadata.items() if value is not None}
        parts.documents.replace(entries[operation].name, {}, metadata=kept)
    for reader in (factory, Journey(stack, "platform-admin")):
        answer = reader.http.get(f"/api/operations?registration={name}")
        assert answer.status_code == 200, answer.text
        listed = answer.json()["value"]
        assert [it["id"] for it in listed] == ids[: len(wrong) - 1 : -1]
        assert {it["status"] for it in listed} == {"Succeeded"}
    parts.documents.create(f"open/{ids[0]}", {})
    parts.sweeper.sweep()
    listed = factory.http.get(f"/api/operations?registration={name}").json()["value"]
    assert ids[0] in [it["id"] for it in listed]


def test_an_operation_damaged_beyond_repair_ends(stack: LocalStack, parts: Wiring, factory: Journey) -> None:
    accepted = waiting(stack, factory, stack.new_workspace())
    client = blobs(stack).get_blob_client(f"operations/{accepted.json()['id']}/operation")
    caller = client.get_blob_properties().metadata["caller"]
    client.upload_blob(b"{", overwrite=True, metadata={"caller": caller})
    parts.sweeper.sweep()
    assert factory.follow(accepted).status_code == 424


@pytest.mark.parametrize(
    "content", [b"[]", b'{"generations": ["abc"]}', b'{"workspace_id": null, "generations": {"w4": "x"}, "assets": {}}']
)
def test_a_damaged_workspace_document_is_named_at_once(stack: LocalStack, factory: Journey, content: bytes) -> None:
    key = stack.new_workspace()
    blobs(stack).upload_blob(workspace_blob(key), b"x" if content == b"[]" else content)
    result = factory.done(registration([key], data("sales")), 424)
    assert result["workspaces"][0]["error"]["code"] == "DocumentDamaged"


def test_a_damaged_registration_is_409(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    name = f"damaged-{key[-12:]}"
    factory.done(registration([key], data("sales"), name=name))
    client = blobs(stack).get_blob_client(f"registrations/{name}")
    document = json.loads(client.download_blob().readall())
    client.upload_blob(json.dumps({**document, "generation": "seven"}), overwrite=True)
    answer = factory.send(registration([key], data("sales"), name=name))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "DocumentDamaged")


def test_poison_for_a_workspace_that_nobody_named_ends_nothing(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    accepted = waiting(stack, factory, key, 12)
    for made_up in ("x/y/z", "x/y/w"):
        put_message(stack, {"operation": accepted.json()["id"], "workspace": made_up, "attempt": 1e400}, POISON_QUEUE)
        put_message(stack, {"operation": accepted.json()["id"], "workspace": made_up}, POISON_QUEUE)
    result = factory.follow(accepted)
    assert (result.status_code, outcomes(result.json())) == (200, {key: "succeeded"})


def test_a_name_that_the_service_makes_up_cannot_be_squatted(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    lake = {**data("sales_1"), "path": "abfss://silver@sourcedata.dfs.core.windows.net/sales/1.csv"}
    body = registration([key], lake, datastores=[])
    made = factory.done(body)["registration"]["name"]
    squatter = Journey(stack, "data-owner")
    for name in (made, f"send-data-{'0' * 16}", f"AUTO-{'0' * 16}"):
        refused = squatter.send({**body, "name": name})
        assert (refused.status_code, refused.json()["error"]["target"]) == (400, "name")
    assert factory.send({**body, "name": made}).status_code == 202, "its owner may use it"


def test_one_subscriptions_throttle_holds_up_no_other(stack: LocalStack, factory: Journey) -> None:
    # A subscription of its own: hosts that earlier tests killed still count, and take their part of its bucket.
    busy, free = f"{uuid.uuid4()}/ml-rg/ws-busy", stack.description["workspaces"][2]
    made = {"location": "westeurope", "properties": {"workspaceId": str(uuid.uuid4())}}
    stack.emulator("PUT", f"resources{arm_id(busy)}", made)
    slow = fault(stack, busy, match="/data/", method="PUT", status=503, headers={"Retry-After": "9"}, count=24)
    with slow:
        long = factory.accepted(registration([busy], *[data(f"d{number}") for number in range(24)]))
        eventually(lambda: len(calls(stack, busy, "PUT")) > 5)
        begun = datetime.now(UTC)
        factory.done(registration([free], data(f"quick-{uuid.uuid4().hex[:8]}")))
        assert datetime.now(UTC) - begun < timedelta(seconds=9)
        stack.emulator("POST", "reset", {})
    assert factory.follow(long).status_code == 200
