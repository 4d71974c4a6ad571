"""Documents that somebody has edited by hand, anywhere: whoever meets one is told which it is, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.stack import TENANT
from registration.access.caller import Caller
from registration.records.inventory import workspace_blob
from registration.records.naming import new_operation_id
from registration.records.results import operation_blob
from registration.records.snapshot import Depth, Kind, Operation
from registration.views.across import AssetQuery
from registration.views.listing import Query
from registration.views.overview import WorkspaceQuery
from registration.views.rendering import plan_text
from registration.views.shelf import ShelfQuery
from registration.wiring import Wiring
from shared.errors import Damaged, RequestError
from shared.workspace import Workspace
from tests.road.journey import SECRETS, Journey, blobs, data, registration, target
from tests.support import LocalStack, eventually

DEEP, ENDLESS, HALF = "<deep>", "<endless>", "<half>"
"""Marks of what json.dumps does not write."""
_WRITTEN = {
    f'"{DEEP}"': "[" * 300 + "]" * 300,
    f'"{ENDLESS}"': "9" * 4000,
    f'"{HALF}"': '"\\ud800"',
}
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**40,
    "",
    "x",
    "data/x",
    "9" * 5000,
    [],
    {},
    [None],
    [{}],
    [["a", "b"]],
    {"x": None},
    {"x": {}},
    DEEP,
    ENDLESS,
    HALF,
]
Path = tuple[str | int, ...]


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a document, the whole of it first."""
    yield at
    for name, it in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(it, (*at, name))


def changed(value: Any, at: Path, to: Any) -> Any:
    if not at:
        return to
    copied = value.copy()
    copied[at[0]] = changed(value[at[0]], at[1:], to)
    return copied


def written(value: Any) -> bytes:
    text = json.dumps(value)
    for mark, content in _WRITTEN.items():
        text = text.replace(mark, content)
    return text.encode()


@contextmanager
def not_found() -> Iterator[None]:
    """404 is an answer."""
    try:
        yield
    except RequestError as error:
        if error.status != 404:
            raise


@dataclass
class Scene:
    """A workspace with a history, and all that is stored of it."""

    stack: LocalStack
    parts: Wiring
    key: str
    name: str
    operation: str

    def __post_init__(self) -> None:
        self.admin = self._caller("platform-admin")
        self.owner = self._caller("data-factory")
        self.sound: dict[str, tuple[bytes, Mapping[str, str]]] = {}
        for blob in (
            f"registrations/{self.name}",
            workspace_blob(self.key),
            operation_blob(self.operation, "operation"),
            operation_blob(self.operation, f"results/{self.key}"),
        ):
            client = blobs(self.stack).get_blob_client(blob)
            eventually(lambda client=client: client.get_blob_properties().lease.state != "leased")  # type: ignore[misc]
            found = client.download_blob()
            self.sound[blob] = found.readall(), dict(found.properties.metadata)
        self.places = [(blob, at) for blob, (text, _) in self.sound.items() for at in places(json.loads(text))]

    def _caller(self, identity: str) -> Caller:
        return Caller(TENANT, self.stack.description["identities"][identity]["object_id"])

    def damage(self, blob: str, at: Path, to: Any) -> None:
        text, metadata = self.sound[blob]
        self.put(blob, written(changed(json.loads(text), at, to)), metadata)

    def put(self, blob: str, content: bytes, metadata: Mapping[str, str]) -> None:
        blobs(self.stack).upload_blob(blob, content, overwrite=True, metadata=dict(metadata))
        self.parts.assignments.forget(self.operation)

    def mend(self) -> None:
        for blob, (content, metadata) in self.sound.items():
            self.put(blob, content, metadata)

    def views(self) -> Iterator[Callable[[], Any]]:
        """What callers ask. Damaged is answered with 409 and the document's name."""
        parts, admin = self.parts, self.admin
        yield lambda: parts.catalog.current(fresh=0.0)
        for caller in (admin, self.owner):
            yield lambda caller=caller: parts.shelf.page(caller, ShelfQuery())  # type: ignore[misc]
            yield lambda caller=caller: parts.shelf.get(caller, self.name)  # type: ignore[misc]
        yield lambda: parts.overview.page(admin, WorkspaceQuery(subscription=self.key[:36]))
        yield lambda: parts.overview.get(admin, self.key)
        yield lambda: parts.across.asset(admin, "data", "sales", AssetQuery())
        yield lambda: parts.across.asset(admin, "datastores", "silver", AssetQuery())
        yield lambda: parts.listing.page(admin, Query(registration=self.name))
        for caller in (admin, self.owner):
            yield lambda caller=caller: parts.reports.status(caller, self.operation)  # type: ignore[misc]
            yield lambda caller=caller: parts.reports.result(caller, self.operation)[1]  # type: ignore[misc]
            yield lambda caller=caller: plan_text(parts.reports.result(caller, self.operation)[1])  # type: ignore[misc]

    def look(self) -> None:
        for view in self.views():
            with suppress(Damaged), not_found():
                json.dumps(view(), ensure_ascii=False, allow_nan=False, default=str).encode()

    def work(self, operation: str | None = None) -> dict[str, Any]:
        """One message's work, and its result: of a run over what is stored, or of an operation that is there."""
        operation = operation or self.run()
        self.parts.worker.process(json.dumps({"operation": operation, "workspace": self.key}).encode())
        return self.parts.results.read(operation, self.key)

    def run(self) -> str:
        """The id of an operation over what is stored, of which no message is out."""
        now = datetime.now(UTC)
        workspace = Workspace.model_validate(target(self.key))
        run = Operation(
            new_operation_id(),
            Kind.RECONCILE,
            self.admin,
            now,
            now + timedelta(hours=1),
            (workspace,),
            depth=Depth.DEEP,
        )
        self.parts.documents.create(operation_blob(run.id, "operation"), run.as_json(), run.metadata())
        return run.id


@pytest.fixture
def scene(alone: None, stack: LocalStack, parts: Wiring, factory: Journey, name: str) -> Scene:
    key = stack.new_workspace()
    body = registration(
        [key],
        data("sales", version="1", tags={"team": "sales"}, description="ours"),
        data("hr", version="1"),
        name=name,
        sync={"drift": "report"},
    )
    body["datastores"].append({**body["datastores"][0], "name": "gold", "credentials": SECRETS})
    factory.done(body)
    held = stack.arm("GET", f"{key}/data/sales/versions/1").json()
    changes = {"properties": {**held["properties"], "tags": {"team": "hr"}}}
    assert stack.arm("PUT", f"{key}/data/sales/versions/1", changes).is_success
    body["data"].append({**data("sales", "b", version="2"), "mltable": None})
    body["data"][0]["path"] = "azureml://datastores/silver/paths/other.csv"
    body["data"][0]["version"] = "1"
    done = factory.done(body, 424)
    return Scene(stack, parts, key, name, done["id"])


def test_a_document_that_is_changed_anywhere_is_named_and_stops_nothing_else(scene: Scene) -> None:
    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.sampled_from(scene.places), st.sampled_from(VALUES))
    def meet(place: tuple[str, Path], value: Any) -> None:
        blob, at = place
        try:
            scene.damage(blob, at, value)
            scene.look()
            result = scene.work(scene.operation if blob.endswith("/operation") else None)
            assert result.get("error", {}).get("code") in {None, "DocumentDamaged"}, result
        finally:
            scene.mend()

    meet()


def test_a_vault_that_is_no_longer_on_the_list_fails_its_datastore_alone(scene: Scene) -> None:
    blob = f"registrations/{scene.name}"
    at = ("registration", "datastores", 1, "credentials", "client_secret", "key_vault_secret")
    scene.damage(blob, at, "https://elsewhere.vault.azure.net/secrets/sp-password")
    scene.parts.catalog.current(fresh=0.0)
    found = {change["asset"]: change for change in scene.work()["changes"]}
    assert found["datastores/gold"]["error"]["code"] == "UnknownVault"
    assert (found["datastores/silver"]["outcome"], found["data/hr/1"]["outcome"]) == ("unchanged", "unchanged")


@pytest.mark.parametrize("note", [b"{", b"[]", b'{"a": null}', b'{"a": {"asset": 1}}'])
def test_a_note_of_what_was_done_before_that_is_damaged_is_named(scene: Scene, note: bytes) -> None:
    """What this message did itself is told all the same."""
    for canceled in (False, True):
        operation = scene.run()
        partial = operation_blob(operation, f"partial/{scene.key}")
        blobs(scene.stack).upload_blob(partial, note)
        if canceled:
            blobs(scene.stack).upload_blob(operation_blob(operation, "cancel"), b"{}")
        message = {"operation": operation, "workspace": scene.key, "resumed": True, "canceled": canceled}
        scene.parts.worker.process(json.dumps(message).encode())
        result = scene.parts.results.read(operation, scene.key)
        assert (result["outcome"], result["error"]["code"]) == ("failed", "DocumentDamaged")
        assert partial in result["error"]["message"]
        assert bool(result["changes"]) is not canceled


@pytest.mark.parametrize("note", [b"{", b"[]", b'{"reason": 7}'])
def test_a_poisoned_message_whose_reason_is_damaged_ends_all_the_same(scene: Scene, note: bytes) -> None:
    run = scene.run()
    blobs(scene.stack).upload_blob(operation_blob(run, f"trouble/{scene.key}"), note)
    scene.parts.worker.give_up(json.dumps({"operation": run, "workspace": scene.key}).encode())
    assert scene.parts.results.read(run, scene.key)["error"]["code"] == "Poisoned"


@pytest.mark.parametrize("note", [b"{", b"[]", b'{"operation": null}'])
def test_a_retry_whose_mark_is_damaged_names_it(scene: Scene, note: bytes) -> None:
    blob = operation_blob(scene.operation, "retried")
    blobs(scene.stack).upload_blob(blob, note)
    answer = Journey(scene.stack).http.post(f"/api/operations/{scene.operation}/retry")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "DocumentDamaged"), answer.text
    assert blob in answer.json()["error"]["message"]


def test_an_operation_that_is_damaged_is_named_to_its_sender_alone(scene: Scene) -> None:
    blob = operation_blob(scene.operation, "operation")
    scene.put(blob, b"{", {**scene.sound[blob][1], "warnings": "1"})
    owner, stranger = Journey(scene.stack), Journey(scene.stack, "stranger")
    for way in ("retry", "cancel"):
        assert stranger.http.post(f"/api/operations/{scene.operation}/{way}").status_code == 404
    answer = owner.http.post(f"/api/operations/{scene.operation}/retry")
    assert (answer.status_code, blob in answer.text) == (409, True)
    for path, status in (("", 200), ("/result", 424)):
        answer = owner.http.get(f"/api/operations/{scene.operation}{path}")
        assert (answer.status_code, blob in answer.json()["warnings"][0]) == (status, True)


@pytest.mark.parametrize("prune", ["keep", "archive"])
def test_a_registration_whose_operation_is_damaged_can_be_deleted(scene: Scene, prune: str) -> None:
    journey = Journey(scene.stack)
    document = json.loads(scene.sound[f"registrations/{scene.name}"][0])["registration"]
    body = {**document, "sync": {"prune": prune}}
    last = journey.done(body, 424)["id"]
    scene.put(operation_blob(last, "operation"), b"{", scene.sound[operation_blob(scene.operation, "operation")][1])
    answer = journey.http.delete(f"/api/registrations/{scene.name}")
    assert answer.status_code == {"keep": 204, "archive": 202}[prune], answer.text
    if prune == "archive":
        operation = answer.json()["id"]
        scene.put(operation_blob(operation, "operation"), b"{", {})
        again = journey.http.delete(f"/api/registrations/{scene.name}")
        assert again.status_code in {202, 404}, again.text
