"""What a killed run left behind: its intents, held against what the workspace holds now."""

from __future__ import annotations

from dataclasses import replace

from registration.plan.fields import strays
from registration.plan.model import Applied, Inventory
from shared.assets import Observed, ObservedData, ObservedDatastore

_TOUCHED = {"description", "tags", "archived"}
"""What somebody may have changed meanwhile without it becoming another asset."""


def resolved(inventory: Inventory, observed: Observed) -> Inventory:
    """The inventory as it had been written, had the run not been killed: intents that were carried out are entries,
    those that were not, or cannot be told from somebody else's work, remain."""
    assets, intents = dict(inventory.assets), {}
    for asset, intended in inventory.intents.items():
        found = _found(asset, observed)
        entry = None if found is None else _entry(inventory.assets.get(asset), intended, found)
        if entry is None:
            intents[asset] = intended
        else:
            assets[asset] = entry
    return replace(inventory, assets=assets, intents=intents)


def _entry(applied: Applied | None, intended: Applied, found: ObservedDatastore | ObservedData) -> Applied | None:
    otherwise = strays(intended.fields, found)
    if otherwise - _TOUCHED:
        return None  # not carried out, or somebody else's
    # What was missing then and is there now is ours, though somebody may have changed it since.
    created = intended.made and not (applied is not None and applied.made)
    if not otherwise:
        before = intended.secrets if created else {} if applied is None else applied.secrets
        # Whether a secret was written over an older one cannot be seen.
        sure = {name: version for name, version in intended.secrets.items() if before.get(name) == version}
        return replace(intended, secrets=sure)
    if applied is None:
        return intended if created else None
    return replace(applied, origin=intended.origin, made=True) if created else applied


def _found(asset: str, observed: Observed) -> ObservedDatastore | ObservedData | None:
    kind, _, rest = asset.partition("/")
    if kind == "datastores":
        return observed.datastores.get(rest)
    name, _, version = rest.partition("/")
    return observed.data.get((name, version))
