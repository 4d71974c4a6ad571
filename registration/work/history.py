"""What a run leaves in a workspace's document: pure, from what was known and what became of each asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from registration.plan import WRITES, Applied, Inventory, resolved
from registration.records.inventory import RUNS, Seen, State
from registration.records.outcomes import MADE, Outcome, Verdict
from registration.records.snapshot import Operation
from registration.work.verdicts import AssetResult, Reconciled
from shared.assets import Observed

_SOUND = MADE | {Verdict.UNCHANGED, Verdict.ADOPTED}


def intending(state: State, observed: Observed, intents: Mapping[str, Applied]) -> State:
    """Before the first write: what is about to be written. A run that is killed leaves it, so that the next one knows
    what it finds for its own. What an earlier one left is settled first, as far as this one has looked."""
    known = state.of(observed.workspace_id)
    inventory = resolved(known.inventory, observed)
    return replace(known, inventory=replace(inventory, intents={**inventory.intents, **intents}))


def after(state: State, reconciled: Reconciled, operation: Operation, now: str) -> State:
    """What is known once a run is through. Pure in all but the time, which is given."""
    known = state.of(reconciled.observed.workspace_id)
    known = replace(known, inventory=resolved(known.inventory, reconciled.observed))
    assets = {asset: applied for asset, applied in known.inventory.assets.items() if asset not in reconciled.forgotten}
    for result in reconciled.assets:
        if result.removed:
            assets.pop(result.asset.lower(), None)
        elif result.record is not None:
            assets[result.asset.lower()] = result.record
    looked = dict(known.looked)
    looked |= {f"data/{name}/{version}": now for name, version in reconciled.observed.data}
    looked |= {asset: now for asset in reconciled.claimed if asset.startswith("datastores/")}
    looked |= {result.asset.lower(): now for result in reconciled.assets if result.verdict in MADE}
    registration = operation.registration
    generations = dict(known.generations)
    if registration is not None and operation.born:
        generations[operation.name.lower()] = (operation.born, operation.generation)
    return replace(
        known,
        generations=generations,
        inventory=Inventory(assets, _open(known, reconciled), _latest(known, reconciled)),
        looked={asset: time for asset, time in looked.items() if asset in assets},
        seen=_seen(known, reconciled, now),
        unmanaged=reconciled.unmanaged,
        error=None,
        runs=_runs(known, operation, reconciled.outcome, now, reconciled.assets),
    )


def after_failure(state: State, error: Mapping[str, str], operation: Operation, now: str) -> State:
    """What is known of a workspace that as a whole could not be worked on: what was known, and why not."""
    return replace(state, error=dict(error), runs=_runs(state, operation, Outcome.FAILED, now, ()))


def forgotten(state: State, operation: Operation, now: str) -> State:
    """What is left of a workspace that is gone and that nobody names."""
    return State(runs=_runs(state, operation, Outcome.UNCHANGED, now, ()))


def _open(known: State, reconciled: Reconciled) -> dict[str, Applied]:
    """The intents of which it is not known what became: the run was not about them, or the answer to a write is
    lost."""
    closed = set(reconciled.forgotten)
    for result in reconciled.assets:
        refused = result.verdict is Verdict.FAILED and result.action in WRITES and result.temporary is None
        if result.removed or result.record is not None or refused:
            closed.add(result.asset.lower())
    return {asset: intended for asset, intended in known.inventory.intents.items() if asset not in closed}


def _latest(known: State, reconciled: Reconciled) -> dict[str, str]:
    """Name -> the latest version, where every wanted version of that name was read, or made, by this run: only then
    does the same answer next time mean that nothing happened to any of them."""
    latest = dict(known.inventory.latest)
    read = {f"data/{name}/{version}" for name, version in reconciled.observed.data}
    made = {result.asset.lower(): result for result in reconciled.assets if result.verdict in _SOUND}
    for name in {asset.split("/")[1] for asset in reconciled.claimed if asset.startswith("data/")}:
        wanted = {asset for asset in reconciled.claimed if asset.startswith(f"data/{name}/")}
        new = [asset for asset in wanted if asset in made and made[asset].verdict in MADE]
        container = reconciled.observed.containers.get(name)
        if not wanted <= read | set(new):
            if not (container is not None and latest.get(name) == container.latest and not new):
                latest.pop(name, None)
        elif len(new) == 1:
            latest[name] = made[new[0]].asset.split("/")[2]
        elif container is not None and not new:
            latest[name] = container.latest
        else:
            latest.pop(name, None)
    return latest


def _seen(known: State, reconciled: Reconciled, now: str) -> dict[str, Seen]:
    """How each asset was found. What a run has covered and did not meet is forgotten; so is what was removed."""
    met = {(result.asset.lower(), result.registration.lower()) for result in reconciled.assets}
    about = reconciled.about
    before = {
        key: seen
        for key, seen in known.seen.items()
        if about is not None
        and seen.registration.lower() not in about
        and (seen.asset.lower(), seen.registration.lower()) not in met
    }
    found = {_seen_key(result): _one(result, now) for result in reconciled.assets if not result.removed}
    return before | found


def _seen_key(result: AssetResult) -> str:
    asset = result.asset.lower()
    return asset if result.rival is None else f"{asset} {result.registration.lower()}"


def _one(result: AssetResult, now: str) -> Seen:
    reasons = tuple(reason.as_json() for reason in result.reasons) if result.verdict not in _SOUND else ()
    verdict = result.verdict.value
    return Seen(result.asset, verdict, result.registration, now, reasons, result.error, result.rival)


def _runs(
    state: State, operation: Operation, outcome: Outcome, now: str, results: tuple[AssetResult, ...]
) -> tuple[Mapping[str, Any], ...]:
    run = {
        "operation": operation.id,
        "kind": operation.kind.value,
        "at": now,
        "outcome": outcome.value,
        "counts": dict(Counter(result.verdict.value for result in results)),
    }
    return (run, *(it for it in state.runs if it.get("operation") != operation.id))[:RUNS]
