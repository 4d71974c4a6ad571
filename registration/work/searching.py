"""The message for the workspace `*`: it finds out the workspaces of an operation, and sends each of them its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from registration.records.cancellations import Cancellations
from registration.records.operations import Operations
from registration.records.snapshot import Lost, Operation
from registration.work.assignments import Assignments
from registration.work.expanding import Expander


class Search:
    """Safe to repeat: what was found first counts."""

    def __init__(
        self, operations: Operations, assignments: Assignments, expander: Expander, cancellations: Cancellations
    ) -> None:
        self._operations = operations
        self._assignments = assignments
        self._expander = expander
        self._cancellations = cancellations

    def run(self, operation: Operation) -> None:
        """Of an operation that is canceled, nothing more is found. Raises Temporary and Permanent, as `expand`."""
        found = operation
        if operation.pending:
            canceled = self._cancellations.asked(operation.id, within=0.0)
            found = replace(operation, pending=False) if canceled else self._expander.expand(operation)
        self._spread(operation, found)

    def give_up(self, operation_id: str, error: Mapping[str, str]) -> None:
        """The workspaces could not be found out: the operation ends with that as its failure."""
        assignment = self._assignments.of(operation_id)
        if assignment is not None and assignment.operation.pending:
            lost = Lost("*/*/*", error.get("code", "Failed"), error.get("message", ""))
            self._spread(assignment.operation, replace(assignment.operation, lost=(lost,), pending=False))

    def _spread(self, operation: Operation, found: Operation) -> None:
        self._operations.spread(operation, found)
        self._assignments.forget(operation.id)
