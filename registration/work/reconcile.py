"""One workspace, start to end: observe, ask the policy, plan, apply. Every asset gets its own verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from registration.access.policy import Access, policy_name
from registration.access.policy import Action as Permission
from registration.plan import (
    REMOVALS,
    Applied,
    Desired,
    Origin,
    Plan,
    Sync,
    make_plan,
    must_look,
    resolved,
)
from registration.records.inventory import State
from registration.records.outcomes import Verdict
from registration.request.tables import mark_of
from registration.work import verdicts
from registration.work.applying import Applying, FileWriter, WorkspaceWriter
from registration.work.job import Job, Work
from registration.work.verdicts import AssetResult, Reconciled
from registration.work.wishes import Wishes
from shared import logs
from shared.assets import Data, Observed
from shared.workspace import Workspace

log = logs.get_log(__name__)

PARALLEL = 8
"""Calls in flight for one workspace; a host works on several workspaces at once."""


class WorkspaceReader(Protocol):
    def look(self, workspace: Workspace, pool: Executor) -> Observed: ...
    def versions(
        self,
        workspace: Workspace,
        observed: Observed,
        needed: Mapping[tuple[str, str], str],
        welcome: Mapping[tuple[str, str], str],
        pool: Executor,
    ) -> Observed: ...


class Reconciler:
    """Brings workspaces to their desired state; safe to run again at any point. `suffix`: of the cloud's storage."""

    def __init__(
        self,
        reader: WorkspaceReader,
        writer: WorkspaceWriter,
        lake: FileWriter,
        wishes: Wishes,
        suffix: str,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._lake = lake
        self._wishes = wishes
        self._suffix = suffix

    def reconcile(
        self,
        workspace: Workspace,
        job: Job,
        state: State,
        check: Callable[[], None],
        intend: Callable[[Observed, Mapping[str, Applied]], None],
    ) -> Reconciled:
        """`check` is called before each write and raises Temporary when it may not be made. `intend` is told once,
        before the first write, what is about to be written.

        Raises Permanent when the workspace as a whole refuses, Temporary when it may be there later.
        """
        # Threads of its own: those that wait for one subscription's throttle hold up no other's.
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="workspace") as pool:
            observed = self._reader.look(workspace, pool)
            state = state.of(observed.workspace_id)
            wanting = job.desired.of(workspace, observed.tags)
            work = Work(job, workspace, state, observed, pool, wanting)
            desired = Desired(tuple(self._wishes.claims(work)), self._prunable(work))
            work.observed = self._look_closer(work, desired)
            plan = make_plan(desired, state.inventory, work.observed, job.now.isoformat())
            results = self._carry_out(work, self._permitted(work, plan), check, intend)
        return self._told(work, desired, plan, _owned_up_to(work, results))

    def _told(self, work: Work, desired: Desired, plan: Plan, results: Sequence[AssetResult]) -> Reconciled:
        """The results, in the order of the registrations, with the names as they were written."""
        names = {stored.origin.name: stored.name for stored in work.job.desired.known.values()}
        place = {(claim.wanted.id, claim.origin.name): number for number, claim in enumerate(desired.claims)}
        found = sorted(
            (*work.refused.values(), *(_as_last_seen(work, result) for result in results)),
            key=lambda result: place.get((result.asset, result.registration), len(place)),
        )
        shown = [
            replace(
                result,
                registration=names.get(result.registration, result.registration),
                rival=None if result.rival is None else names.get(result.rival, result.rival),
            )
            for result in found
        ]
        return Reconciled(
            work.observed,
            tuple(shown),
            frozenset() if work.job.dry_run else plan.forgotten,
            plan.unmanaged,
            work.job.about,
            work.job.dry_run,
            frozenset(claim.wanted.id.lower() for claim in desired.claims),
        )

    def _prunable(self, work: Work) -> dict[Origin, Sync]:
        """The registrations whose leftovers this run may remove. While one of them all cannot be read, none: nobody
        knows what it wants."""
        if work.job.desired.damaged or not work.job.prunes:
            return {}
        return {
            origin: stored.registration.sync
            for origin, stored in work.job.desired.known.items()
            if work.job.covers(stored) and not stored.registration.sync.suspend
        }

    def _look_closer(self, work: Work, desired: Desired) -> Observed:
        """Reads the versions that must be read and, those looked at longest ago first, as many as the run allows."""
        written = _written(desired, work.state)
        needed = must_look(desired, work.state.inventory, work.observed)
        others = {
            (claim.wanted.name.lower(), str(claim.wanted.version).lower())
            for claim in desired.claims
            if not claim.held and isinstance(claim.wanted, Data)
        }
        looked = work.state.looked
        welcome = sorted(
            (key for key in others - needed if key[0] in work.observed.containers),
            key=lambda key: (looked.get(f"data/{key[0]}/{key[1]}", ""), key),
        )
        if work.job.looks is None:
            needed, welcome = needed | set(welcome), []
        else:
            welcome = welcome[: max(work.job.looks - len(needed), 0)]
        return self._reader.versions(
            work.workspace,
            work.observed,
            {key: written.get(key, key[1]) for key in needed},
            {key: written.get(key, key[1]) for key in welcome},
            work.pool,
        )

    def _permitted(self, work: Work, plan: Plan) -> Plan:
        """The plan without what the run does not reach, and without removals that the owner may not order."""
        kept = []
        for change in plan.changes:
            if change.action in REMOVALS:
                stored = work.job.desired.known[change.origin]
                rights = work.job.rights(stored.owner, Permission.DELETE)
                access = Access(work.workspace.key, policy_name(change.asset))
                if not work.job.reaches(work.workspace, change.asset):
                    continue
                if not rights.allows(access):
                    reason = f"the owner may not delete this: {rights.why_not(access)}"
                    work.refused[change.key] = verdicts.not_authorized(change, reason)
                    continue
            kept.append(change)
        return replace(plan, changes=tuple(kept))

    def _carry_out(
        self,
        work: Work,
        plan: Plan,
        check: Callable[[], None],
        intend: Callable[[Observed, Mapping[str, Applied]], None],
    ) -> list[AssetResult]:
        if work.job.dry_run:
            return [verdicts.planned(change) for change in plan.changes]
        intents = {change.asset.lower(): change.intent for change in plan.changes if change.intent is not None}
        if intents:
            check()
            intend(work.observed, intents)
        applying = Applying(
            work.workspace,
            work.observed,
            self._writer,
            self._lake,
            self._suffix,
            work.pool,
            check,
            {stored.origin: stored.registration.datastores for stored in work.wanting},
            {stored.origin: mark_of(stored.name, stored.owner.id) for stored in work.wanting},
            work.credentials,
        )
        broken = {
            (asset.lower(), origin): result
            for (asset, origin), result in work.refused.items()
            if asset.startswith("datastores/") and result.error is not None
        }
        results = applying.apply(plan, broken)
        return [results[change.key] for change in plan.changes]


def _as_last_seen(work: Work, result: AssetResult) -> AssetResult:
    """A version that the run has not looked at is as it was when one did: what had drifted then, and is only reported,
    has drifted still."""
    kind, *parts = result.asset.lower().split("/")
    if result.verdict is not Verdict.UNCHANGED or kind != "data" or tuple(parts) in work.observed.data:
        return result
    seen = work.state.seen.get(result.asset.lower())
    if seen is None or seen.state != Verdict.DRIFTED or seen.registration.lower() != result.registration:
        return result
    reports = any(
        stored.origin.name == result.registration and stored.registration.sync.drift == "report"
        for stored in work.wanting
    )
    return verdicts.unseen(result, seen.reasons) if reports else result


def _owned_up_to(work: Work, results: Sequence[AssetResult]) -> Sequence[AssetResult]:
    """The results, with what an earlier run made and, killed in the middle, has told nobody of. It is told once: the
    intents that were carried out are no more, once this run is noted."""
    inventory = work.state.inventory
    if work.job.dry_run or not inventory.intents:
        return results
    left = resolved(inventory, work.observed).intents
    carried_out = {
        (asset, intended.origin.name): asset not in inventory.assets
        for asset, intended in inventory.intents.items()
        if asset not in left and intended.origin is not None
    }
    return [
        verdicts.made_before(result, carried_out[key])
        if result.verdict is Verdict.UNCHANGED and (key := (result.asset.lower(), result.registration)) in carried_out
        else result
        for result in results
    ]


def _written(desired: Desired, state: State) -> dict[tuple[str, str], str]:
    """(name, version) in lower case -> the version as it is written: Azure may not take it otherwise."""
    inventory = state.inventory
    ids = [applied.asset for known in (inventory.assets, inventory.intents) for applied in known.values()]
    ids += [claim.wanted.id for claim in desired.claims]
    parts = [asset.split("/") for asset in ids if asset.startswith("data/")]
    return {(name.lower(), version.lower()): version for _, name, version in parts}
