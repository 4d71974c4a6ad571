"""One workspace, start to end: observe, ask the policy, plan, apply. Every asset gets its own verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from registration.authorization import containers_of, data_access, datastore_access
from registration.document import Registration
from registration.plan import WRITES, Action, Applied, Change, Desired, Reason, WantedDatastore, make_plan
from registration.policy import Rights
from registration.tables import mark_of, table_of
from shared import logs
from shared.assets import CHECKED, IN_CLEAR, Data, Datastore, Observed, ObservedDatastore
from shared.azureml.observed import Credential
from shared.errors import AzureRefused, Permanent, Temporary
from shared.paths import locate
from shared.secrets import Secret
from shared.workspace import Workspace

log = logs.get_log(__name__)

PARALLEL = 8
"""Calls in flight for one workspace; a host works on several workspaces at once."""


class Verdict(StrEnum):
    """What became of one asset."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    CONFLICT = "conflict"
    FAILED = "failed"
    NOT_AUTHORIZED = "notAuthorized"


_DONE = {
    Action.CREATE: Verdict.CREATED,
    Action.NEW_VERSION: Verdict.CREATED,
    Action.UPDATE: Verdict.UPDATED,
    Action.ADOPT: Verdict.ADOPTED,
    Action.NONE: Verdict.UNCHANGED,
}


@dataclass(frozen=True, slots=True)
class AssetResult:
    """One asset in one workspace. `temporary`: trying again may help."""

    asset: str
    verdict: Verdict
    action: Action | None = None
    reasons: tuple[Reason, ...] = ()
    error: Mapping[str, str] | None = None
    applied: Applied | None = None
    temporary: Temporary | None = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"asset": self.asset, "outcome": self.verdict.value}
        if self.action is not None:
            body["action"] = self.action.value
        if self.reasons:
            body["reasons"] = [reason.as_json() for reason in self.reasons]
        return body if self.error is None else {**body, "error": dict(self.error)}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """All assets of a registration in one workspace."""

    workspace_id: str | None
    assets: tuple[AssetResult, ...] = ()

    def temporary(self) -> Temporary | None:
        """The failure with the longest wait among those that trying again may help."""
        found = [result.temporary for result in self.assets if result.temporary is not None]
        return max(found, key=lambda error: error.delay or 0.0, default=None)

    def applied(self) -> dict[str, Applied]:
        return {result.asset: result.applied for result in self.assets if result.applied is not None}


class WorkspaceReader(Protocol):
    def observe(self, workspace: Workspace, wanted: tuple[Data, ...], pool: Executor) -> Observed: ...


class WorkspaceWriter(Protocol):
    def write_datastore(self, workspace: Workspace, datastore: Datastore, credential: Credential | None) -> None: ...
    def write_data(self, workspace: Workspace, data: Data) -> None: ...


class FileWriter(Protocol):
    def write(self, account: str, container: str, path: str, text: str, mark: Mapping[str, str]) -> None: ...


class SecretReader(Protocol):
    def read(self, reference: Any) -> Secret: ...


@dataclass
class _Work:
    """One run over one workspace."""

    workspace: Workspace
    check: Callable[[], None]
    observed: Observed
    pool: Executor
    datastores: tuple[Datastore, ...]
    """The registration's."""
    mark: Mapping[str, str]
    """Whose the files are that it writes into the lake."""
    credentials: dict[str, Credential] = field(default_factory=dict)
    refused: dict[str, AssetResult] = field(default_factory=dict)
    """Assets that do not get as far as the plan."""


class Reconciler:
    """Brings a registration's assets into a workspace. Safe to run again at any point.

    `suffix`: the cloud's storage suffix. `own_client_ids`: the principals that call Azure ML, which datastores may not
    store.
    """

    def __init__(
        self,
        reader: WorkspaceReader,
        writer: WorkspaceWriter,
        lake: FileWriter,
        secrets: SecretReader,
        vaults: tuple[str, ...],
        suffix: str,
        own_client_ids: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._lake = lake
        self._secrets = secrets
        self._vaults = vaults
        self._suffix = suffix
        self._own_client_ids = own_client_ids

    def reconcile(
        self,
        workspace: Workspace,
        registration: Registration,
        rights: Rights,
        inventory: Callable[[str | None], Mapping[str, Applied]],
        check: Callable[[], None],
        owner: str,
    ) -> Reconciled:
        """`rights`: those of the owner. `inventory`: the workspace's id -> what we applied to it last. `check` is
        called before each write and raises Temporary when it may not be made. `owner`: `tenant id/object id`.

        Raises Permanent when the workspace as a whole refuses, Temporary when it may be there later.
        """
        # Threads of its own: those that wait for one subscription's throttle hold up no other's.
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="workspace") as pool:
            observed = self._reader.observe(workspace, registration.data, pool)
            mark = mark_of(registration.name or "", owner)
            work = _Work(workspace, check, observed, pool, registration.datastores, mark)
            return self._bring(work, registration, rights, inventory)

    def _bring(
        self,
        work: _Work,
        registration: Registration,
        rights: Rights,
        inventory: Callable[[str | None], Mapping[str, Applied]],
    ) -> Reconciled:
        observed = work.observed
        self._ask_policy(work, registration, rights)
        datastores = tuple(
            wanted
            for datastore in registration.datastores
            if datastore.id not in work.refused and (wanted := self._resolve(work, datastore)) is not None
        )
        data = tuple(asset for asset in registration.data if asset.id not in work.refused)
        plan = make_plan(Desired(datastores, data), inventory(observed.workspace_id), observed)
        results = dict(work.refused)
        results |= self._apply_all(work, [change for change in plan if isinstance(change.wanted, WantedDatastore)])
        broken = {
            datastore.name.lower(): datastore.id
            for datastore in registration.datastores
            if results[datastore.id].error is not None
        }
        ready = []
        for change in plan:
            if not isinstance(change.wanted, Data):
                continue
            through = [locate(address).datastore or "" for address in change.wanted.addresses]
            name = next((name.lower() for name in through if name.lower() in broken), None)
            if name is not None:
                results[change.asset] = _blocked(change, results[broken[name]])
            else:
                ready.append(change)
        results |= self._apply_all(work, ready)
        order = [*(datastore.id for datastore in registration.datastores), *(data.id for data in registration.data)]
        return Reconciled(observed.workspace_id, tuple(results[asset] for asset in order))

    def _ask_policy(self, work: _Work, registration: Registration, rights: Rights) -> None:
        containers = containers_of(registration, work.observed, self._suffix)
        for datastore in registration.datastores:
            access = datastore_access(datastore, work.workspace, self._vaults)
            if not rights.allows(access):
                work.refused[datastore.id] = _not_authorized(datastore.id, rights.why_not(access))
        for data in registration.data:
            data_question = data_access(data, work.workspace, containers)
            if data_question is None:
                through = [locate(address).datastore for address in data.addresses]
                names = " or ".join(f"'{name}'" for name in through if name is not None)
                message = f"The workspace has no datastore {names}, or one whose place is not known."
                work.refused[data.id] = _failed(data.id, "DatastoreNotFound", message)
            elif not rights.allows(data_question):
                work.refused[data.id] = _not_authorized(data.id, rights.why_not(data_question))

    def _resolve(self, work: _Work, datastore: Datastore) -> WantedDatastore | None:
        """The datastore with its references read; None when they cannot be, and the asset is refused."""
        credentials = datastore.credentials
        if credentials is None:
            return WantedDatastore(datastore)
        try:
            read = {part: self._secrets.read(reference) for part, reference in credentials.references().items()}
            own = self._own_client_ids()
        except Temporary as error:
            work.refused[datastore.id] = _temporary(datastore.id, error)
            return None
        except Permanent as error:
            work.refused[datastore.id] = _failed(datastore.id, error.code, error.message)
            return None
        secrets = {part: secret for part, secret in read.items() if part in credentials.SECRET}
        plain = credentials.plain() | {part: secret.value for part, secret in read.items() if part not in secrets}
        wrong = [part for part, check in CHECKED.items() if part in read and not check(plain[part])]
        if wrong:
            message = f"The secret that {wrong[0]} refers to does not hold one: it is another secret."
            work.refused[datastore.id] = _failed(datastore.id, "WrongSecret", message)
            return None
        if plain.get("client_id", "").lower() in own:
            message = "The datastore would store the principal that this service itself signs in with."
            work.refused[datastore.id] = _failed(datastore.id, "SharedPrincipal", message)
            return None
        work.credentials[datastore.id] = Credential(credentials.KIND, plain, secrets)
        versions = {part: f"{secret.id}/{secret.version}" for part, secret in secrets.items()}
        return WantedDatastore(datastore, plain, versions, frozenset(read) - frozenset(secrets))

    def _apply_all(self, work: _Work, changes: list[Change]) -> dict[str, AssetResult]:
        """All at once: they do not depend on each other."""
        writes = [change for change in changes if _needs_write(change)]
        apply = logs.carried(self._apply)
        tasks = [(change, work.pool.submit(apply, work, change)) for change in writes]
        results = {change.asset: _settled(change) for change in changes if not _needs_write(change)}
        return results | {change.asset: task.result() for change, task in tasks}

    def _apply(self, work: _Work, change: Change) -> AssetResult:
        credential = work.credentials.get(change.asset)
        try:
            work.check()
            if isinstance(change.wanted, WantedDatastore):
                found = work.observed.datastores.get(change.wanted.datastore.name.lower())
                datastore = change.wanted.datastore
                if found is not None:
                    datastore = _with_unmanaged(datastore, found)
                self._writer.write_datastore(work.workspace, datastore, credential)
            else:
                table = table_of(change.wanted, work.datastores, self._suffix)
                if table is not None:
                    self._lake.write(table.account, table.container, table.path, table.text, work.mark)
                    work.check()
                if change.action is not Action.ADOPT:
                    self._writer.write_data(work.workspace, change.wanted)
        except Temporary as error:
            return _temporary(change.asset, error, change)
        except Permanent as error:
            return _refused(change, error, credential)
        if change.action in WRITES:
            log.info("An asset was written.", asset=change.asset, action=change.action.value)
        return AssetResult(change.asset, _DONE[change.action], change.action, change.reasons, applied=change.applied())


def _needs_write(change: Change) -> bool:
    """A defined table is adopted with its file: the version alone does not say what is in it."""
    table = isinstance(change.wanted, Data) and change.wanted.write_to is not None
    return change.action in WRITES or (table and change.action is Action.ADOPT)


def _with_unmanaged(datastore: Datastore, found: ObservedDatastore) -> Datastore:
    """An update writes the datastore whole, so what the registration does not manage is written back as found; but no
    protocol that would send its credentials in clear."""
    kept: dict[str, Any] = {}
    for name in ("description", "endpoint", "protocol"):
        in_clear = datastore.credentials is not None and found.fields.get(name) in IN_CLEAR
        if getattr(datastore, name, "") is None and found.fields.get(name) and not in_clear:
            kept[name] = found.fields[name]
    if datastore.tags is None and found.fields.get("tags"):
        kept["tags"] = {name: value or "" for name, value in found.fields["tags"].items()}
    return datastore.model_copy(update=kept)


def _settled(change: Change) -> AssetResult:
    """A change that needs no write."""
    if change.action is Action.CONFLICT:
        message = "It is there already, otherwise than wanted, and cannot be changed: " + ", ".join(
            f"{reason.field} is '{reason.found}', wanted '{reason.wanted}'" for reason in change.reasons
        )
        error = {"code": "Conflict", "message": f"{message}."}
        return AssetResult(change.asset, Verdict.CONFLICT, change.action, change.reasons, error)
    return AssetResult(change.asset, _DONE[change.action], change.action, change.reasons, applied=change.applied())


def _refused(change: Change, error: Permanent, credential: Credential | None) -> AssetResult:
    """Azure's own message, without the secret should it ever repeat it. A 409 is a version, or a table's file, that
    somebody else made."""
    message = error.message
    for secret in credential.secrets.values() if credential is not None else ():
        message = message.replace(secret.value, "[secret]")
    log.warning("An asset was refused.", asset=change.asset, code=error.code, reason=message)
    taken = isinstance(error, AzureRefused) and error.status == 409 and isinstance(change.wanted, Data)
    verdict = Verdict.CONFLICT if taken else Verdict.FAILED
    return AssetResult(change.asset, verdict, change.action, change.reasons, {"code": error.code, "message": message})


def _temporary(asset: str, error: Temporary, change: Change | None = None) -> AssetResult:
    log.info("An asset has to wait.", asset=asset, code=error.code, reason=error.message)
    return AssetResult(
        asset,
        Verdict.FAILED,
        None if change is None else change.action,
        () if change is None else change.reasons,
        {"code": error.code, "message": error.message},
        temporary=error,
    )


def _blocked(change: Change, datastore: AssetResult) -> AssetResult:
    error = {"code": "DatastoreFailed", "message": f"Not tried, since {datastore.asset} is not as wanted."}
    return AssetResult(
        change.asset, Verdict.FAILED, change.action, change.reasons, error, temporary=datastore.temporary
    )


def _failed(asset: str, code: str, message: str) -> AssetResult:
    log.warning("An asset cannot be registered.", asset=asset, code=code, reason=message)
    return AssetResult(asset, Verdict.FAILED, error={"code": code, "message": message})


def _not_authorized(asset: str, reason: str) -> AssetResult:
    error = {"code": "NotAuthorized", "message": f"The owner may not do this any more: {reason}."}
    return AssetResult(asset, Verdict.NOT_AUTHORIZED, error=error)
