"""The plan: desired × inventory × observed → what to change, and why, field by field.

Pure: no clock, no network, no logging. Three sides are compared: what the registrations want, what we applied last,
and what the workspace holds now. The third tells a change in the registration from a change in the workspace.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from registration.plan.claims import settle
from registration.plan.fields import data_reasons, datastore_reasons, presumed, record_of, shared_with
from registration.plan.intents import resolved
from registration.plan.model import (
    REMOVALS,
    WRITES,
    Action,
    Applied,
    Change,
    Claim,
    Desired,
    Inventory,
    Key,
    Origin,
    Plan,
    Reason,
    Sync,
    WantedDatastore,
    Why,
)
from registration.plan.pruning import leftovers
from shared.assets import Data, Observed

__all__ = [
    "REMOVALS",
    "WRITES",
    "Action",
    "Applied",
    "Change",
    "Claim",
    "Desired",
    "Inventory",
    "Key",
    "Origin",
    "Plan",
    "Reason",
    "Sync",
    "WantedDatastore",
    "Why",
    "make_plan",
    "must_look",
    "resolved",
]

_CREATIONS = frozenset({Action.CREATE, Action.NEW_VERSION})
_DRIFT = frozenset({Why.IN_WORKSPACE, Why.MISSING})


def make_plan(desired: Desired, inventory: Inventory, observed: Observed, now: str = "") -> Plan:
    """The plan for one workspace. `now` is the time that new entries of the inventory bear.

    Raises ValueError when a data asset has no version, or was not looked at though `must_look` says so.
    """
    inventory = resolved(inventory, observed)
    changes: list[Change] = []
    for standing in settle(desired.claims).values():
        if standing.claim is not None:
            changes.append(_change(standing.claim, desired, inventory, observed, now))
        changes += [_beaten(claim, rival) for claim, rival in standing.beaten]
    changes.sort(key=lambda change: not isinstance(change.wanted, WantedDatastore))
    removals, forgotten = leftovers(desired, inventory, observed)
    return Plan((*changes, *removals), forgotten, _unmanaged(desired, inventory, forgotten, removals, observed))


def must_look(desired: Desired, inventory: Inventory, observed: Observed) -> set[tuple[str, str]]:
    """(name, version) in lower case of what cannot be planned from the lists alone: versions that may be there and
    were not applied just as they are wanted, those of assets whose latest version is not the one that was, and those
    that a killed run may have written."""
    found = set()
    for standing in settle(desired.claims).values():
        claim = standing.claim
        if claim is None or not isinstance(claim.wanted, Data):
            continue
        asset, container = claim.wanted.id.lower(), observed.containers.get(claim.wanted.name.lower())
        if container is None:
            continue
        known = presumed(claim.wanted, claim.sync, inventory.assets.get(asset)) and asset not in inventory.intents
        same = inventory.latest.get(claim.wanted.name.lower()) == container.latest
        if not (known and same) or container.archived:
            found.add(_key(claim.wanted))
    claimed = {claim.wanted.id.lower() for claim in desired.claims}
    for asset, intended in inventory.intents.items():
        kind, name, *version = asset.split("/")
        if asset not in claimed and intended.origin in desired.prunable and kind == "data":
            found |= {(name, version[0])} if name in observed.containers else set()
    return found


def _change(claim: Claim, desired: Desired, inventory: Inventory, observed: Observed, now: str) -> Change:
    asset = claim.wanted.id.lower()
    applied = inventory.assets.get(asset)
    if isinstance(claim.wanted, Data):
        change = _data(claim, claim.wanted, applied, observed)
    else:
        change = _datastore(claim, claim.wanted, applied, observed)
    if applied is not None and not (change.action in _CREATIONS and asset in inventory.intents):
        change = _reported(change, claim.sync)  # unless it is missing because a run was killed
    gone = change.drifted and change.reasons[0].reason is Why.MISSING
    if change.action is Action.CONFLICT or gone:
        return replace(change, record=applied)
    return replace(change, record=_record(claim, change, applied, desired, now))


def _record(claim: Claim, change: Change, known: Applied | None, desired: Desired, now: str) -> Applied:
    """What the inventory says once the change is made: whose it is stays, as long as that registration wants it.

    Of what has drifted, too: each field that is otherwise is wanted as it was applied last.
    """
    written = change.action in WRITES
    fields, secrets = record_of(claim.wanted, claim.sync, known, written=written)
    if change.action in _CREATIONS:
        return Applied(fields, secrets, claim.origin, True, now, change.asset)
    if known is None:
        return Applied(fields, secrets, claim.origin, False, now, change.asset)
    others = [other for other in desired.claims if other.wanted.id.lower() == claim.wanted.id.lower()]
    fields = shared_with(claim, others, known, written=written) | fields
    if any(other.origin == known.origin for other in others):
        return Applied(fields, secrets, known.origin, known.made, known.at, change.asset)
    return Applied(fields, secrets, claim.origin, False, known.at, change.asset)


def _reported(change: Change, sync: Sync) -> Change:
    """Under `drift: report`, what is otherwise only because the workspace was changed stays so. What has to be written
    for another reason is written whole, which the plan tells of each field that drifted."""
    if sync.drift != "report" or change.action not in WRITES:
        return change
    if all(reason.reason in _DRIFT for reason in change.reasons):
        return replace(change, action=Action.NONE)
    return replace(change, reasons=tuple(_overwritten(reason) for reason in change.reasons))


def _overwritten(reason: Reason) -> Reason:
    return replace(reason, reason=Why.OVERWRITTEN) if reason.reason is Why.IN_WORKSPACE else reason


def _datastore(claim: Claim, wanted: WantedDatastore, applied: Applied | None, observed: Observed) -> Change:
    asset = wanted.id
    found = observed.datastores.get(wanted.datastore.name.lower())
    if found is None:
        return Change(asset, Action.CREATE, claim.origin, wanted, (Reason("name", Why.MISSING),))
    if found.type != wanted.datastore.type:
        reason = Reason("type", Why.IMMUTABLE, found.type, wanted.datastore.type)
        return Change(asset, Action.CONFLICT, claim.origin, wanted, (reason,))
    reasons = tuple(datastore_reasons(wanted, claim.sync, found, applied))
    if reasons:
        return Change(asset, Action.UPDATE, claim.origin, wanted, reasons)
    return Change(asset, Action.NONE if applied is not None else Action.ADOPT, claim.origin, wanted)


def _data(claim: Claim, wanted: Data, applied: Applied | None, observed: Observed) -> Change:
    if wanted.version is None:
        raise ValueError(f"{wanted.id} has no version")
    container = observed.containers.get(wanted.name.lower())
    found = observed.data.get(_key(wanted))
    if container is None or (found is None and _key(wanted) in observed.data):
        action = Action.CREATE if container is None else Action.NEW_VERSION
        return Change(wanted.id, action, claim.origin, wanted, (Reason("version", Why.MISSING),))
    if found is None:
        if not presumed(wanted, claim.sync, applied):
            raise ValueError(f"{wanted.id} has to be looked at")
        return Change(wanted.id, Action.NONE, claim.origin, wanted)
    reasons = tuple(data_reasons(wanted, claim.sync, found, applied))
    if container.archived and found.archived and "archived" not in claim.sync.ignore:
        # Below an archived container no version can be restored (docs/azure.md).
        reason = Reason("archived", Why.IMMUTABLE, "the whole asset is archived", False)
        return Change(wanted.id, Action.CONFLICT, claim.origin, wanted, (reason,))
    if any(reason.reason is Why.IMMUTABLE for reason in reasons):
        fixed = tuple(reason for reason in reasons if reason.reason is Why.IMMUTABLE)
        return Change(wanted.id, Action.CONFLICT, claim.origin, wanted, fixed)
    if reasons:
        return Change(wanted.id, Action.UPDATE, claim.origin, wanted, reasons)
    return Change(wanted.id, Action.ADOPT if applied is None else Action.NONE, claim.origin, wanted)


def _beaten(claim: Claim, rival: str) -> Change:
    reason = Reason("name", Why.RIVAL)
    return Change(claim.wanted.id, Action.CONFLICT, claim.origin, claim.wanted, (reason,), rival=rival)


def _unmanaged(
    desired: Desired, inventory: Inventory, forgotten: frozenset[str], removals: Iterable[Change], observed: Observed
) -> tuple[str, ...]:
    """What is there, that no registration wants and we did not make; of a wanted data asset, a latest version that is
    none of those."""
    touched = {claim.wanted.id.lower() for claim in desired.claims} | (inventory.assets.keys() - forgotten)
    touched |= {change.asset.lower() for change in removals if change.action in REMOVALS}
    names = {_name(asset) for asset in touched}
    there = [(f"datastores/{key}", f"datastores/{found.name}") for key, found in observed.datastores.items()]
    there += [(f"data/{key}", f"data/{found.name}") for key, found in observed.containers.items()]
    latest = [f"data/{found.name}/{found.latest}" for found in observed.containers.values() if found.latest]
    strays = [asset for asset in latest if _name(asset) in names and asset.lower() not in touched]
    return tuple(sorted([*(shown for key, shown in there if key not in names), *strays]))


def _name(asset: str) -> str:
    return "/".join(asset.lower().split("/")[:2])


def _key(data: Data) -> tuple[str, str]:
    return data.name.lower(), (data.version or "").lower()
