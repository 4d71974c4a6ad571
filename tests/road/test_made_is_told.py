"""What was made in a workspace is told, by its result and by the audit trail, however its work ended."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobLeaseClient, ContainerClient

from registration.access.caller import Caller
from registration.records.inventory import write_state
from registration.records.messages import WorkMessage
from registration.request.document import parse_registration
from registration.wiring import Wiring
from registration.work import worker
from shared.errors import AzureBusy
from shared.settings import AUDIT_CONTAINER
from tests.road.journey import Journey, data, fault, registration
from tests.support import LocalStack

MADE = {"datastores/silver": "created", "data/hr/1": "created"}


class Begun:
    """A registration in one workspace, worked on by this process: a message sent is a message kept."""

    def __init__(self, stack: LocalStack, parts: Wiring, factory: Journey) -> None:
        me = factory.http.get("/api/me").json()
        self.stack, self.parts = stack, parts
        self.caller = Caller(me["tenant_id"], me["object_id"])
        self.key, self.name = stack.new_workspace(), f"told-{uuid.uuid4().hex[:8]}"
        self.sent: list[Mapping[str, object]] = []
        parts.queue.send = self._keep  # type: ignore[method-assign]
        self.id = self.accept(data("hr", version="1"), data("sales", version="1"))

    def _keep(self, message: Mapping[str, object], delay: float = 0.0) -> None:  # noqa: ARG002
        self.sent.append(message)

    def accept(self, *assets: dict[str, Any]) -> str:
        body = registration([self.key], *assets, name=self.name)
        request = parse_registration(body, self.parts.settings.key_vault_urls, self.parts.settings.max_changes)
        operation = str(uuid.uuid4())
        self.parts.operations.accept(operation, self.caller, request, lambda _: None, fresh=True)
        return operation

    def work(self) -> None:
        """On the oldest message that was sent."""
        self.parts.worker.process(json.dumps(self.sent.pop(0)).encode())

    def half(self) -> None:
        """All but one asset; the rest waits in a copy."""
        headers = {"Retry-After": "600"}
        with fault(self.stack, self.key, match="/data/sales", method="PUT", status=503, headers=headers, count=1):
            self.work()
        assert self.sent[0]["resumed"] is True

    def told(self) -> dict[str, str]:
        """By the result: asset -> what became of it."""
        result = self.parts.results.read(self.id, self.key)
        return {change["asset"]: change["outcome"] for change in result["changes"]}

    def outcome(self) -> str:
        return str(self.parts.results.read(self.id, self.key)["outcome"])

    def applied(self) -> list[str]:
        """By the audit trail: asset and outcome, as often as it says so."""
        trail = ContainerClient.from_connection_string(self.stack.storage, AUDIT_CONTAINER)
        names = list(trail.list_blob_names()) if trail.exists() else []
        lines = [line for name in names for line in trail.download_blob(name).readall().splitlines()]
        found = [it for it in map(json.loads, lines) if it.get("operation") == self.id and it["event"] == "applied"]
        return sorted(f"{it['what']} {it['outcome']}" for it in found)


def lines(told: Mapping[str, str]) -> list[str]:
    return sorted(f"{asset} {outcome}" for asset, outcome in told.items())


@pytest.fixture
def begun(stack: LocalStack, parts: Wiring, factory: Journey) -> Begun:
    return Begun(stack, parts, factory)


def late(begun: Begun) -> None:
    """The deadline passes before the rest has its turn."""
    begun.parts.worker._clock = lambda: datetime.now(UTC) + timedelta(days=30)
    begun.work()


def poisoned(begun: Begun) -> None:
    """The rest ends on the poison queue."""
    begun.parts.worker.give_up(json.dumps(begun.sent.pop(0)).encode())


def forbidden(begun: Begun) -> None:
    """The service has lost its role when the rest has its turn."""
    with fault(begun.stack, begun.key, method="GET", status=403, count=20):
        begun.work()
    begun.stack.emulator("POST", "reset", {})


def busy(begun: Begun) -> None:
    """Azure is busy once too often."""
    with fault(begun.stack, begun.key, method="GET", status=503, headers={"Retry-After": "600"}, count=20):
        begun.parts.worker.process(json.dumps({**begun.sent.pop(0), "attempt": 99}).encode())
    begun.stack.emulator("POST", "reset", {})


def overtaken(begun: Begun) -> None:
    """A newer request was carried out meanwhile."""
    begun.accept(data("hr", version="1"))
    rest = begun.sent.pop(0)
    begun.work()
    begun.sent.append(rest)
    begun.work()


@pytest.mark.parametrize(
    ("end", "outcome"),
    [(late, "expired"), (poisoned, "failed"), (forbidden, "failed"), (busy, "failed"), (overtaken, "superseded")],
)
def test_what_was_made_before_the_rest_had_to_wait(begun: Begun, end: Callable[[Begun], None], outcome: str) -> None:
    begun.half()
    end(begun)
    assert (begun.outcome(), begun.told()) == (outcome, MADE)
    assert begun.applied() == lines(MADE)


def test_by_a_message_that_knows_of_no_earlier_one(begun: Begun) -> None:
    """As the sweeper sends them, when nothing was heard for long."""
    begun.half()
    begun.sent = [WorkMessage(begun.id, begun.key).as_json()]
    begun.work()
    made = {**MADE, "data/sales/1": "created"}
    assert (begun.outcome(), begun.told()) == ("succeeded", made)
    assert begun.applied() == lines(made)


def test_though_the_trail_cannot_be_written_at_first(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:

        def refuse(*_: object) -> None:
            raise AzureBusy("StorageRefused", "The service's storage takes nothing more.")

        away.setattr(begun.parts.audit._appends, "append", refuse)
        begun.work()
    assert begun.applied() == []
    begun.work()
    made = {**MADE, "data/sales/1": "created"}
    assert (begun.outcome(), begun.told()) == ("succeeded", made)
    assert begun.applied() == lines(made)


def test_though_the_lease_is_lost_on_the_way(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, reconcile = begun.parts.worker, begun.parts.worker._reconciler.reconcile

    def usurped(*arguments: Any) -> Any:
        reconciled = reconcile(*arguments)
        document = begun.parts.documents._open().get_blob_client(f"workspaces/{begun.key}")
        BlobLeaseClient(document).break_lease(0)
        BlobLeaseClient(document).acquire(15)
        return reconciled

    with monkeypatch.context() as other:
        other.setattr(worker._reconciler, "reconcile", usurped)
        begun.work()
    BlobLeaseClient(begun.parts.documents._open().get_blob_client(f"workspaces/{begun.key}")).break_lease(0)
    begun.work()
    made = {**MADE, "data/sales/1": "created"}
    assert (begun.outcome(), begun.told()) == ("succeeded", made)
    assert begun.applied() == lines(made)


def test_a_message_that_is_delivered_again_after_its_end_tells_nothing_twice(begun: Begun) -> None:
    begun.half()
    [rest] = begun.sent
    begun.work()
    told = begun.applied()
    begun.parts.worker.give_up(json.dumps(rest).encode())
    begun.sent = [rest]
    late(begun)
    assert (begun.outcome(), begun.applied()) == ("succeeded", told)


def test_what_a_run_made_that_was_cut_off_before_it_noted_anything(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the host is killed between the last write and what is noted of it: the intents alone are left."""
    noted = write_state
    calls = []

    def killed(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) > 1:
            raise RuntimeError
        noted(*arguments)

    message = begun.sent[0]
    monkeypatch.setattr(worker, "write_state", killed)
    with pytest.raises(RuntimeError):
        begun.work()
    monkeypatch.undo()
    begun.sent.insert(0, message)
    begun.work()
    everything = {**MADE, "data/sales/1": "created"}
    assert (begun.told(), begun.outcome()) == (everything, "succeeded")
    assert begun.applied() == lines(everything)
    begun.id = begun.accept(data("hr", version="1"), data("sales", version="1"))
    begun.work()
    assert begun.told() == dict.fromkeys(everything, "unchanged"), "it is told once"
    assert begun.applied() == []
