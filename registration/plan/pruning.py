"""What a registration made and no longer wants: kept, archived or deleted, as its sync options say.

Nothing that any registration claims is touched, no datastore that claimed data lies behind, and nothing that we did
not make.
"""

from __future__ import annotations

from collections.abc import Iterator

from registration.plan.model import Action, Applied, Change, Desired, Inventory, Origin, Reason, Sync, Why
from shared.assets import Data, Observed


def leftovers(desired: Desired, inventory: Inventory, observed: Observed) -> tuple[list[Change], frozenset[str]]:
    """(removals in order of asset id, entries of the inventory that are about nothing any more). The intents of the
    inventory are those that were not carried out."""
    standing = [claim for claim in desired.claims if not claim.void]
    claimed = {claim.wanted.id.lower() for claim in standing}
    void = {(claim.wanted.id.lower(), claim.origin) for claim in desired.claims if claim.void}
    used = set(_datastores_behind(desired))
    changes, forgotten = [], set()
    for asset, applied in sorted({**inventory.intents, **inventory.assets}.items()):
        sync = None if applied.origin is None else desired.prunable.get(applied.origin)
        if asset in claimed or sync is None or applied.origin is None or (asset, applied.origin) in void:
            continue
        if asset not in inventory.assets or not applied.made or not _there(asset, observed):
            forgotten.add(asset)  # what we did not make is never removed, so that nothing more is to be known of it
            continue
        why = _why(asset, applied, sync, desired, inventory)
        if why is None:
            continue
        kept = Why.GUARDED if not standing and not sync.allow_empty else Why.IN_USE if asset in used else None
        if kept is not None:
            reasons = (Reason("name", kept),)
            changes.append(Change(applied.asset or asset, Action.NONE, applied.origin, None, reasons, applied))
        else:
            action = Action.DELETE if asset.startswith("datastores/") else Action.ARCHIVE
            reason = Reason("version" if why is Why.OLD else "name", why)
            changes.append(Change(applied.asset or asset, action, applied.origin, None, (reason,), removes=applied))
    return changes, frozenset(forgotten)


def _datastores_behind(desired: Desired) -> Iterator[str]:
    """Ids of the datastores through which claimed data is read or written, whoever registered them."""
    for claim in desired.claims:
        for address in claim.wanted.addresses if isinstance(claim.wanted, Data) else ():
            if address.startswith("azureml://datastores/"):
                yield f"datastores/{address.split('/')[3].lower()}"


def _why(asset: str, applied: Applied, sync: Sync, desired: Desired, inventory: Inventory) -> Why | None:
    """Why this leftover goes; None when it stays."""
    name = _name(asset)
    origin = applied.origin
    assert origin is not None
    if sync.keep_versions is None or not asset.startswith("data/"):
        return Why.UNWANTED if sync.prune == "archive" else None
    if not any(claim.origin == origin and _name(claim.wanted.id) == name for claim in desired.claims):
        return Why.UNWANTED if sync.prune == "archive" else None
    kept = list(_newest_first(name, origin, desired, inventory))[: sync.keep_versions]
    return None if asset in kept else Why.OLD


def _newest_first(name: str, origin: Origin, desired: Desired, inventory: Inventory) -> Iterator[str]:
    """A data asset's versions: those that the registration wants now, then those that it made, the newest first."""
    wanted = {claim.wanted.id.lower() for claim in desired.claims if claim.origin == origin}
    yield from sorted(asset for asset in wanted if _name(asset) == name)
    made = [
        (applied.at, asset)
        for asset, applied in inventory.assets.items()
        if applied.origin == origin and applied.made and asset not in wanted and _name(asset) == name
    ]
    yield from (asset for _, asset in sorted(made, reverse=True))


def _there(asset: str, observed: Observed) -> bool:
    """A version is there as long as nobody has looked and its name is."""
    kind, _, rest = asset.partition("/")
    if kind == "datastores":
        return rest in observed.datastores
    name, _, version = rest.partition("/")
    if (name, version) in observed.data:
        found = observed.data[name, version]
        return found is not None and not found.archived
    return name in observed.containers and not observed.containers[name].archived


def _name(asset: str) -> str:
    """`data/name` of `data/name/version`, in lower case."""
    return "/".join(asset.lower().split("/")[:2])
