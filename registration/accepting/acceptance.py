"""From a request to an accepted operation: who asks, what for, may they, and has it been asked before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from registration.accepting.admission import Admission
from registration.accepting.conditions import NO_CONDITION, Condition
from registration.access.authorization import require
from registration.access.caller import Caller
from registration.access.policy import Action, Policy
from registration.records.catalog import Catalog
from registration.records.idempotency import Claim, Idempotency, check_key
from registration.records.naming import MADE_UP, default_name, is_made_up, new_operation_id
from registration.records.operations import Admit, Operations
from registration.records.outcomes import Status
from registration.records.results import Results
from registration.records.sight import hiding_damage, may_steer
from registration.records.snapshot import Kind, Operation
from registration.request.body import parse_body
from registration.request.document import Registration, parse_registration
from registration.request.faults import Faults
from registration.request.original import as_registration, is_original
from shared import logs
from shared.errors import Damaged, RequestError
from shared.settings import Settings

log = logs.get_log(__name__)


class Acceptance:
    """Accepts registrations, and retries of operations."""

    def __init__(
        self,
        settings: Settings,
        policy: Callable[[], Policy],
        catalog: Catalog,
        admission: Admission,
        idempotency: Idempotency,
        operations: Operations,
        results: Results,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._catalog = catalog
        self._admission = admission
        self._idempotency = idempotency
        self._operations = operations
        self._results = results
        self._clock = clock

    def submit(
        self,
        caller: Caller,
        body: bytes,
        content_type: str,
        route: str,
        key: str | None,
        name: str | None = None,
        condition: Condition = NO_CONDITION,
    ) -> Operation:
        """Accepts a registration in either form. `key`: the Idempotency-Key. `name`: as the address gives it.

        Raises RequestError: 400, 403, 409, 412, 413, 422, with every fault; Temporary when storage is away. Until
        every check is passed nothing is stored, and nothing is ever sent to Azure from here.
        """
        if key is not None:
            check_key(key)
        if not self._policy().of(caller, Action.REGISTER).rules:
            raise RequestError(403, "NotAuthorized", "No rule of the policy lets you register anything.")
        with hiding_damage(caller, self._policy):
            return self._submit(caller, body, content_type, route, key, name, condition)

    def _submit(
        self,
        caller: Caller,
        body: bytes,
        content_type: str,
        route: str,
        key: str | None,
        name: str | None,
        condition: Condition,
    ) -> Operation:
        request, rename = self.read(caller, body, content_type, name)
        self._authorize(caller, request, rename)
        admit = self._admission.replacing(caller, request, condition, rename)
        operation = new_operation_id()
        if key is None:
            return self._accept(operation, caller, request, admit, fresh=True)
        claim = self._idempotency.claim(caller, route, key, body, operation, self._clock())
        try:
            if claim.fresh:
                return self._accept(operation, caller, request, admit, fresh=True)
            return self._again(claim, caller, request, admit)
        except (RequestError, Damaged):
            if claim.fresh:
                self._idempotency.release(claim)
            raise

    def read(
        self, caller: Caller, body: bytes, content_type: str, name: str | None = None
    ) -> tuple[Registration, Callable[[str], str]]:
        """The registration in a body, with its name; and what turns its paths into the body's own.

        Raises RequestError 400, 413.
        """
        data = parse_body(body, content_type, self._settings.max_body_bytes)
        if name is not None:
            if str(data.get("name", name)).lower() != name.lower():
                message = "The name in the body is another one than in the address; leave it out, or write the same."
                raise RequestError(400, "InvalidRegistration", message, target="name")
            data = {**data, "name": data.get("name", name)}
        return self._registration(caller, data)

    def retry(self, caller: Caller, operation_id: str) -> Operation:
        """A linked operation for the workspaces of an operation that failed; its sender's right is asked for again.

        Raises RequestError: 403, 404 when it is not the caller's, 409 while it runs or when nothing failed.
        """
        try:
            operation = self._operations.get(operation_id)
        except Damaged:
            progress = self._results.progress(operation_id)
            if progress is not None and may_steer(caller, str(progress.metadata.get("caller")), self._policy()):
                raise
            operation = None
        if operation is None or not may_steer(caller, operation.caller.id, self._policy()):
            raise RequestError(404, "OperationNotFound", "There is no such operation, or it is not yours.")
        failed = self._operations.failed_workspaces(operation)
        if operation.registration is not None and operation.kind is Kind.REGISTER:
            self._authorize(caller, replace(operation.registration, workspaces=tuple(failed)))
        return self._operations.retry(new_operation_id(), operation, failed)

    def _registration(self, caller: Caller, data: Mapping[str, Any]) -> tuple[Registration, Callable[[str], str]]:
        settings = self._settings
        faults, prefix = Faults(), "auto"
        if is_original(data):
            data, faults = as_registration(data, self._clock())
            prefix = "send-data"
        request = parse_registration(data, settings.key_vault_urls, settings.max_changes, faults, settings.cloud)
        if request.name is not None and is_made_up(request.name):
            own = {default_name(made, caller, request) for made in MADE_UP}
            stored = self._catalog.get(request.name)
            if request.name not in own and (stored is None or stored.owner.id != caller.id):
                message = "names of this form are made by the service; choose another, or leave the name out"
                faults.add("name", message)
                faults.raise_if_any()
        return replace(request, name=request.name or default_name(prefix, caller, request)), faults.rename

    def _authorize(self, caller: Caller, request: Registration, rename: Callable[[str], str] = str) -> None:
        rights = self._policy().of(caller, Action.REGISTER)
        settings = self._settings
        require(request, rights, settings.key_vault_urls, settings.own_secrets, rename)

    def _accept(
        self, operation: str, caller: Caller, request: Registration, admit: Admit, fresh: bool = False
    ) -> Operation:
        with logs.bound(operation=operation):
            return self._operations.accept(operation, caller, request, admit, fresh)

    def _again(self, claim: Claim, caller: Caller, request: Registration, admit: Admit) -> Operation:
        """The same key and body: the first operation while it runs or has succeeded, a linked one if it failed."""
        known = self._operations.get(claim.operation)
        progress = None if known is None else self._results.current(claim.operation)
        if known is None or progress is None or progress.status is not Status.FAILED:
            return self._accept(claim.operation, caller, request, admit)
        operation = new_operation_id()
        if not self._idempotency.move(claim, operation):
            log.info("Another request with this key tries again already.")
            return known
        with logs.bound(operation=operation):
            return self._operations.retry(operation, known, self._operations.failed_workspaces(known))
