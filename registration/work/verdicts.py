"""What became of each asset of one workspace, and of the workspace as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from registration.plan import REMOVALS, WRITES, Action, Applied, Change, Reason, Why
from registration.records.outcomes import MADE, Outcome, Verdict
from shared import logs
from shared.assets import Data, Observed
from shared.azureml.observed import Credential
from shared.errors import AzureRefused, Permanent, Temporary

log = logs.get_log(__name__)


_DONE = {
    Action.CREATE: Verdict.CREATED,
    Action.NEW_VERSION: Verdict.CREATED,
    Action.UPDATE: Verdict.UPDATED,
    Action.ARCHIVE: Verdict.ARCHIVED,
    Action.DELETE: Verdict.DELETED,
    Action.ADOPT: Verdict.ADOPTED,
    Action.NONE: Verdict.UNCHANGED,
}


@dataclass(frozen=True, slots=True)
class AssetResult:
    """One asset in one workspace. `temporary`: trying again may help."""

    asset: str
    registration: str
    verdict: Verdict
    action: Action | None = None
    reasons: tuple[Reason, ...] = ()
    error: Mapping[str, str] | None = None
    record: Applied | None = None
    """What the inventory says of it from now on."""
    removed: bool = False
    """It leaves the inventory."""
    rival: str | None = None
    """The registration that came first; told to those alone who may read it."""
    temporary: Temporary | None = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "asset": self.asset,
            "registration": self.registration,
            "outcome": self.verdict.value,
        }
        if self.action is not None:
            body["action"] = self.action.value
        if self.reasons:
            body["reasons"] = [reason.as_json() for reason in self.reasons]
        if self.rival is not None:
            body["conflictsWith"] = self.rival
        return body if self.error is None else {**body, "error": dict(self.error)}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """All assets of one run in one workspace."""

    observed: Observed
    assets: tuple[AssetResult, ...] = ()
    forgotten: frozenset[str] = frozenset()
    """Entries of the inventory that are about nothing any more."""
    unmanaged: tuple[str, ...] = ()
    about: frozenset[str] | None = frozenset()
    """Names, in lower case, of the registrations that the run has covered whole; None: all of them."""
    dry_run: bool = False
    claimed: frozenset[str] = frozenset()
    """Ids of all assets that any registration wants here, in lower case."""

    def temporary(self) -> Temporary | None:
        """The failure with the longest wait among those that trying again may help."""
        found = [result.temporary for result in self.assets if result.temporary is not None]
        return max(found, key=lambda error: error.delay or 0.0, default=None)

    @property
    def outcome(self) -> Outcome:
        """The worst verdict of any asset; without a failure, whether anything was written. A plan is a success,
        whatever it says."""
        verdicts = {asset.verdict for asset in self.assets}
        if self.dry_run:
            return Outcome.PLANNED if verdicts & _TELLING else Outcome.UNCHANGED
        for verdict, outcome in _OUTCOMES:
            if verdict in verdicts:
                return outcome
        if verdicts & MADE:
            return Outcome.SUCCEEDED
        if verdicts & {Verdict.DRIFTED, Verdict.KEPT}:
            return Outcome.DRIFTED
        return Outcome.SUSPENDED if verdicts == {Verdict.SUSPENDED} else Outcome.UNCHANGED


_TELLING = frozenset({Verdict.PLANNED, Verdict.FAILED, Verdict.CONFLICT, Verdict.NOT_AUTHORIZED})
_OUTCOMES = (
    (Verdict.FAILED, Outcome.FAILED),
    (Verdict.CONFLICT, Outcome.CONFLICT),
    (Verdict.NOT_AUTHORIZED, Outcome.NOT_AUTHORIZED),
)


def settled(change: Change) -> AssetResult:
    """A change that needs no write, made by being noted."""
    verdict, error = _DONE.get(change.action, Verdict.CONFLICT), None
    if change.action is Action.CONFLICT:
        error = {"code": "Conflict", "message": _conflict(change)}
    elif change.drifted:
        verdict = Verdict.DRIFTED
    elif change.guarded:
        verdict = Verdict.KEPT
    return AssetResult(
        change.asset,
        change.origin.name,
        verdict,
        change.action,
        change.reasons,
        error,
        change.record,
        rival=change.rival,
    )


def unseen(result: AssetResult, drift: Iterable[Mapping[str, Any]]) -> AssetResult:
    """An asset that this run has not looked at, and that had drifted, for these reasons, when one did."""
    reasons = tuple(
        Reason(it["field"], Why(it["reason"]), it.get("found"), it.get("wanted"))
        for it in drift
        if it["reason"] in set(Why)
    )
    return replace(result, verdict=Verdict.DRIFTED, reasons=reasons)


def made_before(result: AssetResult, created: bool) -> AssetResult:
    """An asset that is as wanted, since a run has made it so that was cut off before it could tell."""
    verdict, action = (Verdict.CREATED, Action.CREATE) if created else (Verdict.UPDATED, Action.UPDATE)
    return replace(result, verdict=verdict, action=action)


def done(change: Change) -> AssetResult:
    """A change that was written."""
    if change.action in WRITES:
        log.info("An asset was written.", asset=change.asset, action=change.action.value)
    return AssetResult(
        change.asset,
        change.origin.name,
        _DONE[change.action],
        change.action,
        change.reasons,
        record=change.record,
        removed=change.action in REMOVALS,
    )


def planned(change: Change) -> AssetResult:
    """What a dry run says of a change. Nothing is noted."""
    if change.action in {Action.NONE, Action.CONFLICT}:
        return replace(settled(change), record=None)
    return AssetResult(change.asset, change.origin.name, Verdict.PLANNED, change.action, change.reasons)


def refused(change: Change, error: Permanent, credential: Credential | None) -> AssetResult:
    """Azure's own message, without the secret should it ever repeat it. A 409 is a version, or a table's file, that
    somebody else made."""
    message = error.message
    for secret in credential.secrets.values() if credential is not None else ():
        message = message.replace(secret.value, "[secret]")
    log.warning("An asset was refused.", asset=change.asset, code=error.code, reason=message)
    taken = isinstance(error, AzureRefused) and error.status == 409 and isinstance(change.wanted, Data)
    verdict = Verdict.CONFLICT if taken else Verdict.FAILED
    return _failing(change, verdict, {"code": error.code, "message": message})


def waiting(change: Change, error: Temporary) -> AssetResult:
    """Trying again may help."""
    log.info("An asset has to wait.", asset=change.asset, code=error.code, reason=error.message)
    return _failing(change, Verdict.FAILED, {"code": error.code, "message": error.message}, error)


def blocked(change: Change, datastore: AssetResult) -> AssetResult:
    """A data asset whose datastore is not as wanted."""
    error = {"code": "DatastoreFailed", "message": f"Not tried, since {datastore.asset} is not as wanted."}
    return _failing(change, Verdict.FAILED, error, datastore.temporary)


def not_authorized(change: Change, reason: str) -> AssetResult:
    return _failing(change, Verdict.NOT_AUTHORIZED, _denial(reason))


def denied(asset: str, registration: str, reason: str) -> AssetResult:
    """The same before the plan."""
    return AssetResult(asset, registration, Verdict.NOT_AUTHORIZED, error=_denial(reason))


def failed(asset: str, registration: str, code: str, message: str, temporary: Temporary | None = None) -> AssetResult:
    """An asset that does not get as far as the plan."""
    error = {"code": code, "message": message}
    return AssetResult(asset, registration, Verdict.FAILED, error=error, temporary=temporary)


def suspended(asset: str, registration: str) -> AssetResult:
    return AssetResult(asset, registration, Verdict.SUSPENDED)


def _failing(
    change: Change, verdict: Verdict, error: Mapping[str, str], temporary: Temporary | None = None
) -> AssetResult:
    return AssetResult(
        change.asset, change.origin.name, verdict, change.action, change.reasons, error, temporary=temporary
    )


def _denial(reason: str) -> dict[str, str]:
    return {"code": "NotAuthorized", "message": f"{reason[:1].upper()}{reason[1:]}."}


def _conflict(change: Change) -> str:
    if change.rival is not None:
        return "Another registration, which came first, wants it otherwise; its definition stands."
    if any(reason.field == "archived" for reason in change.reasons):
        name = change.asset.split("/")[1]
        return f"The whole asset is archived, so no version of it can be restored: az ml data restore --name {name}."
    found = ", ".join(f"{reason.field} is '{reason.found}', wanted '{reason.wanted}'" for reason in change.reasons)
    return f"It is there already, otherwise than wanted, and cannot be changed: {found}."
