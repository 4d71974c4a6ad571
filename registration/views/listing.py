"""The list of operations, newest first: a caller's own, and others' as far as they may be read.

A page costs one listing of the index, and for each operation that still runs, or that the caller sees in part, one of
its progress. Where most are not for the caller, a page comes back short, with the way on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from registration.access.caller import Caller
from registration.access.policy import Access, Policy
from registration.records.index import Index, Listed, Scope
from registration.records.operations import Operations
from registration.records.outcomes import Status
from registration.records.results import Results
from registration.records.sight import Sight
from registration.request.paging import DEFAULT_TOP, Parameters, further
from registration.views.shapes import head, summary, visible
from shared import logs
from shared.errors import Damaged

log = logs.get_log(__name__)

FURTHER = (500, 500, 500, 500)
"""Sizes of the listings that follow the first, of `top`, while the page is not full: so many entries at most."""
SECONDS = 5.0
"""After so long a page is handed out as it is."""
AHEAD = 32

_PARAMETERS = ("registration", "status", "top", "continuation")


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be listed. `marker`, `last`: a place in the index, and the last name there that was seen."""

    registration: str | None = None
    status: Status | None = None
    top: int = DEFAULT_TOP
    marker: str | None = None
    last: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Query:
        """From a query string. Raises RequestError 400, which names every parameter that is wrong."""
        given = Parameters(parameters, _PARAMETERS)
        status = given.one_of("status", [state.value for state in Status])
        top = given.top()
        begin: tuple[str | None, str] = (None, "")
        marker, last = given.place(_place, begin)
        given.done()
        return cls(parameters.get("registration"), None if status is None else Status(status), top, marker, last)

    def further(self, marker: str | None, last: str) -> str:
        """The query string of the page that goes on from there."""
        fields = {"registration": self.registration, "status": self.status, "top": self.top}
        return further(fields, [marker, last])


class Listing:
    """Lists operations on behalf of callers."""

    def __init__(
        self,
        index: Index,
        operations: Operations,
        results: Results,
        policy: Callable[[], Policy],
        public_url: str,
        pool: Executor,
    ) -> None:
        self._index = index
        self._operations = operations
        self._results = results
        self._policy = policy
        self._public_url = public_url
        self._pool = pool

    def page(self, caller: Caller, query: Query) -> dict[str, Any]:
        """`value`: status resources without their workspaces; `nextLink` while there may be more.

        Raises RequestError 400 for a continuation that is none.
        """
        sight = Sight(caller, self._policy())
        rights = sight.reads
        allows = lru_cache(maxsize=100_000)(rights.allows)
        look = _Look(caller.id, query, allows, rights.reaches, sight.oversees, self._operations, self._results)
        ends = time.monotonic() + SECONDS
        value: list[dict[str, Any]] = []
        marker, last = query.marker, query.last
        for size in (query.top, *FURTHER):
            entries, following = self._index.page(size, marker)
            entries = [entry for entry in entries if entry.name > last]
            if not rights.rules:
                entries = [entry for entry in entries if look.is_own(entry)]
            for start in range(0, len(entries), AHEAD):
                batch = entries[start : start + AHEAD]
                for entry, found in zip(batch, self._pool.map(logs.carried(look), batch), strict=True):
                    last = entry.name
                    value += [] if found is None else [found]
                    if len(value) == query.top and entry is not entries[-1]:
                        return self._body(value, query.further(marker, last))
                if time.monotonic() > ends:
                    return self._body(value, query.further(marker, last))
            if following is None:
                return self._body(value, None)
            marker, last = following, ""
            if len(value) == query.top:
                break
        return self._body(value, query.further(marker, last))

    def _body(self, value: list[dict[str, Any]], further: str | None) -> dict[str, Any]:
        link = {} if further is None else {"nextLink": f"{self._public_url}/api/operations?{further}"}
        return {"value": value, **link}


@dataclass(frozen=True, slots=True)
class _Look:
    """What one request sees of an entry of the index."""

    caller: str
    query: Query
    allows: Callable[[Access], bool]
    reaches: Callable[[str], bool]
    oversees: bool
    operations: Operations
    results: Results

    def is_own(self, entry: Listed) -> bool:
        return entry.metadata.get("caller") == self.caller

    def __call__(self, entry: Listed) -> dict[str, Any] | None:
        """The entry as it is shown; None where it is not. One that is damaged is left out."""
        if entry.operation is None:
            log.error("An entry of the index is damaged, and was left out.", document=entry.name)
            return None
        wanted = (self.query.registration or "").lower()
        if wanted and entry.metadata.get("registration", "").lower() != wanted:
            return None
        part: list[str] | None = None
        if not self.is_own(entry):
            scope = entry.scope or self._scope(entry.operation)
            shown = visible(self.allows, self.reaches, scope)
            if not shown and (scope.workspaces or not self.oversees):
                return None
            part = None if len(shown) == len(scope.workspaces) else shown
        if entry.status is not None and part is None:
            found = summary(entry.operation, entry.metadata, entry.status, entry.counts)
        else:
            progress = self.results.current(entry.operation)
            if progress is None:
                return None
            found = head(entry.operation, progress if part is None else progress.only(part))
        return found if self.query.status in {None, found["status"]} else None

    def _scope(self, operation_id: str) -> Scope:
        try:
            operation = self.operations.get(operation_id)
        except Damaged:
            operation = None
        return Scope((), ()) if operation is None else Scope.of(operation)


def _place(place: Any) -> tuple[str | None, str]:
    marker, last = place
    if not isinstance(last, str) or not isinstance(marker, str | None):
        raise ValueError("this is no place in the index")
    if marker is not None and not (marker.isascii() and marker.isprintable() and 0 < len(marker) <= 2048):
        raise ValueError("this is no marker of storage")
    return marker, last
