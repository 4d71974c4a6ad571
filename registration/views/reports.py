"""What callers are told of an operation: its status, and its result, failures first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any
from urllib.parse import urlencode

from registration.access.caller import Caller
from registration.access.policy import Policy
from registration.records.index import Scope
from registration.records.operations import Operations
from registration.records.outcomes import FAILURES, Outcome, Status
from registration.records.results import Progress, Results
from registration.records.sight import Sight
from registration.views.shapes import View, head, visible
from shared import logs
from shared.errors import Damaged, RequestError
from shared.workspace import is_guid

MAX_PAGE_BYTES = 900_000
"""Data Factory takes answers of at most 4 MB; ours stay below 1 MB, with what surrounds the changes."""

MAX_DETAILS = 20
_BAD = frozenset({"failed", "conflict", "notAuthorized"})


class Reports:
    """Reads operations on behalf of callers."""

    def __init__(
        self,
        operations: Operations,
        results: Results,
        policy: Callable[[], Policy],
        public_url: str,
        pool: Executor,
    ) -> None:
        self._operations = operations
        self._results = results
        self._policy = policy
        self._public_url = public_url
        self._pool = pool

    def links(self, operation_id: str) -> dict[str, str]:
        """The headers of a 202: built from PUBLIC_URL, never from the request's Host."""
        address = f"{self._public_url}/api/operations/{operation_id}"
        return {"Location": f"{address}/result", "Operation-Location": address, "Retry-After": "5"}

    def status(self, caller: Caller, operation_id: str) -> dict[str, Any]:
        """The status resource. Raises RequestError 404."""
        view = self._view(caller, operation_id)
        progress = view.progress
        workspaces = [
            {"workspace": key, "outcome": outcome.value, **view.counts(key)} for key, outcome in _in_order(progress)
        ]
        return {**self._head(operation_id, view), "workspaces": workspaces}

    def result(self, caller: Caller, operation_id: str, skip: int = 0, change: int = 0) -> tuple[int, dict[str, Any]]:
        """Status code and body: 202 while it runs, 200 when all succeeded, 424 when anything failed or was
        canceled: then the data is not there, and a pipeline must not take it for success.

        `skip` workspaces and `change` changes of the next one were on earlier pages. Raises RequestError 404.
        """
        view = self._view(caller, operation_id)
        progress = view.progress
        top = self._head(operation_id, view)
        if not progress.done:
            return 202, top
        order = [key for key, _ in _in_order(progress)]
        page, following = self._page(operation_id, view, order, skip, change)
        body: dict[str, Any] = {**top, "workspaces": page}
        if following is not None:
            query = urlencode({"skip": following[0], "change": following[1]})
            body["nextLink"] = f"{self._public_url}/api/operations/{operation_id}/result?{query}"
        if progress.status is Status.SUCCEEDED:
            return 200, body
        return 424, {"error": self._error(operation_id, view, page), **body}

    def _head(self, operation_id: str, view: View) -> dict[str, Any]:
        """With the warnings, which name targets and registrations, for those who see all of it."""
        top = head(operation_id.lower(), view.progress)
        if "warnings" not in view.progress.metadata or not (view.whole or view.oversees):
            return top
        try:
            operation = self._operations.get(operation_id.lower())
        except Damaged as error:
            return {**top, "warnings": [error.message]}
        return top if operation is None else {**top, "warnings": list(operation.warnings)}

    def _view(self, caller: Caller, operation_id: str) -> View:
        missing = RequestError(404, "OperationNotFound", "There is no such operation, or you may not read it.")
        progress = self._results.current(operation_id.lower()) if is_guid(operation_id) else None
        if progress is None:
            raise missing
        sight = Sight(caller, self._policy())
        rights = sight.reads
        if progress.metadata.get("caller") == caller.id:
            return View(progress, rights)
        try:
            operation = self._operations.get(operation_id.lower())
        except Damaged:
            raise missing from None
        scope = Scope((), ()) if operation is None else Scope.of(operation)
        kept = visible(rights.allows, rights.reaches, scope)
        if not kept and (scope.workspaces or operation is None or not sight.oversees):
            raise missing
        return View(progress.only(kept) if kept else progress, rights, whole=False, oversees=sight.oversees)

    def _page(
        self, operation_id: str, view: View, order: Sequence[str], skip: int, change: int
    ) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
        """The workspaces of one page, and where the next page begins."""
        page: list[dict[str, Any]] = []
        size = 0
        ahead = 32
        for start in range(skip, len(order), ahead):
            keys = order[start : start + ahead]
            read = logs.carried(self._read)
            tasks = [self._pool.submit(read, operation_id.lower(), key) for key in keys]
            for place, task in enumerate(tasks, start):
                result = task.result()
                changes = [
                    view.change(order[place], item)
                    for item in result.get("changes", [])
                    if view.shows(order[place], str(item.get("asset")))
                ]
                changes.sort(key=lambda item: item.get("outcome") not in _BAD)
                first = change if place == skip else 0
                shown: list[Any] = []
                page.append({**result, "changes": shown})
                if "unmanaged" in result:
                    page[-1]["unmanaged"] = [it for it in result["unmanaged"] if view.reads(order[place], str(it))]
                for number, item in enumerate(changes[first:], first):
                    size += len(json.dumps(item))
                    if size > MAX_PAGE_BYTES and (shown or len(page) > 1):
                        return page, (place, number)
                    shown.append(item)
                size += 300
                if size > MAX_PAGE_BYTES and place + 1 < len(order):
                    return page, (place + 1, 0)
        return page, None

    def _read(self, operation_id: str, workspace: str) -> dict[str, Any]:
        try:
            return self._results.read(operation_id, workspace)
        except Damaged as error:
            failure = {"code": error.code, "message": error.message}
            return {"workspace": workspace, "outcome": "failed", "error": failure, "changes": []}

    def _error(self, operation_id: str, view: View, page: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What Data Factory shows of a failed activity: which workspaces failed, and Azure's own words."""
        progress = view.progress
        canceled = progress.status is Status.CANCELED
        ends = {Outcome.CANCELED} if canceled else FAILURES
        count = sum(outcome in ends for outcome in progress.outcomes.values())
        details = [detail for result in page for detail in _details(result)]
        message = f"{count} of {progress.total} workspaces {'were canceled' if canceled else 'failed'}."
        if canceled and not progress.outcomes:
            message = "It was canceled before its workspaces were found."
        if details and not canceled:
            first = details[0]
            message = f"{message} First: {first['target']}: {first['message']}"
        elif not view.whole and not canceled:
            message = f"{message} What failed is outside of what you may read."
        return {
            "code": "OperationCanceled" if canceled else "OperationFailed",
            "message": message,
            "target": f"{self._public_url}/api/operations/{operation_id}",
            "details": details[:MAX_DETAILS],
        }


def _in_order(progress: Progress) -> list[tuple[str, Outcome]]:
    """Failures first, then what was canceled, then the rest; each by name."""

    def place(item: tuple[str, Outcome]) -> tuple[bool, bool, str]:
        return item[1] not in FAILURES, item[1] is not Outcome.CANCELED, item[0]

    return sorted(progress.outcomes.items(), key=place)


def _details(result: Mapping[str, Any]) -> list[dict[str, str]]:
    workspace = str(result.get("workspace"))
    found = [(workspace, result["error"])] if "error" in result else []
    found += [
        (f"{workspace}/{change['asset']}", change["error"]) for change in result.get("changes", []) if "error" in change
    ]
    return [{"code": error["code"], "message": error["message"], "target": target} for target, error in found]
