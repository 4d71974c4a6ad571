"""Builds the parts, each at its first use, from the settings; alone in knowing which implementation is used."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from registration.access.caller import door_problem
from registration.access.policy_watch import PolicyWatch
from registration.records.catalog import Catalog
from registration.records.index import Index
from registration.records.results import Results
from registration.work.audit import Audit
from shared import logs
from shared.documents import Documents
from shared.errors import Misconfigured
from shared.queues import Queue
from shared.settings import AUDIT_CONTAINER, CONTAINER, QUEUE, Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from registration.accepting.acceptance import Acceptance
    from registration.accepting.admission import Admission
    from registration.accepting.cancellation import Cancellation
    from registration.accepting.reconciliation import Reconciliation
    from registration.accepting.removal import Removal
    from registration.records.clearing import Clearing
    from registration.records.idempotency import Idempotency
    from registration.records.operations import Operations
    from registration.records.sweeping import Sweeper
    from registration.views.across import Across
    from registration.views.listing import Listing
    from registration.views.overview import Overview
    from registration.views.planning import Planning
    from registration.views.reports import Reports
    from registration.views.shelf import Shelf
    from registration.work.assignments import Assignments
    from registration.work.expanding import Expander
    from registration.work.reconcile import Reconciler
    from registration.work.worker import Worker
    from shared.arm import Arm
    from shared.azureml.discovery import Discovery
    from shared.lake import Lake
    from shared.outbound import Outbound
    from shared.secrets import Vaults
    from shared.transport import Transport

STORAGE_THREADS = 32
"""Calls to storage in flight, for what is sent or read many at a time."""

FILE_EVERY, BLOB_EVERY = 1.0, 30.0
"""Seconds between two looks at the policy."""


T = TypeVar("T")

_building = threading.RLock()
"""Whoever builds parts holds it: from Python 3.12 on, `cached_property` lets two threads build the same one."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Wiring:
    """The parts of one process. A part that cannot be built raises Misconfigured, each time it is asked for."""

    @cached_property
    def settings(self) -> Settings:
        logs.quiet_the_sdks()
        return Settings.read()

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(STORAGE_THREADS, thread_name_prefix="storage")

    @cached_property
    def identity(self) -> TokenCredential:
        from shared.credentials import app_identity

        return app_identity(self.settings)

    @cached_property
    def transport(self) -> Transport:
        """For vaults, the policy and the lake; calls to ARM go through `arm_transport`, storage has one of its own."""
        from shared.transport import Transport

        return Transport()

    @cached_property
    def arm_transport(self) -> Transport:
        from shared.heartbeat import Heartbeat
        from shared.throttle import Throttle
        from shared.transport import Transport

        throttle = Throttle(Heartbeat(self.documents).hosts)
        return Transport(throttle, urlsplit(self.settings.arm_endpoint).netloc)

    @cached_property
    def documents(self) -> Documents:
        from shared.storage import blob_service

        return Documents(blob_service(lambda: self.identity), CONTAINER)

    @cached_property
    def queue(self) -> Queue:
        from shared.storage import queue_service

        return Queue(queue_service(lambda: self.identity), QUEUE)

    @cached_property
    def policy(self) -> PolicyWatch:
        from shared.watched import WatchedBlob, WatchedFile

        if self.settings.policy_file is not None:
            return PolicyWatch(WatchedFile(self.settings.policy_file), FILE_EVERY)
        url = self.settings.policy_url or ""
        return PolicyWatch(WatchedBlob(url, lambda: self.identity, self.transport), BLOB_EVERY)

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(self.documents, self.pool)

    @cached_property
    def idempotency(self) -> Idempotency:
        from registration.records.idempotency import Idempotency

        return Idempotency(self.documents)

    @cached_property
    def index(self) -> Index:
        return Index(self.documents)

    @cached_property
    def results(self) -> Results:
        # Operations are made of these results, so that they are looked up when they are needed.
        return Results(self.documents, self.index, lambda operation: self.operations.bury(operation))  # noqa: PLW0108

    @cached_property
    def operations(self) -> Operations:
        from registration.records.operations import Operations

        return Operations(
            self.documents, self.catalog, self.results, self.index, self.queue, self.pool, utc_now, self.deadline
        )

    @cached_property
    def deadline(self) -> timedelta:
        return timedelta(minutes=self.settings.deadline_minutes)

    @cached_property
    def acceptance(self) -> Acceptance:
        from registration.accepting.acceptance import Acceptance

        return Acceptance(
            self.settings,
            self.policy.current,
            self.catalog,
            self.admission,
            self.idempotency,
            self.operations,
            self.results,
            utc_now,
        )

    @cached_property
    def admission(self) -> Admission:
        from registration.accepting.admission import Admission

        return Admission(self.catalog, self.policy.current, utc_now)

    @cached_property
    def removal(self) -> Removal:
        from registration.accepting.removal import Removal

        return Removal(
            self.documents,
            self.catalog,
            self.admission,
            self.operations,
            self.policy.current,
            utc_now,
            self.deadline,
        )

    @cached_property
    def reconciliation(self) -> Reconciliation:
        from registration.accepting.reconciliation import Reconciliation

        limit = self.settings.max_body_bytes
        return Reconciliation(
            self.catalog, self.operations, self.idempotency, self.policy.current, utc_now, self.deadline, limit
        )

    @cached_property
    def planning(self) -> Planning:
        from registration.views.planning import Planning

        return Planning(
            self.settings,
            self.documents,
            self.catalog,
            self.acceptance,
            self.admission,
            self.operations,
            self.assignments,
            self.expander,
            self._later(lambda parts: parts.reconciler),
            self.policy.current,
            utc_now,
        )

    @cached_property
    def assignments(self) -> Assignments:
        from registration.work.assignments import Assignments

        return Assignments(self.operations, self.catalog, self.policy.current, utc_now)

    @cached_property
    def expander(self) -> Expander:
        from registration.work.expanding import Expander

        return Expander(self.documents, self.catalog, self._later(lambda parts: parts.discovery), self.policy.current)

    @cached_property
    def audit(self) -> Audit:
        from shared.appends import Appends
        from shared.storage import blob_service

        appends = Appends(blob_service(lambda: self.identity), AUDIT_CONTAINER)
        return Audit(appends, str(uuid.uuid4()), utc_now)

    @cached_property
    def clearing(self) -> Clearing:
        from registration.records.clearing import Clearing

        retention = timedelta(days=self.settings.retention_days)
        return Clearing(self.documents, self.index, self.pool, utc_now, retention)

    @cached_property
    def reports(self) -> Reports:
        from registration.views.reports import Reports

        return Reports(self.operations, self.results, self.policy.current, self.settings.public_url or "", self.pool)

    @cached_property
    def listing(self) -> Listing:
        from registration.views.listing import Listing

        return Listing(
            self.index, self.operations, self.results, self.policy.current, self.settings.public_url or "", self.pool
        )

    @cached_property
    def shelf(self) -> Shelf:
        from registration.views.shelf import Shelf

        return Shelf(self.catalog, self.policy.current, self.settings.public_url or "")

    @cached_property
    def overview(self) -> Overview:
        from registration.views.overview import Overview

        return Overview(self.documents, self.catalog, self.policy.current, self.settings.public_url or "")

    @cached_property
    def across(self) -> Across:
        from registration.views.across import Across

        return Across(self.documents, self.catalog, self.policy.current, self.settings.public_url or "", self.pool)

    @cached_property
    def sweeper(self) -> Sweeper:
        from registration.records.sweeping import Sweeper

        return Sweeper(self.documents, self.operations, self.results, utc_now)

    @cached_property
    def cancellation(self) -> Cancellation:
        from registration.accepting.cancellation import Cancellation

        return Cancellation(self.documents, self.operations, self.results, self.policy.current, utc_now)

    @cached_property
    def vaults(self) -> Vaults:
        from shared.secrets import Vaults

        return Vaults(self.settings.key_vault_urls, lambda: self.identity, self.transport)

    @cached_property
    def lake(self) -> Lake:
        from shared.lake import Lake

        return Lake(self.settings.lake_endpoint, lambda: self.identity, self.transport)

    @cached_property
    def outbound(self) -> Outbound:
        """Who calls Azure ML, by subscription."""
        from shared.outbound import Outbound

        return Outbound(self.settings, lambda: self.identity, self.vaults, self.transport)

    @cached_property
    def arm(self) -> Arm:
        from shared.arm import Arm

        settings = self.settings
        return Arm(settings.arm_endpoint, settings.cloud.scope, self.outbound.credential, self.arm_transport)

    @cached_property
    def discovery(self) -> Discovery:
        from shared.azureml.discovery import Discovery

        return Discovery(self.arm)

    @cached_property
    def reconciler(self) -> Reconciler:
        from registration.work.reconcile import Reconciler
        from registration.work.wishes import Wishes
        from shared.azureml.clients import Clients
        from shared.azureml.reader import Reader
        from shared.azureml.writer import Writer

        settings = self.settings
        clients = Clients(
            settings.cloud, settings.arm_endpoint, settings.authority_host, self.outbound, self.arm_transport
        )
        own = frozenset if settings.allow_shared_principal else self.outbound.client_ids
        return Reconciler(
            Reader(self.arm),
            Writer(clients, settings.authority_host, settings.cloud.storage_suffix),
            self.lake,
            Wishes(
                self.vaults,
                settings.key_vault_urls,
                settings.cloud.storage_suffix,
                settings.authority_host,
                own,
            ),
            settings.cloud.storage_suffix,
        )

    @cached_property
    def worker(self) -> Worker:
        from registration.records.cancellations import Cancellations
        from registration.records.endings import Endings
        from registration.work.notes import Notes
        from registration.work.searching import Search
        from registration.work.worker import Worker

        cancellations = Cancellations(self.documents)
        return Worker(
            self.documents,
            self.assignments,
            Search(self.operations, self.assignments, self.expander, cancellations),
            Notes(self.documents),
            self.results,
            self.queue,
            self.reconciler,
            self.audit,
            cancellations,
            Endings(self.results),
            utc_now,
            self.settings.max_attempts,
        )

    def _later(self, part: Callable[[Wiring], T]) -> Callable[[], T]:
        """For parts that are looked up when they are needed, and lead to the throttle: there must be one of it. To be
        called by who holds no lock of his own."""

        def look_up() -> T:
            with _building:
                return part(self)

        return look_up

    def problems(self) -> list[str]:
        """What is misconfigured, by the names of settings; empty when nothing is."""
        door = door_problem(os.environ)
        return ([] if door is None else [door]) + self._policy_problems()

    def _policy_problems(self) -> list[str]:
        try:
            with _building:  # and no longer: the policy may be far away, and everybody waits for this lock
                _, _, policy = self.settings, self.transport, self.policy  # the first that is wrong is named
            policy.current()
        except Misconfigured as error:
            return list(error.problems)
        except Exception as error:  # noqa: BLE001 - health answers, whatever is wrong
            return [f"the policy cannot be read ({type(error).__name__})"]
        return [] if policy.problem is None else [policy.problem]


_wiring = Wiring()


def wired(part: Callable[[Wiring], Any]) -> Any:
    """A part of this process's wiring; built once, also when many threads ask at once."""
    with _building:
        return part(_wiring)
