"""What a caller finds out by asking: who they are, what is under way; and how they stop it."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from registration.access.caller import Caller
from registration.access.policy import parse_policy
from registration.records import index
from registration.records.results import Progress
from registration.views import listing
from registration.views.listing import Query
from registration.wiring import Wiring
from shared.errors import RequestError
from tests.road.journey import (
    Journey,
    calls,
    changes,
    data,
    fault,
    outcomes,
    registration,
    verdicts,
    versions,
)
from tests.support import LocalStack, eventually


@pytest.fixture
def calm(stack: LocalStack) -> Iterator[None]:
    """Faults and settings of the local Azure end with the test."""
    yield
    stack.emulator("POST", "reset", {})
    stack.emulator("PATCH", "settings", {"latency_ms": 0})


def unique(prefix: str = "found") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def listed(journey: Journey, link: str) -> list[list[dict[str, Any]]]:
    """Page by page."""
    pages = []
    following: str | None = link
    while following:
        answer = journey.http.get(following)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()["value"])
        following = answer.json().get("nextLink")
    return pages


def ids(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [operation["id"] for page in pages for operation in page]


def who(stack: LocalStack, identity: str) -> Caller:
    return Caller(stack.config["tenant_id"], stack.description["identities"][identity]["object_id"])


# Canceling


def test_canceling_ends_at_once_what_has_not_begun(stack: LocalStack, factory: Journey, calm: None) -> None:
    """Its message is hidden for an hour, as Azure wished."""
    good, waiting = stack.new_workspace(), stack.new_workspace()
    key, body = str(uuid.uuid4()), registration([good, waiting], data("sales"), name=unique())
    with fault(stack, waiting, status=503, headers={"Retry-After": "3600"}, count=1):
        accepted = factory.accepted(body, key=key)
        operation = f"/api/operations/{accepted.json()['id']}"
        eventually(lambda: [call for call in calls(stack, waiting) if call["status"] == 503])
        eventually(lambda: factory.http.get(operation).json()["counts"]["finished"] == 1)
    canceled = factory.http.post(f"{operation}/cancel")
    assert canceled.status_code == 202
    for name in ("location", "operation-location", "retry-after"):
        assert canceled.headers[name] == accepted.headers[name]
    assert canceled.json()["status"] in {"Running", "Canceled"}
    assert canceled.json().get("cancelRequested", True)
    result = factory.follow(canceled)
    assert result.status_code == 424
    assert result.json()["status"] == "Canceled"
    assert outcomes(result.json()) == {waiting: "canceled", good: "succeeded"}
    assert result.json()["error"]["code"] == "OperationCanceled"
    assert result.json()["error"]["message"] == "1 of 2 workspaces were canceled."
    assert calls(stack, waiting, "PUT") == []
    assert factory.http.post(f"{operation}/cancel").status_code == 202, "asking twice is harmless"
    assert factory.accepted(body, key=key).json()["status"] == "Canceled", "its key does not begin it anew"
    retried = factory.follow(factory.http.post(f"{operation}/retry"))
    assert (retried.status_code, outcomes(retried.json())) == (200, {waiting: "succeeded"})
    assert versions(stack, waiting, "sales").keys() == versions(stack, good, "sales").keys()


def test_what_was_written_before_the_rest_had_to_wait_is_told(stack: LocalStack, factory: Journey, calm: None) -> None:
    key = stack.new_workspace()
    busy = {"status": 503, "headers": {"Retry-After": "3600"}}
    with fault(stack, key, match="/data/hr", method="PUT", count=1, **busy):
        accepted = factory.accepted(registration([key], data("sales"), data("hr")))
        eventually(lambda: [call for call in calls(stack, key, "PUT") if call["status"] == 503])
    operation = f"/api/operations/{accepted.json()['id']}"
    result = factory.follow(factory.http.post(f"{operation}/cancel")).json()
    assert outcomes(result) == {key: "canceled"}
    assert verdicts(result, key) == {"datastores/silver": "created", "data/sales": "created"}
    assert "only a part" in result["workspaces"][0]["error"]["message"]
    retried = factory.follow(factory.http.post(f"{operation}/retry")).json()
    assert verdicts(retried, key)["data/hr"] == "created"


def test_a_workspace_that_is_being_worked_on_ends_as_it_would_have(
    stack: LocalStack, factory: Journey, calm: None
) -> None:
    key = stack.new_workspace()
    stack.emulator("PATCH", "settings", {"latency_ms": 1000})
    accepted = factory.accepted(registration([key], data("sales")))
    eventually(lambda: calls(stack, key))
    canceled = factory.http.post(f"/api/operations/{accepted.json()['id']}/cancel")
    assert canceled.json()["cancelRequested"] is True
    result = factory.follow(canceled)
    assert (result.status_code, outcomes(result.json())) == (200, {key: "succeeded"})
    assert changes(result.json(), key)["data/sales"]["outcome"] == "created"


def test_what_is_finished_cannot_be_canceled_and_others_operations_neither(stack: LocalStack, factory: Journey) -> None:
    done = factory.done(registration([stack.new_workspace()], data("sales_1")))
    path = f"/api/operations/{done['id']}/cancel"
    finished = factory.http.post(path)
    assert (finished.status_code, finished.json()["error"]["code"]) == (409, "OperationFinished")
    for other in ("stranger", "data-owner"):
        answer = Journey(stack, other).http.post(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "OperationNotFound")
    assert factory.http.post(f"/api/operations/{uuid.uuid4()}/cancel").status_code == 404
    assert factory.http.post("/api/operations/no-guid/cancel").status_code == 404
    assert factory.http.get(path).status_code == 404, "it is a POST"


# The list


def test_operations_are_listed_newest_first_in_pages(stack: LocalStack, factory: Journey) -> None:
    key, name = stack.new_workspace(), unique()
    sent = [factory.done(registration([key], data(f"d{number}"), name=name))["id"] for number in range(5)]
    pages = listed(factory, f"/api/operations?registration={name.upper()}&top=2")
    assert ids(pages) == sent[::-1]
    assert all(len(page) <= 2 for page in pages)
    everything = factory.http.get("/api/operations?top=2").json()
    assert [operation["id"] for operation in everything["value"]] == sent[:-3:-1]
    assert everything["nextLink"].startswith(f"{stack.front}/api/operations?")
    shown = next(operation for operation in pages[0] if operation["id"] == sent[-1])
    status = factory.http.get(f"/api/operations/{sent[-1]}").json()
    assert shown == {field: value for field, value in status.items() if field != "workspaces"}
    assert status["registration"]["generation"] == 5


def test_the_list_is_filtered_by_status(stack: LocalStack, factory: Journey, calm: None) -> None:
    good, bad, name = stack.new_workspace(), stack.new_workspace(), unique()
    done = factory.done(registration([good], data("sales"), name=name))["id"]
    refusal = {"error": {"code": "UserError", "message": "No."}}
    with fault(stack, bad, status=400, body=refusal, count=1):
        failed = factory.done(registration([bad], data("sales"), name=name), 424)["id"]
    with fault(stack, bad, status=503, headers={"Retry-After": "3600"}, count=1):
        running = factory.accepted(registration([bad], data("hr"), name=name)).json()["id"]
        for status, expected in {"Succeeded": [done], "Failed": [failed], "Running": [running], "Canceled": []}.items():
            assert ids(listed(factory, f"/api/operations?registration={name}&status={status}")) == expected
    factory.follow(factory.http.post(f"/api/operations/{running}/cancel"))
    assert ids(listed(factory, f"/api/operations?registration={name}&status=Canceled")) == [running]


def test_others_see_what_they_may_read_and_no_trace_of_the_rest(stack: LocalStack, factory: Journey) -> None:
    key, name = stack.new_workspace(), unique()
    hidden = factory.done(registration([key], data("hr_1"), name=name))["id"]
    shown = factory.done(registration([key], data("sales_1"), data("hr_1"), name=name))["id"]
    owner, stranger = Journey(stack, "data-owner"), Journey(stack, "stranger")
    pages = listed(owner, f"/api/operations?registration={name}")
    assert ids(pages) == [shown]
    assert pages[0][0]["counts"] == {"total": 1, "finished": 1, "succeeded": 1}
    assert ids(listed(stranger, f"/api/operations?registration={name}")) == []
    assert ids(listed(stranger, "/api/operations")) == []
    text = owner.http.get("/api/operations?top=1").text
    link = json.loads(text)["nextLink"].rsplit("continuation=", 1)[1]
    assert hidden not in text
    assert hidden not in base64.urlsafe_b64decode(link + "==").decode()
    admin = listed(Journey(stack, "platform-admin"), f"/api/operations?registration={name}")
    assert ids(admin) == [shown, hidden]


def test_who_may_read_some_workspaces_sees_their_part(stack: LocalStack, factory: Journey, parts: Wiring) -> None:
    good, bad, name = stack.new_workspace(), stack.new_workspace(), unique()
    refusal = {"error": {"code": "UserError", "message": "No."}}
    with fault(stack, bad, status=400, body=refusal, count=1):
        factory.done(registration([good, bad], data("sales"), name=name), 424)
    owner = who(stack, "data-owner")
    rule = {
        "callers": [{"tenant_id": owner.tenant_id, "object_id": owner.object_id}],
        "actions": ["read"],
        "workspaces": [good],
        "assets": ["data/*"],
    }
    policy = parse_policy(json.dumps({"rules": [rule]}))
    parts.listing._policy = lambda: policy
    [found] = parts.listing.page(owner, Query(registration=name))["value"]
    assert (found["status"], found["counts"]) == ("Succeeded", {"total": 1, "finished": 1, "succeeded": 1})
    assert parts.listing.page(owner, Query.parse({"registration": name, "status": "Failed"}))["value"] == []


def test_a_scope_too_long_for_the_index_is_read_from_the_operation(
    stack: LocalStack, factory: Journey, parts: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique()
    done = factory.done(registration([stack.new_workspace()], data("sales_1"), name=name))["id"]
    operation = parts.operations.get(done)
    assert operation is not None
    eventually(lambda: parts.documents.head(f"open/{done}") is None)
    monkeypatch.setattr(index, "MAX_SCOPE", 0)
    parts.index.remove(operation)
    parts.index.add(operation)
    for identity, expected in {"data-owner": [done], "platform-admin": [done], "stranger": []}.items():
        assert ids(listed(Journey(stack, identity), f"/api/operations?registration={name}")) == expected


def test_a_request_looks_at_so_many_entries_and_no_more(
    stack: LocalStack, factory: Journey, parts: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way on leads to the end, however short the pages are."""
    name = unique()
    first = factory.done(registration([stack.new_workspace()], data("sales"), name=name))["id"]
    for _ in range(6):
        factory.done(registration([stack.new_workspace()], data("sales"), name=unique("other")))
    monkeypatch.setattr(listing, "FURTHER", (1,))
    seen, parameters = 0, {"registration": name, "top": "2"}
    found: list[dict[str, Any]] = []
    while not found:
        page = parts.listing.page(who(stack, "data-factory"), Query.parse(parameters))
        found, seen = page["value"], seen + 1
        parameters |= {"continuation": page["nextLink"].rsplit("continuation=", 1)[1]} if not found else {}
    assert ([operation["id"] for operation in found], seen) == ([first], 3)


def test_the_index_says_how_an_operation_ended_without_a_look_at_its_results(
    stack: LocalStack, factory: Journey, parts: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique()
    done = factory.done(registration([stack.new_workspace(), stack.new_workspace()], data("sales"), name=name))
    eventually(lambda: parts.documents.head(f"open/{done['id']}") is None)
    listings: list[str] = []

    def progress(operation: str) -> Progress | None:
        listings.append(operation)
        return None

    monkeypatch.setattr(parts.results, "progress", progress)
    [found] = parts.listing.page(who(stack, "data-factory"), Query(registration=name))["value"]
    assert listings == []
    assert found["status"] == "Succeeded"
    assert found["counts"] == {"total": 2, "finished": 2, "succeeded": 2}
    assert found["percentComplete"] == 100


def test_the_sweeper_keeps_the_index_true(stack: LocalStack, factory: Journey, parts: Wiring) -> None:
    """The host died before it could note the end; and another after its registration was replaced by a newer one."""
    name = unique()
    body = registration([stack.new_workspace()], data("sales"), name=name)
    done = factory.done(body)["id"]
    operation = parts.operations.get(done)
    assert operation is not None
    eventually(lambda: parts.documents.head(f"open/{done}") is None)
    parts.index.remove(operation)
    parts.index.add(operation)
    parts.documents.create(f"open/{done}", {})
    assert operation.registration is not None
    request = operation.registration
    lost = parts.operations._draft(str(uuid.uuid4()), operation.caller, request, lambda _: None)
    parts.operations._create(lost)
    parts.index.add(lost)
    assert ids(listed(factory, f"/api/operations?registration={name}")) == [lost.id, done]
    parts.sweeper._clock = lambda: datetime.now(UTC) + timedelta(minutes=5)
    parts.sweeper.sweep()
    entries, _ = parts.index.page(5000, None)
    kept = {entry.operation: entry.status for entry in entries if entry.metadata.get("registration") == name}
    assert kept == {done: "Succeeded"}


@pytest.mark.parametrize(
    ("query", "targets"),
    [
        ("top=0", ["top"]),
        ("top=201", ["top"]),
        ("top=many", ["top"]),
        ("status=Done", ["status"]),
        ("continuation=%21", ["continuation"]),
        ("continuation=WyJhIl0", ["continuation"]),
        ("state=Failed&status=failed&top=-1", ["state", "status", "top"]),
    ],
)
def test_a_wrong_parameter_is_named(factory: Journey, query: str, targets: list[str]) -> None:
    answer = factory.http.get(f"/api/operations?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameter")
    assert [detail["target"] for detail in answer.json()["error"]["details"]] == targets


def test_a_marker_that_storage_refuses_is_a_wrong_continuation(parts: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Azure does with one that it did not make; Azurite takes any."""

    class Refused(HttpResponseError):
        def __init__(self) -> None:
            super().__init__("no such marker")
            self.status_code = 400

    class Pages:
        def list_blobs(self, **_: object) -> Pages:
            return self

        def by_page(self, _: str | None) -> Iterator[object]:
            raise Refused
            yield

    monkeypatch.setattr(parts.documents, "_open", Pages)
    with pytest.raises(RequestError) as caught:
        parts.index.page(10, "made up")
    assert (caught.value.status, caught.value.fault.target) == (400, "continuation")
    with pytest.raises(Refused):
        parts.index.page(10, None)


# Who you are


def test_each_caller_is_told_who_they_are_and_what_they_may_do(stack: LocalStack) -> None:
    told = {it: Journey(stack, it).http.get("/api/me").json() for it in ("data-factory", "data-owner", "stranger")}
    for identity, me in told.items():
        caller = who(stack, identity)
        assert (me["tenant_id"], me["object_id"]) == (caller.tenant_id, caller.object_id)
        assert me["client_id"] == stack.config["identities"][identity]["client_id"]
        assert me["roles"] == []
        limits = {"maxBodyBytes": 4 * 1024 * 1024, "maxChanges": 50_000, "operationDeadlineMinutes": 360}
        assert me["limits"] == limits
    [sales] = told["data-owner"]["rules"]
    assert sales["actions"] == ["register", "plan", "read"]
    assert (sales["workspaces"], sales["assets"], sales["secrets"]) == (["*/*/*"], ["data/sales_*"], [])
    assert "callers" not in sales, "who else it speaks for is not told"
    [everything] = told["data-factory"]["rules"]
    assert everything["secrets"] == ["tenant-id", "sp-id", "sp-password"]
    assert told["stranger"]["rules"] == []


def test_nobody_learns_anything_without_a_token(stack: LocalStack) -> None:
    nobody = stack.api(None)
    for path in ("/api/me", "/api/operations"):
        assert nobody.get(path).status_code == 401
    assert nobody.post(f"/api/operations/{uuid.uuid4()}/cancel").status_code == 401
