"""What is told of the assets in one workspace, from its document: pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registration.plan import Applied
from registration.records.desired import DesiredState
from registration.records.inventory import State
from registration.records.outcomes import Verdict

_ORDER = ("asset", "state", "registration", "at", "reasons", "error", "conflictsWith", "applied", "lookedAt")


def told(state: State, desired: DesiredState, name: str | None = None) -> Iterator[dict[str, Any]]:
    """Every asset that runs have met in a workspace, or that the inventory holds, by id; or, of one `name`
    (`data/<name>`, `datastores/<name>`, in lower case), that datastore or every version of that data."""
    for asset in sorted(state.seen.keys() | state.inventory.assets.keys()):
        if name is None or asset == name or asset.startswith(f"{name}/"):
            body = _one(asset, state, desired)
            yield {part: body[part] for part in _ORDER if body.get(part) not in (None, "")}


def _one(asset: str, state: State, desired: DesiredState) -> dict[str, Any]:
    seen, applied = state.seen.get(asset), state.inventory.assets.get(asset)
    body: dict[str, Any] = {"lookedAt": state.looked.get(asset)}
    if applied is not None:
        # In the inventory, and met by no run about everything: nobody wants it any more, and it was left.
        body |= {"state": Verdict.KEPT.value, "registration": _whose(applied, desired), "at": applied.at}
        body["applied"] = {"registration": body["registration"], "at": applied.at, "created": applied.made}
    if seen is not None:
        body |= seen.as_json()
        body["conflictsWith"] = seen.rival  # told to those alone who may read the asset here
    return {**body, "asset": body.get("asset") or asset}


def _whose(applied: Applied, desired: DesiredState) -> str:
    """The registration for which it was applied, spelled as it is stored, if it still is."""
    if applied.origin is None:
        return ""
    stored = desired.known.get(applied.origin)
    return applied.origin.name if stored is None else stored.name
