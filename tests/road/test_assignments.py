"""An operation's messages come all at once, and are told what to do from one reading of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import cast

import pytest

from registration.access.caller import SERVICE
from registration.access.policy import Policy
from registration.records.catalog import Catalog
from registration.records.operations import Operations
from registration.records.snapshot import Kind, Operation
from registration.work.assignments import Assignments
from shared.errors import Damaged

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MESSAGES = 16


class Stored:
    """Operations and catalog in one, which count what is read of them."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def get(self, operation_id: str) -> Operation | None:
        self.read.append(operation_id)
        time.sleep(0.05)
        if operation_id == "damaged":
            raise Damaged(operation_id)
        if operation_id == "none":
            return None
        pending = operation_id == "pending"
        return Operation(operation_id, Kind.RECONCILE, SERVICE, NOW, NOW + timedelta(hours=1), pending=pending)

    def current(self, fresh: float) -> None:
        """The desired state; nobody looks at it here."""


def ask(stored: Stored, operation_id: str) -> list[bool | type[Exception]]:
    """What as many messages as there are threads are told at once: whether there is such an operation, or the error."""
    assignments = Assignments(cast(Operations, stored), cast(Catalog, stored), Policy, lambda: NOW)
    together = Barrier(MESSAGES)

    def one(_: int) -> bool | type[Exception]:
        together.wait(10)
        try:
            return assignments.of(operation_id) is not None
        except Damaged as error:
            return type(error)

    with ThreadPoolExecutor(MESSAGES) as pool:
        return list(pool.map(one, range(MESSAGES)))


def test_it_is_read_once() -> None:
    stored = Stored()
    assert ask(stored, "whole") == [True] * MESSAGES
    assert stored.read == ["whole"]


@pytest.mark.parametrize(("operation", "told"), [("pending", True), ("none", False), ("damaged", Damaged)])
def test_what_may_change_is_read_by_each(operation: str, told: bool | type[Exception]) -> None:
    stored = Stored()
    assert ask(stored, operation) == [told] * MESSAGES
    assert len(stored.read) == MESSAGES
