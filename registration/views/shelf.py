"""What callers are told of stored registrations: one of them, and the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registration.access.caller import Caller
from registration.access.policy import Policy, policy_name
from registration.records.catalog import Catalog
from registration.records.desired import DesiredState
from registration.records.sight import Part, Sight
from registration.request.document import Registration, is_name
from registration.request.paging import DEFAULT_TOP, Parameters, a_name, cut, further
from shared.errors import Damaged, RequestError

_PARAMETERS = ("asset", "top", "continuation")
"""No other text is a registration's name, so storage need not be asked."""


@dataclass(frozen=True, slots=True)
class ShelfQuery:
    """What is to be listed. `asset`: `data/<name>` or `datastores/<name>`; `after`: the last name that was seen."""

    asset: str | None = None
    top: int = DEFAULT_TOP
    after: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> ShelfQuery:
        """From a query string. Raises RequestError 400, which names every parameter that is wrong."""
        given = Parameters(parameters, _PARAMETERS)
        asset = given.text("asset", _is_asset, "asset is data/<name> or datastores/<name>.")
        query = cls(asset, given.top(), given.place(a_name, ""))
        given.done()
        return query


class Shelf:
    """Shows registrations to callers."""

    def __init__(self, catalog: Catalog, policy: Callable[[], Policy], public_url: str) -> None:
        self._catalog = catalog
        self._policy = policy
        self._public_url = public_url

    def get(self, caller: Caller, name: str) -> tuple[dict[str, Any], str]:
        """(one registration as the caller may see it, its ETag).

        Raises RequestError 404; Damaged, to those alone who are told what is damaged.
        """
        sight = Sight(caller, self._policy())
        try:
            stored = self._catalog.get(name) if is_name(name) else None
        except Damaged:
            if sight.oversees:
                raise
            stored = None
        part = None if stored is None or stored.deleted is not None else sight.part(stored)
        if part is None:
            message = "There is no such registration, or you may not read it."
            raise RequestError(404, "RegistrationNotFound", message, target="name")
        return {**self._head(part), "registration": _document(part)}, part.stored.etag

    def page(self, caller: Caller, query: ShelfQuery) -> dict[str, Any]:
        """`value`: registrations by name, without their bodies; `nextLink` while there are more. `damaged`: names of
        those that cannot be read, on the first page, for those who are told so. One call to storage when nothing has
        changed."""
        sight = Sight(caller, self._policy())
        state = self._catalog.current(fresh=0.0)
        parts, more = cut(_parts(state, sight, query), query.top)
        body: dict[str, Any] = {"value": [{**self._head(part), **_figures(part)} for part in parts]}
        if more:
            fields = {"asset": query.asset, "top": query.top}
            link = further(fields, parts[-1].stored.origin.name)
            body["nextLink"] = f"{self._public_url}/api/registrations?{link}"
        if state.damaged and sight.oversees and not query.after:
            body["damaged"] = list(state.damaged)
        return body

    def _head(self, part: Part) -> dict[str, Any]:
        stored = part.stored
        body: dict[str, Any] = {
            "name": stored.name,
            "generation": stored.generation,
            "owner": {"tenant_id": stored.owner.tenant_id, "object_id": stored.owner.object_id},
            "createdDateTime": stored.created,
            "updatedDateTime": stored.updated,
            "etag": stored.etag,
            "operation": f"{self._public_url}/api/operations/{stored.operation}",
        }
        return body if part.whole else {**body, "partial": True}


def _parts(state: DesiredState, sight: Sight, query: ShelfQuery) -> Iterator[Part]:
    """What is to be listed, by name."""
    wanted = None if query.asset is None else query.asset.lower()
    for stored in sorted(state.registrations, key=lambda it: it.origin.name):
        if stored.origin.name <= query.after:
            continue
        if wanted is not None and all(policy_name(asset.id).lower() != wanted for asset in stored.assets):
            continue
        part = sight.part(stored)
        if part is None:
            continue
        if wanted is None or any(policy_name(asset.id).lower() == wanted for asset in part.assets):
            yield part


def _figures(part: Part) -> dict[str, Any]:
    return {
        "suspended": part.stored.registration.sync.suspend,
        "counts": {
            "workspaces": len(part.workspaces),
            "selectors": len(part.selectors),
            "datastores": len(part.datastores),
            "data": len(part.data),
        },
    }


def _document(part: Part) -> dict[str, Any]:
    """The registration as a caller would send it, with the versions as they were fixed."""
    shown = Registration(
        part.stored.name,
        part.workspaces,
        part.datastores,
        part.data,
        sync=part.stored.registration.sync,
    )
    body = shown.as_json()
    body["workspaces"] += [selector.as_json() for selector in part.selectors]
    return body


def _is_asset(text: str) -> bool:
    kind, _, name = text.partition("/")
    return kind.lower() in {"data", "datastores"} and bool(name) and "/" not in name
