"""What is past its time is cleared away, in an order that can be cut off anywhere."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from registration.access.caller import Caller
from registration.records import clearing
from registration.records.clearing import Clearing
from registration.records.idempotency import Idempotency
from registration.records.index import Index
from registration.records.naming import new_operation_id
from registration.records.outcomes import Status
from registration.records.results import open_blob, operation_blob
from registration.records.snapshot import Kind, Operation
from shared.documents import Documents
from shared.errors import AzureBusy, Temporary
from shared.settings import Settings
from tests.support import LocalStack

CALLER = Caller("11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002")
RETENTION = timedelta(days=30)


class Breaking(Documents):
    """Its storage is away after so many writes and deletes."""

    left = inf

    def delete(self, name: str, etag: str | None = None) -> bool:
        self._count()
        return super().delete(name, etag)

    def create(self, name: str, value: Any, metadata: Any = None) -> str | None:
        self._count()
        return super().create(name, value, metadata)

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise AzureBusy("StorageUnavailable", "The service's storage is not available.")


class Here(Executor):
    """Does everything in turn, so that a cut is always at the same place."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        return future


class Store:
    """A container of its own, with operations of any age."""

    def __init__(self, stack: LocalStack, pool: ThreadPoolExecutor) -> None:
        name = f"clearing-{uuid.uuid4().hex}"
        self.documents = Breaking(BlobServiceClient.from_connection_string(stack.storage), name)
        self.index = Index(self.documents)
        self.now = datetime.now(UTC)
        self.clearing = Clearing(self.documents, self.index, pool, lambda: self.now, RETENTION)
        self.container = ContainerClient.from_connection_string(stack.storage, name)

    def operation(self, days: float, *, completed: bool = True, results: int = 2, retry: str | None = None) -> str:
        created = self.now - timedelta(days=days)
        operation = Operation(new_operation_id(), Kind.RECONCILE, CALLER, created, created, generation=1)
        self.documents.create(operation_blob(operation.id, "operation"), operation.as_json(), operation.metadata())
        self.index.add(operation)
        for part in (*(f"results/sub/group/{number}" for number in range(results)), "enqueued", "partial/a/b/c"):
            self.documents.create(operation_blob(operation.id, part), {})
        if retry is not None:
            self.documents.create(operation_blob(operation.id, "retried"), {"operation": retry})
        self.documents.create(open_blob(operation.id), {})
        if completed:
            self.documents.create(operation_blob(operation.id, "completed"), {}, {"status": "Succeeded"})
            self.index.finish(operation.id, operation.metadata(), Status.SUCCEEDED.value, {})
        return operation.id

    def listed(self) -> set[str]:
        return {entry.metadata["operation"] for entry in self.documents.list("index/")}

    def stored(self) -> set[str]:
        """Ids of which anything is left below `operations/`."""
        return {name.split("/")[1] for name in self.documents.names("operations/")}

    def rest(self, *prefixes: str) -> list[str]:
        return [name for prefix in prefixes for name in self.documents.names(prefix)]


@pytest.fixture
def store(stack: LocalStack) -> Iterator[Store]:
    with ThreadPoolExecutor(8) as pool:
        store = Store(stack, pool)
        store.documents.create("registrations/sales", {})
        yield store
        store.container.delete_container()


def test_what_is_completed_and_old_goes_altogether(store: Store) -> None:
    old = [store.operation(days) for days in (31, 45, 400)]
    young = {store.operation(days) for days in (0, 1, 29.9)}
    assert store.clearing.clear(inf) == len(old)
    assert store.listed() == store.stored() == young
    assert set(store.rest("open/", "clearing/")) == {open_blob(operation) for operation in young}
    assert store.rest("registrations/") == ["registrations/sales"]
    assert store.clearing.clear(inf) == 0


def test_what_is_not_completed_stays_however_old(store: Store) -> None:
    running = store.operation(90, completed=False)
    done = store.operation(90)
    assert store.clearing.clear(inf) == 1
    assert store.listed() == store.stored() == {running} != {done}
    store.documents.create(operation_blob(running, "completed"), {})
    assert store.clearing.clear(inf) == 1, "the marker counts, though the index does not know"
    assert store.listed() == store.stored() == set()


def test_what_a_running_retry_is_linked_to_stays_until_that_ends(store: Store) -> None:
    retry = store.operation(0, completed=False)
    first = store.operation(31, retry=retry)
    other = store.operation(31, retry=new_operation_id())  # whose retry is gone
    assert store.clearing.clear(inf) == 1
    assert store.stored() == {first, retry} != {other}
    store.documents.create(operation_blob(retry, "completed"), {})
    assert store.clearing.clear(inf) == 1
    assert store.stored() == store.listed() == {retry}


def test_more_than_are_removed_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "AT_ONCE", 3)
    monkeypatch.setattr(clearing, "DELETES", 4)
    for number in range(10):
        store.operation(31 + number, results=number)
    assert store.clearing.clear(inf) == 10
    assert store.rest("operations/", "index/", "open/", "clearing/") == []


def test_nothing_is_begun_when_there_is_no_time(store: Store) -> None:
    old = store.operation(31)
    assert store.clearing.clear(0.0) == 0
    assert store.listed() == store.stored() == {old}


def test_it_stops_when_the_time_is_over_and_goes_on_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time passes with each look at it; every call stops at another place."""
    monkeypatch.setattr(clearing, "AT_ONCE", 2)
    monkeypatch.setattr(clearing, "DELETES", 3)
    everything = {store.operation(31 + number) for number in range(5)}
    gone, calls = 0, 0
    while store.rest("operations/", "clearing/"):
        calls += 1
        ticks = itertools.count()
        monkeypatch.setattr(clearing, "monotonic", lambda ticks=ticks: next(ticks))
        gone += store.clearing.clear(3)
        assert all_there(store)
        assert calls < 50
    assert calls > 2
    assert gone == len(everything)
    assert store.rest("index/", "open/") == []


def all_there(store: Store) -> bool:
    """Nothing is listed that is gone; nothing is left that no call would find."""
    whole = {name.split("/")[1] for name in store.rest("operations/") if name.endswith("/operation")}
    begun = {name.removeprefix("clearing/") for name in store.rest("clearing/")}
    return store.listed() <= whole and store.stored() <= store.listed() | begun


def test_cut_off_anywhere_it_leaves_nothing_listed_that_is_gone(store: Store) -> None:
    """Cut off after each number of writes, and the call that goes on with it cut off in turn."""
    store.clearing = Clearing(store.documents, store.index, Here(), lambda: store.now, RETENTION)
    kept = {store.operation(1)}
    for first, second in itertools.product(range(10), (0, 1, 3)):
        store.operation(31)
        for writes in (first, second, inf):
            store.documents.left = writes
            with suppress(Temporary):
                store.clearing.clear(inf)
            assert all_there(store)
        assert store.listed() == store.stored() == kept
        assert store.rest("clearing/") == []
    store.operation(31)
    store.documents.left = 10
    assert store.clearing.clear(inf) == 1, "so many writes are all that it takes"


def test_what_is_needed_again_before_it_left_the_list_stays(store: Store) -> None:
    old = store.operation(31)
    store.documents.left = 1  # the marker alone
    with pytest.raises(Temporary):
        store.clearing.clear(inf)
    store.documents.left = inf
    assert store.rest("clearing/") == [f"clearing/{old}"]
    retry = store.operation(0, completed=False)
    store.documents.create(operation_blob(old, "retried"), {"operation": retry})
    assert store.clearing.clear(inf) == 0
    assert store.listed() == store.stored() == {old, retry}
    assert store.rest("clearing/") == []


def test_storage_that_is_away_is_told(store: Store) -> None:
    store.operation(31)
    store.documents.left = 0
    with pytest.raises(Temporary):
        store.clearing.clear(inf)


def test_what_is_damaged_stays_and_concerns_no_other(store: Store) -> None:
    nameless, linked = store.operation(32), store.operation(32, retry="x")
    [entry] = [entry for entry in store.documents.list("index/") if entry.metadata["operation"] == nameless]
    store.documents.replace(entry.name, {}, metadata={"operation": ""})
    store.documents.replace(operation_blob(linked, "retried"), {"operations": 1})
    store.documents.create("clearing/", {})
    store.documents.create("index/none", {})
    fine = store.operation(31)
    assert store.clearing.clear(inf) == 1
    assert store.stored() == {nameless, linked} != {fine}
    assert store.rest("registrations/") == ["registrations/sales"]


@pytest.mark.parametrize("listed", ["registrations/sales", None, 7])
def test_a_removal_whose_marker_is_damaged_goes_on_and_takes_nothing_else_along(store: Store, listed: object) -> None:
    old = store.operation(31)
    store.documents.create(f"clearing/{old}", {"listed": listed})
    assert store.clearing.clear(inf) == 1
    assert store.rest("operations/", "index/", "open/", "clearing/") == []
    assert store.rest("registrations/") == ["registrations/sales"]


def test_an_entry_that_names_another_operation_takes_nothing_of_that_along(store: Store) -> None:
    old, young = store.operation(31), store.operation(1)
    [entry] = [entry for entry in store.documents.list("index/") if entry.metadata["operation"] == old]
    store.documents.replace(entry.name, {}, metadata={**entry.metadata, "operation": young})
    assert store.clearing.clear(inf) == 0
    assert store.stored() == {old, young}


def test_what_cannot_be_deleted_is_tried_again(store: Store) -> None:
    stuck, fine = store.operation(31), store.operation(31)
    name = operation_blob(stuck, "results/sub/group/1")
    lease = store.container.get_blob_client(name).acquire_lease()
    assert store.clearing.clear(inf) == 1
    assert store.rest("operations/") == [name]
    assert not store.listed() & {stuck, fine}
    lease.release()
    assert store.clearing.clear(inf) == 1
    assert store.rest("operations/", "clearing/") == []


def test_two_hosts_at_once_do_no_harm(store: Store) -> None:
    for _ in range(40):
        store.operation(31)
    kept = store.operation(1)
    with ThreadPoolExecutor(2) as hosts:
        calls = [hosts.submit(store.clearing.clear, inf) for _ in range(2)]
        assert sum(call.result() for call in calls) >= 40
    assert store.listed() == store.stored() == {kept}
    assert store.rest("clearing/") == []


def test_records_of_keys_that_have_expired_go(store: Store) -> None:
    keys, operation = Idempotency(store.documents), new_operation_id()

    def claim() -> Any:
        return keys.claim(CALLER, "/api/registrations", "a-key", b"{}", operation, store.now)

    first = claim()
    assert first.fresh
    store.now += timedelta(days=6.9)
    store.clearing.clear(inf)
    assert not claim().fresh
    store.now += timedelta(days=0.2)
    store.clearing.clear(inf)
    assert store.rest("idempotency/") == []
    assert claim().fresh


def test_the_setting_is_no_less_than_a_keys_life() -> None:
    settings = {"AzureWebJobsStorage": "x", "PUBLIC_URL": "https://a.example", "POLICY_FILE": "x"}
    assert Settings.read(settings).retention_days == 30
    assert Settings.read({**settings, "OPERATION_RETENTION_DAYS": "7"}).retention_days == 7
    for wrong in ("6", "-1", "soon", "36501"):
        with pytest.raises(Exception, match="OPERATION_RETENTION_DAYS is not a whole number from 7 to 36500"):
            Settings.read({**settings, "OPERATION_RETENTION_DAYS": wrong})
