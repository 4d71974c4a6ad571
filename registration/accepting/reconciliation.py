"""Reconciling the stored desired state: every night, or when somebody asks; for all of it or a part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from registration.accepting.admission import pairs
from registration.access.caller import SERVICE, Caller
from registration.access.policy import Access, Action, Policy
from registration.records.catalog import Catalog
from registration.records.idempotency import Idempotency, check_key
from registration.records.naming import new_operation_id
from registration.records.operations import Operations
from registration.records.snapshot import Depth, Kind, Operation, Scope
from registration.request.body import parse_body
from registration.request.faults import Faults
from registration.request.paging import Parameters
from registration.request.targets import parse_targets
from shared import logs
from shared.errors import RequestError

log = logs.get_log(__name__)

_FIELDS = ("workspaces", "registrations")
_PARAMETERS = ("dryRun", "deep")


class Reconciliation:
    """Accepts runs over what is stored."""

    def __init__(
        self,
        catalog: Catalog,
        operations: Operations,
        idempotency: Idempotency,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
        deadline: timedelta,
        max_body_bytes: int,
    ) -> None:
        self._catalog = catalog
        self._operations = operations
        self._idempotency = idempotency
        self._policy = policy
        self._clock = clock
        self._deadline = deadline
        self._max_body_bytes = max_body_bytes

    def nightly(self) -> Operation:
        """One operation over everything, sent by the service itself. Raises Temporary when storage is away."""
        return self._begin(new_operation_id(), SERVICE, Scope(), Depth.ROTATION, dry_run=False)

    def ask(
        self,
        caller: Caller,
        body: bytes,
        content_type: str,
        parameters: Mapping[str, str],
        route: str,
        key: str | None,
    ) -> Operation:
        """`{}` or `{"workspaces": [targets], "registrations": [names]}`; parameters `dryRun`, `deep`. `key`: the
        Idempotency-Key.

        What the caller may not reconcile is left out of it. Raises RequestError: 400, 403, 404 for an unknown name,
        422.
        """
        if key is not None:
            check_key(key)
        dry_run, depth = _options(parameters)
        scope = self._scope(caller, body, content_type, Action.PLAN if dry_run else Action.RECONCILE)
        operation = new_operation_id()
        if key is None:
            return self._begin(operation, caller, scope, depth, dry_run)
        asked = f"{route}?dryRun={dry_run}&deep={depth.value}"
        claim = self._idempotency.claim(caller, asked, key, body, operation, self._clock())
        known = None if claim.fresh else self._operations.get(claim.operation)
        if known is None:
            return self._begin(claim.operation, caller, scope, depth, dry_run)
        if self._operations.failed(known.id) and self._idempotency.move(claim, operation):
            return self._begin(operation, caller, scope, depth, dry_run)
        return known

    def _scope(self, caller: Caller, body: bytes, content_type: str, action: Action) -> Scope:
        rights = self._policy().of(caller, action)
        if not rights.rules:
            raise RequestError(403, "NotAuthorized", f"No rule of the policy lets you {action.value} anything.")
        content = parse_body(body, content_type, self._max_body_bytes) if body.strip() else {}
        faults = Faults(thing="request")
        for name in content:
            if name not in _FIELDS:
                faults.add(name, f"there is no such field; known are {', '.join(_FIELDS)}", "UnknownField")
        named, selected = ((), ()) if "workspaces" not in content else parse_targets(content["workspaces"], faults)
        names = _names(content.get("registrations"), faults)
        faults.raise_if_any()
        state = self._catalog.current(fresh=0.0)
        for place, name in enumerate(names or ()):
            stored = state.get(name)
            visible = stored is not None and (
                stored.owner.id == caller.id
                or any(rights.allows(Access(key, asset)) for key, asset in pairs(stored.registration))
            )
            if not visible:
                message = f"There is no registration '{name}', or it is not for you."
                raise RequestError(404, "RegistrationNotFound", message, target=f"registrations[{place}]")
        for place, workspace in enumerate(named):
            if not rights.reaches(workspace.key):
                message = f"No rule of the policy lets you {action.value} anything in {workspace.key}."
                raise RequestError(403, "NotAuthorized", message, target=f"workspaces[{place}]")
        lowered = None if names is None else tuple(name.lower() for name in names)
        return Scope(lowered, named, selected)

    def _begin(self, operation_id: str, caller: Caller, scope: Scope, depth: Depth, dry_run: bool) -> Operation:
        now = self._clock()
        operation = Operation(
            id=operation_id,
            kind=Kind.RECONCILE,
            caller=caller,
            created=now,
            deadline=now + self._deadline,
            pending=True,
            scope=scope,
            depth=depth,
            dry_run=dry_run,
        )
        with logs.bound(operation=operation.id):
            self._operations.begin(operation)
            log.info("A reconciliation was accepted.", depth=depth.value, dry_run=dry_run)
        return operation


def _options(given: Mapping[str, str]) -> tuple[bool, Depth]:
    parameters = Parameters(given, _PARAMETERS)
    dry_run, deep = parameters.flag("dryRun"), parameters.flag("deep")
    parameters.done()
    depth = Depth.ROTATION if deep is None else Depth.DEEP if deep else Depth.SHALLOW
    return dry_run is True, depth


def _names(value: Any, faults: Faults) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        faults.add("registrations", "this is a list of names of registrations; leave it out to mean all of them")
        return None
    return tuple(dict.fromkeys(value))
