"""What is stored is replaced and deleted: by whom, on what condition, and what an answer says."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from registration.wiring import Wiring
from tests.desired.nights import actions
from tests.desired.rules import of, policy, rule
from tests.road.journey import Journey, blobs, calls, data, fault, outcomes, registration, versions
from tests.support import LocalStack, eventually

NO_DELETE = ["register", "plan", "read", "reconcile"]


@pytest.fixture
def admin(stack: LocalStack) -> Journey:
    """It may administer everything."""
    return Journey(stack, "platform-admin")


def put(journey: Journey, name: str, body: Any, **headers: str) -> httpx.Response:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return journey.http.put(f"/api/registrations/{name}", json=body, headers=sent)


def delete(journey: Journey, name: str, **headers: str) -> httpx.Response:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return journey.http.delete(f"/api/registrations/{name}", headers=sent)


def read(journey: Journey, name: str) -> dict[str, Any]:
    return dict(journey.http.get(f"/api/registrations/{name}").json())


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    return dict(answer.json()["error"])


def test_the_name_stands_in_the_address(stack: LocalStack, factory: Journey, name: str) -> None:
    body = registration([stack.new_workspace()], data("sales", version="1"))
    first = put(factory, name, body)
    assert first.status_code == 202, first.text
    assert first.json()["registration"] == {"name": name, "generation": 1}
    factory.follow(first)
    assert read(factory, name)["etag"] == first.headers["etag"]
    second = put(factory, name.upper(), {**body, "name": name})
    assert second.json()["registration"] == {"name": name, "generation": 2}
    assert second.headers["etag"] != first.headers["etag"]
    factory.follow(second)
    error = refused(put(factory, name, {**body, "name": f"{name}-other"}), 400, "InvalidRegistration")
    assert error["target"] == "name"
    assert read(factory, name)["generation"] == 2
    for wrong in ("a%20b", "-x", "auto-0123456789abcdef"):
        assert put(factory, wrong, body).status_code == 400


def test_a_replacement_may_ask_for_what_its_sender_saw(stack: LocalStack, factory: Journey, name: str) -> None:
    body = registration([stack.new_workspace()], data("sales", version="1"))
    refused(put(factory, name, body, If_Match="*"), 412, "PreconditionFailed")
    first = put(factory, name, body, If_None_Match="*")
    assert first.status_code == 202, first.text
    error = refused(put(factory, name, body, If_None_Match="*"), 412, "PreconditionFailed")
    assert error["target"] == "If-None-Match"
    etag = first.headers["etag"]
    second = put(factory, name, body, If_Match=etag)
    assert second.status_code == 202, second.text
    assert refused(put(factory, name, body, If_Match=etag), 412, "PreconditionFailed")["target"] == "If-Match"
    refused(delete(factory, name, If_Match=etag), 412, "PreconditionFailed")
    assert factory.http.get(f"/api/registrations/{name}", headers={"If-None-Match": etag}).status_code == 200
    current = second.headers["etag"]
    assert factory.http.get(f"/api/registrations/{name}", headers={"If-None-Match": current}).status_code == 304
    assert delete(factory, name, If_Match=f'"other", {current}').status_code == 204


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tag", ["garbage", "", '"open', '*, "x"', "W/*"])
def test_a_condition_that_is_none_is_refused(
    stack: LocalStack, factory: Journey, name: str, header: str, tag: str
) -> None:
    body = registration([stack.new_workspace()], data("sales", version="1"))
    refused(put(factory, name, body, **{header.replace("-", "_"): tag}), 400, "InvalidHeader")
    assert factory.http.get(f"/api/registrations/{name}").status_code == 404


def test_of_many_that_create_one_alone_does(stack: LocalStack, name: str) -> None:
    body = registration([stack.new_workspace()], data("sales", version="1"))
    callers = [Journey(stack) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(lambda it: put(it, name, body, If_None_Match="*").status_code, callers))
    assert codes == [202, *[412] * 7]
    assert read(callers[0], name)["generation"] == 1


def test_the_owner_stays_when_an_administrator_replaces(
    stack: LocalStack, factory: Journey, admin: Journey, name: str
) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    owner = read(factory, name)["owner"]
    assert owner["object_id"] == stack.description["identities"]["data-factory"]["object_id"]
    answer = put(admin, name, registration([key], data("sales", version="1"), sync={"suspend": True}))
    assert admin.follow(answer).json()["workspaces"][0]["outcome"] == "suspended"
    found = read(admin, name)
    assert (found["owner"], found["generation"]) == (owner, 2)
    assert found["registration"]["sync"] == {"suspend": True}
    assert delete(admin, name).status_code == 204


def test_a_name_is_its_creators(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales_a", version="1"), name=name))
    other = Journey(stack, "data-owner")
    path = "abfss://silver@sourcedata.dfs.core.windows.net/sales/a.csv"
    body = registration([key], {**data("sales_b"), "path": path}, datastores=[])
    assert refused(put(other, name, body), 403, "NotOwner")["target"] == "name"
    assert refused(delete(other, name), 403, "NotOwner")["target"] == "name"
    # Whoever may administer a part of it may not take the rest along.
    some = rule(stack, "data-owner", "administer", "delete", assets=["data/sales_*"])
    with policy(stack, some):
        refused(put(other, name, body), 403, "NotOwner")
        refused(delete(other, name), 403, "NotOwner")
    everything = rule(stack, "data-owner", "administer", "delete")
    with policy(stack, everything):
        assert other.follow(put(other, name, body)).status_code in {200, 424}
    assert read(factory, name)["generation"] == 2


def test_a_damaged_one_looks_to_others_as_their_policy_has_it(
    stack: LocalStack, factory: Journey, admin: Journey, name: str
) -> None:
    """To replace it, as another caller's; to delete or to read it, as one that is not there."""
    lake = "abfss://silver@sourcedata.dfs.core.windows.net/sales/a.csv"
    body = registration([stack.new_workspace()], {**data("sales_a"), "path": lake}, datastores=[])
    damaged, others = f"{name}-a", f"{name}-b"
    blobs(stack).upload_blob(f"registrations/{damaged}", b"{")
    factory.done({**body, "name": others})
    owner, idempotency = Journey(stack, "data-owner"), str(uuid.uuid4())
    refusals = [refused(put(owner, it, body, Idempotency_Key=idempotency), 403, "NotOwner") for it in (damaged, others)]
    assert refusals[0] == refusals[1]
    plans = [refused(owner.send({**body, "name": it}, "/api/plan"), 403, "NotOwner") for it in (damaged, others)]
    assert plans[0] == plans[1] == refusals[0]
    gone = [refused(delete(owner, it), 404, "RegistrationNotFound") for it in (damaged, f"{name}-none")]
    assert gone[0] == gone[1]
    refused(put(admin, damaged, body), 409, "DocumentDamaged")
    assert delete(admin, damaged).status_code == 204
    assert put(owner, damaged, body, Idempotency_Key=idempotency).status_code == 202


def test_what_is_not_there_cannot_be_deleted(factory: Journey, stack: LocalStack, name: str) -> None:
    for unknown in (name, "a%20b", "x" * 300):
        refused(delete(factory, unknown), 404, "RegistrationNotFound")
        refused(delete(Journey(stack, "stranger"), unknown), 404, "RegistrationNotFound")


def test_dropping_asks_for_the_right_to_delete(stack: LocalStack, factory: Journey, name: str) -> None:
    one, two = stack.new_workspace(), stack.new_workspace()
    whole = registration([one, two], data("sales", version="1"), data("hr", version="1"), name=name)
    factory.done(whole)
    without = of(stack, "data-factory")
    secrets = ["tenant-id", "sp-id", "sp-password"]
    may = rule(stack, "data-factory", *NO_DELETE, secrets=secrets)
    with policy(stack, may, without=without):
        factory.done(whole)
        for dropped, named in (
            (registration([one, two], data("sales", version="1")), "data/hr"),
            (registration([one], data("sales", version="1"), data("hr", version="1")), two),
            ({**whole, "datastores": [], "data": [data("sales"), data("hr")]}, "datastores/silver"),
        ):
            assert named in refused(put(factory, name, {**dropped, "name": name}), 403, "NotAuthorized")["message"]
        refused(delete(factory, name), 403, "NotAuthorized")
        # Another version of what it names is no loss; what would prune it is.
        moved = registration([one, two], data("sales", version="2"), data("hr", version="1"))
        assert put(factory, name, moved).status_code == 202
        for sync in ({"prune": "archive"}, {"keep_versions": 1}):
            refused(put(factory, name, {**moved, "sync": sync}), 403, "NotAuthorized")
    assert read(factory, name)["generation"] == 3
    some = rule(stack, "data-factory", "delete", assets=["data/hr"])
    with policy(stack, may, some, without=without):
        factory.done(registration([one, two], data("sales", version="2"), name=name))


def test_what_is_being_deleted_can_be_deleted_again_and_created_again(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    sync = {"prune": "archive", "allow_empty": True}
    body = registration([key], data("sales", version="1"), data("hr", version="1"), sync=sync)
    factory.follow(put(factory, name, body))
    with fault(stack, key, status=503, headers={"Retry-After": "12"}, count=1):
        first = delete(factory, name)
        assert first.status_code == 202, first.text
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503])
    assert factory.http.get(f"/api/registrations/{name}").status_code == 404
    again = delete(factory, name)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    refused(delete(Journey(stack, "data-owner"), name), 404, "RegistrationNotFound")
    left = parts.catalog.get(name)
    assert left is not None
    assert left.deleted is not None
    created = put(factory, name, registration([key], data("sales", version="1")), If_None_Match="*")
    assert created.status_code == 202, created.text
    assert factory.follow(created).status_code == 200
    assert outcomes(factory.follow(first).json()) == {key: "superseded"}
    assert versions(stack, key, "sales")["1"]["isArchived"] is False
    assert read(factory, name)["registration"]["data"][0]["name"] == "sales"


def test_a_tombstone_whose_operation_failed_is_taken_up_again(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    sync = {"prune": "archive", "allow_empty": True}
    factory.follow(put(factory, name, registration([key], data("sales", version="1"), sync=sync)))
    refusal = {"error": {"code": "UserError", "message": "No."}}
    with fault(stack, key, match="/data/sales", method="PUT", status=400, body=refusal, count=1):
        failed = factory.follow(delete(factory, name))
    assert failed.status_code == 424
    assert parts.catalog.get(name) is not None
    again = delete(factory, name)
    assert again.json()["id"] != failed.json()["id"]
    assert actions(factory.follow(again).json(), key) == {"data/sales/1": "archive"}
    assert parts.catalog.get(name) is None
    refused(delete(factory, name), 404, "RegistrationNotFound")


def test_a_key_makes_a_put_one_request(stack: LocalStack, factory: Journey, name: str) -> None:
    key, idempotency = stack.new_workspace(), str(uuid.uuid4())
    body = registration([key], data("sales", version="1"))
    headers = {"Idempotency_Key": idempotency, "If_None_Match": "*"}
    first = put(factory, name, body, **headers)
    assert first.status_code == 202, first.text
    factory.follow(first)
    replayed = put(factory, name, body, **headers)
    assert (replayed.status_code, replayed.json()["id"]) == (202, first.json()["id"])
    assert replayed.headers["etag"] == first.headers["etag"]
    assert read(factory, name)["generation"] == 1
    refused(put(factory, name, {**body, "data": []}, **headers), 422, "IdempotencyKeyReused")
    other = put(factory, f"{name}-b", body, **headers)
    assert other.json()["id"] != first.json()["id"], "a key is scoped to its address"
    factory.follow(other)


def test_a_key_whose_request_was_refused_can_be_used_again(stack: LocalStack, factory: Journey, name: str) -> None:
    body, idempotency = registration([stack.new_workspace()], data("sales", version="1")), str(uuid.uuid4())
    refused(put(factory, name, body, Idempotency_Key=idempotency, If_Match='"1-x"'), 412, "PreconditionFailed")
    assert factory.follow(put(factory, name, body, Idempotency_Key=idempotency)).status_code == 200
