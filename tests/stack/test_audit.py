"""The audit trail: whole lines, each stored before its caller goes on, never a secret."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import requests
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransportResponse
from azure.storage.blob import BlobServiceClient, BlobType, ContainerClient

from registration.access.caller import SERVICE, Caller
from registration.records.snapshot import Kind, Operation
from registration.request.document import parse_registration
from registration.work.audit import MAX_TEXT, Audit, Entry, Event, of_changes, of_request
from shared.appends import MAX_BLOCK, Appends
from shared.errors import Fault, RequestError, Temporary
from shared.transport import Transport
from tests.support import LocalStack, eventually

NOW = datetime(2026, 1, 2, 3, 59, 59, tzinfo=UTC)
AT = NOW.isoformat()
CALLER = Caller("11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002")
CANARY = "not-a-real-secret-canary"


class Wire(Transport):
    """Counts the appends. `fault` may answer one of them in storage's stead, or lose its answer."""

    def __init__(self) -> None:
        super().__init__(stamped=False, sleep=lambda _: None)
        self.appends: list[str] = []
        self.full: set[str] = set()
        self.lost = 0
        self.status: int | None = None
        self.gate = threading.Event()
        self.gate.set()

    def _once(self, request: Any, throttle: Any, kwargs: Any) -> Any:
        if "comp=appendblock" not in request.url:
            return super()._once(request, throttle, kwargs)
        blob = request.url.partition("?")[0].rpartition("/")[2]
        self.appends.append(blob)
        assert self.gate.wait(30)
        if blob in self.full:
            return answer(request, 409, "BlockCountExceedsLimit")
        if self.status is not None:
            return answer(request, self.status, "ServerBusy" if self.status == 503 else "BlobImmutableDueToPolicy")
        response = super()._once(request, throttle, kwargs)
        if self.lost:
            self.lost -= 1
            raise ServiceResponseError("the connection was reset")
        return response


def answer(request: Any, status: int, code: str) -> Any:
    response = requests.Response()
    response.status_code, response._content, response.raw = status, b"", BytesIO()
    response.headers.update({"x-ms-error-code": code, "Content-Length": "0"})
    return RequestsTransportResponse(request, response)


class Trail:
    """An audit of its own container."""

    def __init__(self, stack: LocalStack) -> None:
        self.wire = Wire()
        name = f"audit-{uuid.uuid4().hex}"
        service = BlobServiceClient.from_connection_string(stack.storage, transport=self.wire, retry_total=0)
        self.appends = Appends(service, name)
        self.now = NOW
        self.audit = Audit(self.appends, "host-1", lambda: self.now)
        self.container = ContainerClient.from_connection_string(stack.storage, name)

    def blobs(self) -> dict[str, list[dict[str, Any]]]:
        return {name: lines(self.read(name)) for name in list(self.container.list_blob_names())}

    def read(self, name: str) -> bytes:
        return self.container.download_blob(name).readall()


def lines(content: bytes) -> list[dict[str, Any]]:
    assert not content or content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


@pytest.fixture
def trail(stack: LocalStack) -> Iterator[Trail]:
    trail = Trail(stack)
    yield trail
    trail.container.delete_container()


def entry(what: str) -> Entry:
    return of_request(CALLER, "register", 202, AT, what=what, operation="an-id")


def operation(caller: Caller = CALLER) -> Operation:
    return Operation("an-id", Kind.RECONCILE, caller, NOW, NOW)


def test_a_blob_per_host_and_hour_of_whole_lines(trail: Trail) -> None:
    trail.audit.record([entry("one"), entry("two")])
    trail.audit.record([entry("three")])
    trail.audit.record([])
    trail.now += timedelta(seconds=1)
    trail.audit.record([entry("four")])
    found = {name: [line["what"] for line in it] for name, it in trail.blobs().items()}
    assert found == {
        "2026/01/02/03/host-1.jsonl": ["one", "two", "three"],
        "2026/01/02/04/host-1.jsonl": ["four"],
    }
    properties = trail.container.get_blob_client("2026/01/02/03/host-1.jsonl").get_blob_properties()
    assert properties.blob_type == BlobType.APPENDBLOB


def test_a_request_and_a_refusal(trail: Trail) -> None:
    fault = Fault("NotOwner", "This name is not yours to replace; choose another name.", "name")
    trail.audit.record([entry("sales"), of_request(None, "delete", 403, AT, what="sales", fault=fault)])
    assert trail.blobs()["2026/01/02/03/host-1.jsonl"] == [
        {
            "at": "2026-01-02T03:59:59+00:00",
            "event": "accepted",
            "who": CALLER.id,
            "action": "register",
            "outcome": "202",
            "what": "sales",
            "operation": "an-id",
        },
        {
            "at": "2026-01-02T03:59:59+00:00",
            "event": "refused",
            "who": "unknown",
            "action": "delete",
            "outcome": "403",
            "what": "sales",
            "code": "NotOwner",
            "message": fault.message,
        },
    ]


def test_changes_that_were_applied_or_refused_and_no_others() -> None:
    error = {"code": "NotAuthorized", "message": "The owner may not."}
    outcomes = {
        "created": Event.APPLIED,
        "updated": Event.APPLIED,
        "archived": Event.APPLIED,
        "deleted": Event.APPLIED,
        "adopted": Event.APPLIED,
        "failed": Event.REFUSED,
        "conflict": Event.REFUSED,
        "notAuthorized": Event.REFUSED,
        "unchanged": None,
        "planned": None,
        "drifted": None,
        "kept": None,
        "suspended": None,
    }
    changes = [
        {"asset": f"data/{outcome}/1", "registration": "sales", "outcome": outcome, "action": "create"}
        for outcome in outcomes
    ]
    found = of_changes(operation(SERVICE), "sub/group/ws", changes, AT)
    assert {it.outcome: it.event for it in found} == {name: event for name, event in outcomes.items() if event}
    assert {it.who for it in found} == {"service"}
    refused = {"asset": "data/a/1", "registration": "sales", "outcome": "notAuthorized", "error": error}
    [line] = of_changes(operation(), "sub/group/ws", [refused], AT)
    assert json.loads(line.line()) == {
        "at": AT,
        "event": "refused",
        "who": CALLER.id,
        "action": "reconcile",
        "outcome": "notAuthorized",
        "what": "data/a/1",
        "where": "sub/group/ws",
        "operation": "an-id",
        "registration": "sales",
        **error,
    }


def test_a_name_cannot_begin_a_line_of_its_own_nor_be_endless() -> None:
    line = entry('a\n{"who": "root"}\u2028\ud800' + "x" * 5000).line()
    assert len(line.decode().splitlines()) == 1
    assert len(json.loads(line)["what"]) == MAX_TEXT


def test_calls_that_come_together_share_an_append(trail: Trail) -> None:
    trail.audit.record([entry("first")])
    trail.wire.gate.clear()
    with ThreadPoolExecutor(40) as pool:
        pairs = [[entry(f"{number}-a"), entry(f"{number}-b")] for number in range(40)]
        calls = [pool.submit(trail.audit.record, pairs[0])]
        eventually(lambda: len(trail.wire.appends) == 2)
        calls += [pool.submit(trail.audit.record, pair) for pair in pairs[1:]]
        eventually(lambda: len(trail.audit._open.lines) == 2 * 39)
        assert not any(call.done() for call in calls)
        trail.wire.gate.set()
        for call in calls:
            call.result()
    names = [line["what"] for line in trail.blobs()["2026/01/02/03/host-1.jsonl"]]
    assert sorted(names) == sorted(["first", *(f"{number}-{part}" for number in range(40) for part in "ab")])
    assert all(names.index(f"{number}-b") == names.index(f"{number}-a") + 1 for number in range(40))
    assert len(trail.wire.appends) == 3


def test_each_finds_its_own_lines_stored_when_it_returns(trail: Trail) -> None:
    def work(number: int) -> None:
        for turn in range(5):
            trail.audit.record([entry(f"{number}-{turn}")])
            assert f'"{number}-{turn}"'.encode() in trail.read("2026/01/02/03/host-1.jsonl")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert len(trail.blobs()["2026/01/02/03/host-1.jsonl"]) == 16 * 5


@pytest.mark.parametrize("status", [403, 409, 503])
def test_all_who_wait_are_told_when_it_cannot_be_stored_and_the_next_goes_on(trail: Trail, status: int) -> None:
    trail.wire.status = status
    trail.wire.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(trail.audit.record, [entry(f"lost-{number}")]) for number in range(8)]
        trail.wire.gate.set()
        for call in calls:
            assert isinstance(call.exception(), Temporary)
    trail.wire.status = None
    trail.audit.record([entry("after")])
    assert [line["what"] for line in trail.blobs()["2026/01/02/03/host-1.jsonl"]] == ["after"]


def test_an_append_whose_answer_was_lost_is_not_made_twice(trail: Trail) -> None:
    trail.audit.record([entry("one")])
    trail.wire.lost = 1
    trail.audit.record([entry("two")])
    trail.audit.record([entry("three")])
    assert [line["what"] for line in trail.blobs()["2026/01/02/03/host-1.jsonl"]] == ["one", "two", "three"]
    assert len(trail.wire.appends) == 4


def test_a_full_blob_is_followed_by_another(trail: Trail) -> None:
    trail.audit.record([entry("one")])
    trail.wire.full = {"host-1.jsonl", "host-1.jsonl-2"}
    trail.audit.record([entry("two")])
    before = len(trail.wire.appends)
    trail.audit.record([entry("three")])
    assert len(trail.wire.appends) == before + 1, "what is full is not asked again"
    assert {name: [line["what"] for line in it] for name, it in trail.blobs().items()} == {
        "2026/01/02/03/host-1.jsonl": ["one"],
        "2026/01/02/03/host-1.jsonl-2": [],
        "2026/01/02/03/host-1.jsonl-3": ["two", "three"],
    }


def test_a_blob_that_is_there_already_is_carried_on(trail: Trail) -> None:
    trail.appends.append("a", b"one\n")
    trail.appends.append("b", b"other\n")
    trail.appends.append("a", b"two\n")
    assert trail.read("a") == b"one\ntwo\n"


def test_more_than_one_append_takes_goes_in_several_of_whole_lines(trail: Trail) -> None:
    entries = [entry(f"{number:05}-{'x' * 900}") for number in range(5000)]
    trail.audit.record(entries)
    assert len(trail.wire.appends) == 1 + sum(len(it.line()) for it in entries) // MAX_BLOCK
    assert [line["what"] for line in trail.blobs()["2026/01/02/03/host-1.jsonl"]] == [it.what for it in entries]


def test_no_secret_ever_gets_in(trail: Trail) -> None:
    """Whatever place of a body it is sent in, and whatever a change shows besides."""
    datastore = {"name": "silver", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
    reference = {"key_vault_secret": "tenant-id"}
    credentials = {"tenant_id": reference, "client_id": reference, "client_secret": CANARY}
    asset = {"name": "sales", "type": "uri_file", "path": "azureml://datastores/silver/paths/a.csv"}
    for body in (
        {"datastores": [{**datastore, "credentials": credentials}]},
        {"datastores": [{**datastore, "credentials": {"account_key": CANARY}}]},
        {"datastores": [{**datastore, "credentials": CANARY}]},
        {"datastores": [{**datastore, "account_name": CANARY + "!"}]},
        {"datastores": [{**datastore, CANARY: CANARY}]},
        {"data": [{**asset, "version": CANARY * 9}]},
        {"data": [{**asset, "path": f"https://sourcedata.blob.core.windows.net/a/b?sig={CANARY}"}]},
        {"name": f"{CANARY}!", "data": [asset]},
        {"workspaces": [CANARY], "data": [asset], CANARY: CANARY},
        {"workspaces": [{"selector": {"tags": {CANARY: [CANARY]}}}], "data": [asset], "sync": {CANARY: CANARY}},
    ):
        with pytest.raises(RequestError) as refused:
            parse_registration(body, ["https://kv-one.vault.azure.net"], 50_000)
        trail.audit.record([of_request(CALLER, "register", 400, AT, fault=refused.value.fault)])
    change = {
        "asset": "datastores/silver",
        "registration": "sales",
        "outcome": "updated",
        "action": "update",
        "reasons": [{"field": "credentials", "found": CANARY, "wanted": CANARY}],
        "credentials": {"client_secret": CANARY},
    }
    held = f"https://sourcedata.blob.core.windows.net/a/b?sv=1&sig={CANARY}"
    message = f"It is there already, otherwise than wanted: path is '{held}', wanted '{held}'."
    conflict = {**change, "outcome": "conflict", "error": {"code": "Conflict", "message": message}}
    trail.audit.record(of_changes(operation(), "sub/group/ws", [change, conflict], AT))
    found = trail.read("2026/01/02/03/host-1.jsonl")
    assert len(found.splitlines()) == 12
    assert lines(found)[-1]["message"].count("https://sourcedata.blob.core.windows.net/a/b?…'") == 2
    assert CANARY.encode() not in found
