"""One registration brought into one workspace by the service's own parts, without a message."""

from __future__ import annotations

from dataclasses import replace

from registration.access.caller import Caller
from registration.access.policy import Rights
from registration.records.desired import DesiredState, Stored
from registration.records.inventory import State
from registration.records.operations import stored_by
from registration.records.snapshot import Depth, Kind, Operation
from registration.request.document import Registration
from registration.wiring import Wiring, utc_now
from registration.work.history import after
from registration.work.job import Job
from registration.work.verdicts import Reconciled
from shared.workspace import Workspace

OWNER = Caller("a", "b")


def operation_of(request: Registration) -> Operation:
    now = utc_now()
    return Operation(
        id="00000000-0000-4000-8000-000000000000",
        kind=Kind.REGISTER,
        caller=OWNER,
        created=now,
        deadline=now,
        workspaces=request.workspaces,
        registration=replace(request, name=request.name or "bench"),
        generation=1,
        born="2026-01-01T00:00:00+00:00",
        owner=OWNER,
        depth=Depth.DEEP,
    )


def job_of(stored: Stored, rights: Rights) -> Job:
    return Job(DesiredState.of_all([stored]), lambda *_: rights, utc_now(), only=frozenset({stored.origin}))


def reconcile(
    parts: Wiring, workspace: Workspace, request: Registration, rights: Rights, state: State
) -> tuple[Reconciled, State]:
    """What became of it, and what is known of the workspace afterwards."""
    operation = operation_of(request)
    job = job_of(stored_by(operation), rights)
    result = parts.reconciler.reconcile(workspace, job, state, lambda: None, lambda *_: None)
    return result, after(state, result, operation, utc_now().isoformat())
