"""What accepting a registration would change, where and why: the same engine, stopped after the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from registration.accepting.acceptance import Acceptance
from registration.accepting.admission import Admission
from registration.accepting.conditions import NO_CONDITION
from registration.access.authorization import require
from registration.access.caller import Caller
from registration.access.policy import Access, Action, Policy
from registration.records.catalog import Catalog
from registration.records.inventory import read_state
from registration.records.naming import new_operation_id
from registration.records.operations import Operations
from registration.records.outcomes import Outcome
from registration.records.results import Result
from registration.records.sight import hiding_damage
from registration.records.snapshot import Depth, Kind, Operation
from registration.request.versions import with_versions
from registration.views.shapes import without_rival
from registration.work.assignments import Assignment, Assignments
from registration.work.expanding import Expander
from registration.work.reconcile import Reconciler
from shared import logs
from shared.documents import Documents
from shared.errors import Permanent, RequestError, Temporary
from shared.settings import Settings
from shared.workspace import Workspace

AT_ONCE = 10
"""Workspaces up to which the plan is the answer itself; of more, an operation makes it."""


class Planning:
    """Plans for callers. Nothing is stored but, of many workspaces, the operation that plans."""

    def __init__(
        self,
        settings: Settings,
        documents: Documents,
        catalog: Catalog,
        acceptance: Acceptance,
        admission: Admission,
        operations: Operations,
        assignments: Assignments,
        expander: Expander,
        reconciler: Callable[[], Reconciler],
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._documents = documents
        self._catalog = catalog
        self._acceptance = acceptance
        self._admission = admission
        self._operations = operations
        self._assignments = assignments
        self._expander = expander
        self._reconciler = reconciler
        self._policy = policy
        self._clock = clock

    def plan(self, caller: Caller, body: bytes, content_type: str) -> dict[str, Any] | Operation:
        """The plan as JSON, or the operation that makes it.

        Raises RequestError as accepting would, with `plan` in place of `register`; Temporary.
        """
        rights = self._policy().of(caller, Action.PLAN)
        if not rights.rules:
            raise RequestError(403, "NotAuthorized", "No rule of the policy lets you plan anything.")
        with hiding_damage(caller, self._policy):
            request, rename = self._acceptance.read(caller, body, content_type)
            require(request, rights, self._settings.key_vault_urls, self._settings.own_secrets, rename)
            stored = self._catalog.get(request.name or "")
        self._admission.replacing(caller, request, NO_CONDITION, rename)(stored)
        known = None if stored is None or stored.deleted is not None else stored.registration
        now = self._clock()
        operation = Operation(
            id=new_operation_id(),
            kind=Kind.PLAN,
            caller=caller,
            created=now,
            deadline=now + timedelta(minutes=self._settings.deadline_minutes),
            workspaces=request.workspaces,
            pending=True,
            registration=with_versions(request, known, now),
            generation=(0 if stored is None else stored.generation) + 1,
            born=now.isoformat() if stored is None else stored.created,
            owner=caller if stored is None else stored.owner,
            depth=Depth.DEEP,
            dry_run=True,
        )
        with logs.bound(operation=operation.id):
            found = self._expander.expand(operation)
            if len(found.workspaces) > AT_ONCE:
                self._operations.begin(operation)
                return operation
            return self._told(caller, found)

    def _told(self, caller: Caller, operation: Operation) -> dict[str, Any]:
        assignment = self._assignments.unstored(operation)
        one = logs.carried(self._one)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="plan") as pool:
            workspaces = list(pool.map(lambda workspace: one(assignment, workspace), operation.workspaces))
        workspaces += [_failure(lost.place, {"code": lost.code, "message": lost.message}) for lost in operation.lost]
        reads = self._policy().of(caller, Action.READ)
        for workspace in workspaces:
            key = workspace["workspace"]
            workspace["changes"] = [without_rival(reads, key, change) for change in workspace["changes"]]
            if "unmanaged" in workspace:
                workspace["unmanaged"] = [it for it in workspace["unmanaged"] if reads.allows(Access(key, it))]
        actions = Counter(
            str(change.get("action")) for it in workspaces for change in it["changes"] if "action" in change
        )
        body: dict[str, Any] = {
            "registration": {"name": operation.name, "generation": operation.generation},
            "summary": dict(actions),
            "workspaces": workspaces,
        }
        return {**body, "warnings": list(operation.warnings)} if operation.warnings else body

    def _one(self, assignment: Assignment, workspace: Workspace) -> dict[str, Any]:
        try:
            state = read_state(self._documents, workspace.key)
            job = assignment.job(workspace, state)
            if job is None:
                return {"workspace": workspace.key, "outcome": Outcome.SUPERSEDED.value, "changes": []}
            reconciled = self._reconciler().reconcile(workspace, job, state, lambda: None, lambda *_: None)
        except (Permanent, Temporary) as error:
            return _failure(workspace.key, {"code": error.code, "message": error.message})
        changes = tuple(it.as_json() for it in reconciled.assets)
        return Result(workspace.key, reconciled.outcome, changes, unmanaged=reconciled.unmanaged).as_json()


def _failure(place: str, error: Mapping[str, str]) -> dict[str, Any]:
    return {"workspace": place, "outcome": Outcome.FAILED.value, "error": dict(error), "changes": []}
