"""Whether a request may take the place of what is stored: whose the name is, what is dropped, whom it contradicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from registration.accepting.conditions import Condition
from registration.access.caller import Caller
from registration.access.policy import Access, Action, Policy, Rights
from registration.plan import WantedDatastore
from registration.plan.fields import agree
from registration.records.catalog import Catalog, not_owner
from registration.records.desired import DesiredState, Stored
from registration.records.operations import Admit
from registration.request.document import Registration
from registration.request.faults import MAX_FAULTS
from registration.request.versions import with_versions
from shared.assets import Data
from shared.errors import Fault, RequestError


class Admission:
    """Looks at what is stored, each time before something is stored in its place."""

    def __init__(self, catalog: Catalog, policy: Callable[[], Policy], clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._policy = policy
        self._clock = clock

    def replacing(
        self, caller: Caller, request: Registration, condition: Condition, rename: Callable[[str], str] = str
    ) -> Admit:
        """What a replacement by `request` must pass: raises RequestError 403, 409 or 412."""

        def admit(stored: Stored | None) -> None:
            living = stored if stored is not None and stored.deleted is None else None
            self.owned(caller, stored)
            condition.check(living)
            if request.sync.prune == "archive" or request.sync.keep_versions is not None:
                named = replace(request, selectors=())
                self._may_delete(caller, pairs(named), "have what is left over pruned, as sync says,")
            if living is not None:
                self._may_delete(caller, _dropped(living.registration, request), "drop what it no longer names")
            known = None if living is None else living.registration
            self.contradicts_nothing(caller, with_versions(request, known, self._clock()), rename)

        return admit

    def deleting(self, caller: Caller, stored: Stored, condition: Condition) -> None:
        """Raises RequestError 403 or 412."""
        self.owned(caller, stored)
        condition.check(stored)
        self._may_delete(caller, pairs(stored.registration), "delete it")

    def owned(self, caller: Caller, stored: Stored | None) -> None:
        """A name belongs to its creator; whoever may administer all of it acts in the owner's place. Raises
        RequestError 403."""
        if stored is None or stored.owner.id == caller.id:
            return
        rights = self._policy().of(caller, Action.ADMINISTER)
        if not all(rights.allows(Access(key, asset)) for key, asset in pairs(stored.registration)):
            raise not_owner()

    def contradicts_nothing(self, caller: Caller, request: Registration, rename: Callable[[str], str] = str) -> None:
        """Every asset that another registration names for one of the same workspaces is wanted alike there.

        What selectors find is not looked at here: it is a conflict at the run. Raises RequestError 409.
        """
        faults: list[Fault] = []
        rights = self._policy().of(caller, Action.READ)
        for target, key, asset, other in _contradictions(request, self._catalog.current(fresh=0.0)):
            readable = other.owner.id == caller.id or rights.allows(Access(key, asset))
            who = f"the registration '{other.name}'" if readable else "another registration"
            if len(faults) < MAX_FAULTS:
                message = (
                    f"{asset} in {key} is wanted otherwise by {who}, which is stored already: agree with its owner, "
                    "choose another name or version, or leave it out."
                )
                faults.append(Fault("Conflict", message, rename(target)))
        if faults:
            message = "Another registration wants the same asset in the same workspace otherwise; nothing was stored."
            raise RequestError(409, "Conflict", message, faults, faults[0].target)

    def _may_delete(self, caller: Caller, dropped: Iterator[tuple[str, str]], what: str) -> None:
        rights: Rights | None = None
        for key, asset in dropped:
            rights = rights or self._policy().of(caller, Action.DELETE)
            access = Access(key, asset)
            if not rights.allows(access):
                message = f"To {what} you need the right to delete {asset} in {key}: {rights.why_not(access)}."
                raise RequestError(403, "NotAuthorized", message, [Fault("NotAuthorized", message)])


def pairs(registration: Registration) -> Iterator[tuple[str, str]]:
    """(workspace's key, asset as the policy knows it) of everything that a registration names.

    A selector may find any workspace of its subscription or group: `*` stands for their names, and only a pattern
    that allows any name matches it.
    """
    for key in _places(registration):
        for asset in _assets(registration):
            yield key, asset


def _places(registration: Registration) -> list[str]:
    named = [workspace.key for workspace in registration.workspaces]
    return [*named, *dict.fromkeys(selector.place for selector in registration.selectors)]


def _assets(registration: Registration) -> list[str]:
    names = [datastore.id for datastore in registration.datastores]
    return names + list(dict.fromkeys(f"data/{data.name}" for data in registration.data))


def _dropped(before: Registration, request: Registration) -> Iterator[tuple[str, str]]:
    """What `before` names and `request` does not: an asset by its name, whatever its version."""
    kept_assets = {asset.lower() for asset in _assets(request)}
    kept_places = {workspace.key for workspace in request.workspaces}
    selectors = {selector.key for selector in request.selectors}
    kept_places |= {selector.place for selector in before.selectors if selector.key in selectors}
    for key, asset in pairs(before):
        if key not in kept_places or asset.lower() not in kept_assets:
            yield key, asset


def _contradictions(request: Registration, desired: DesiredState) -> Iterator[tuple[str, str, str, Stored]]:
    """(path of the field, workspace's key, asset, the other registration) of each asset that is wanted otherwise."""
    mine: dict[str, tuple[str, WantedDatastore | Data]] = {}
    for number, datastore in enumerate(request.datastores):
        mine[datastore.id.lower()] = f"datastores[{number}]", WantedDatastore(datastore)
    for number, data in enumerate(request.data):
        mine[data.id.lower()] = f"data[{number}]", data
    known: dict[str, list[str]] = {}
    for workspace in request.workspaces:
        for other in desired.naming(workspace):
            if other.origin.name == (request.name or "").lower():
                continue
            if other.origin.name not in known:
                known[other.origin.name] = _differing(mine, other.registration)
            for asset in known[other.origin.name]:
                target, wanted = mine[asset]
                yield target, workspace.key, f"data/{wanted.name}" if isinstance(wanted, Data) else wanted.id, other


def _differing(mine: dict[str, tuple[str, WantedDatastore | Data]], other: Registration) -> list[str]:
    wanted: list[WantedDatastore | Data] = [WantedDatastore(datastore) for datastore in other.datastores]
    wanted += other.data
    return [it.id.lower() for it in wanted if it.id.lower() in mine and not agree(mine[it.id.lower()][1], it)]
