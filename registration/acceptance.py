"""From a request to an accepted operation: who asks, what for, may they, and has it been asked before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from registration.authorization import require
from registration.body import parse_body
from registration.caller import Caller
from registration.catalog import Catalog, check_owner
from registration.document import Faults, Registration, parse_registration
from registration.idempotency import Claim, Idempotency, check_key
from registration.naming import MADE_UP, default_name, is_made_up, new_operation_id
from registration.operations import Operations
from registration.original import as_registration, is_original
from registration.policy import Action, Policy
from registration.results import Results, Status
from registration.snapshot import Operation
from shared import logs
from shared.errors import RequestError
from shared.settings import Settings

log = logs.get_log(__name__)


class Acceptance:
    """Accepts registrations, and retries of operations."""

    def __init__(
        self,
        settings: Settings,
        policy: Callable[[], Policy],
        catalog: Catalog,
        idempotency: Idempotency,
        operations: Operations,
        results: Results,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._catalog = catalog
        self._idempotency = idempotency
        self._operations = operations
        self._results = results
        self._clock = clock

    def submit(self, caller: Caller, body: bytes, content_type: str, route: str, key: str | None) -> Operation:
        """Accepts a registration in either form. `key`: the Idempotency-Key.

        Raises RequestError: 400, 403, 413, 422, with every fault; Temporary when storage is away. Until every check is
        passed nothing is stored, and nothing is ever sent to Azure from here.
        """
        if key is not None:
            check_key(key)
        settings = self._settings
        if not self._policy().of(caller, Action.REGISTER).rules:
            raise RequestError(403, "NotAuthorized", "No rule of the policy lets you register anything.")
        data = parse_body(body, content_type, settings.max_body_bytes)
        request, rename = self._registration(caller, data)
        self._authorize(caller, request, rename)
        check_owner(self._catalog.get(request.name or ""), caller)
        operation = new_operation_id()
        if key is None:
            return self._accept(operation, caller, request, fresh=True)
        claim = self._idempotency.claim(caller, route, key, body, operation, self._clock())
        if claim.fresh:
            return self._accept(operation, caller, request, fresh=True)
        return self._again(claim, caller, request)

    def retry(self, caller: Caller, operation_id: str) -> Operation:
        """A linked operation for the workspaces of an operation that failed; its sender's right is asked for again.

        Raises RequestError: 403, 404 when it is not the caller's, 409 while it runs or when nothing failed.
        """
        operation = self._operations.get(operation_id)
        if operation is None or operation.caller.id != caller.id:
            raise RequestError(404, "OperationNotFound", "There is no such operation, or it is not yours.")
        failed = self._operations.failed_workspaces(operation)
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

    def _accept(self, operation: str, caller: Caller, request: Registration, fresh: bool = False) -> Operation:
        with logs.bound(operation=operation):
            return self._operations.accept(operation, caller, request, fresh)

    def _again(self, claim: Claim, caller: Caller, request: Registration) -> Operation:
        """The same key and body: the first operation while it runs or has succeeded, a linked one if it failed."""
        known = self._operations.get(claim.operation)
        progress = None if known is None else self._results.current(claim.operation)
        if known is None or progress is None or progress.status is not Status.FAILED:
            return self._accept(claim.operation, caller, request)
        operation = new_operation_id()
        if not self._idempotency.move(claim, operation):
            log.info("Another request with this key tries again already.")
            return known
        with logs.bound(operation=operation):
            return self._operations.retry(operation, known, self._operations.failed_workspaces(known))
