"""What the registrations wish of one workspace: which of it they may have, and with which secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from registration.access.authorization import containers_of, data_access, datastore_access
from registration.plan import Claim, Key, WantedDatastore
from registration.records.desired import Stored
from registration.work import verdicts
from registration.work.job import Work
from shared import logs
from shared.assets import CHECKED, Credentials, Data, Datastore
from shared.azureml.observed import Credential
from shared.errors import Permanent, Temporary
from shared.paths import locate
from shared.secrets import Secret

log = logs.get_log(__name__)

_SIGNED_IN = ("ServicePrincipal", "Certificate")
"""Credentials that are sent to an authority."""


class SecretReader(Protocol):
    def read(self, reference: Any) -> Secret: ...


class Wishes:
    """Asks the policy, and reads secrets.

    `suffix`, `authority`: the cloud's, for storage and sign-in. `own_client_ids`: the principals that call Azure ML,
    which datastores may not store.
    """

    def __init__(
        self,
        secrets: SecretReader,
        vaults: tuple[str, ...],
        suffix: str,
        authority: str,
        own_client_ids: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._secrets = secrets
        self._vaults = vaults
        self._suffix = suffix
        self._authority = authority
        self._own_client_ids = own_client_ids

    def claims(self, work: Work) -> list[Claim]:
        """Every registration's wishes for this workspace. Those that this run does not act upon are held; those that
        their owner may not have are void, whatever the run is about."""
        void: set[Key] = set()
        places = self._ask_about_datastores(work, void)
        for stored in work.wanting:
            self._ask_about_data(work, stored, places, void)
        return [
            Claim(stored.origin, wanted, stored.registration.sync, held, (asset.id, stored.origin) in void)
            for stored in work.wanting
            for asset in stored.assets
            for wanted, held in [self._wish(work, stored, asset)]
        ]

    def _wish(self, work: Work, stored: Stored, asset: Datastore | Data) -> tuple[WantedDatastore | Data, bool]:
        """(what is wanted, whether it is held)."""
        key = asset.id, stored.origin
        if not work.acts(stored, asset.id) or key in work.refused:
            return asset if isinstance(asset, Data) else WantedDatastore(asset), True
        if isinstance(asset, Data):
            return asset, False
        resolved = self._resolve(work, stored, asset)
        return resolved or WantedDatastore(asset), resolved is None

    def _ask_about_datastores(self, work: Work, void: set[Key]) -> dict[str, str]:
        """Notes what is suspended or not allowed. Returns where each datastore will lead that this run writes: where
        the earliest registration says that may have it. What that one holds back stays as the workspace has it."""
        places: dict[str, str] = {}
        taken: set[str] = set()
        for stored in work.wanting:
            registration = stored.registration
            rights = work.job.rights(stored.owner, work.job.asks)
            for asset in stored.assets:
                if registration.sync.suspend and work.acts(stored, asset.id):
                    work.refused[asset.id, stored.origin] = verdicts.suspended(asset.id, stored.origin.name)
            for datastore in registration.datastores:
                key, name = (datastore.id, stored.origin), datastore.name.lower()
                acts = work.acts(stored, datastore.id) and key not in work.refused
                try:
                    access = datastore_access(datastore, work.workspace.key, self._vaults)
                except ValueError as error:  # accepted once, when the service's list of vaults was another
                    if acts:
                        message = f"Its credentials cannot be read: {error}."
                        work.refused[key] = verdicts.failed(datastore.id, stored.origin.name, "UnknownVault", message)
                    continue
                if not rights.allows(access):
                    self._deny(work, key, acts, rights.why_not(access), void)
                elif name not in taken:
                    taken.add(name)
                    if acts:
                        places[name] = datastore.location
        return places

    def _ask_about_data(self, work: Work, stored: Stored, places: Mapping[str, str], void: set[Key]) -> None:
        registration, name = stored.registration, stored.origin.name
        rights = work.job.rights(stored.owner, work.job.asks)
        containers = containers_of(registration, work.observed, self._suffix, places)
        for data in registration.data:
            key = data.id, stored.origin
            acts = work.acts(stored, data.id) and key not in work.refused
            access = data_access(data, work.workspace.key, containers)
            if access is not None and not rights.allows(access):
                self._deny(work, key, acts, rights.why_not(access), void)
            elif access is None and acts:
                through = [locate(address).datastore for address in data.addresses]
                names = " or ".join(f"'{it}'" for it in through if it is not None)
                message = f"The workspace has no datastore {names}, or one whose place is not known."
                work.refused[key] = verdicts.failed(data.id, name, "DatastoreNotFound", message)

    def _deny(self, work: Work, key: Key, acts: bool, why: str, void: set[Key]) -> None:
        void.add(key)
        if acts:
            asset, origin = key
            work.refused[key] = verdicts.denied(asset, origin.name, f"the owner may not do this any more: {why}")

    def _resolve(self, work: Work, stored: Stored, datastore: Datastore) -> WantedDatastore | None:
        """The datastore with its references read; None when they cannot be, and the asset is refused."""
        credentials, key = datastore.credentials, (datastore.id, stored.origin)
        if credentials is None:
            return WantedDatastore(datastore, defaults=self._defaults(datastore))

        try:
            return self._read_secrets(work, key, datastore, credentials)
        except (Temporary, Permanent) as error:
            log.warning("A datastore cannot be registered.", asset=datastore.id, code=error.code, reason=error.message)
            later = error if isinstance(error, Temporary) else None
            work.refused[key] = verdicts.failed(datastore.id, stored.origin.name, error.code, error.message, later)
            return None

    def _read_secrets(self, work: Work, key: Key, datastore: Datastore, credentials: Credentials) -> WantedDatastore:
        """Raises Temporary; Permanent for a secret that cannot be read, or is not what it should be."""
        read = {part: self._secrets.read(reference) for part, reference in credentials.references().items()}
        secrets = {part: secret for part, secret in read.items() if part in credentials.SECRET}
        plain = credentials.plain() | {part: secret.value for part, secret in read.items() if part not in secrets}
        wrong = [part for part, check in CHECKED.items() if part in read and not check(plain[part])]
        if wrong:
            message = f"The secret that {wrong[0]} refers to does not hold one: it is another secret."
            raise Permanent("WrongSecret", message)
        if plain.get("client_id", "").lower() in self._own_client_ids():
            message = "The datastore would store the principal that this service itself signs in with."
            raise Permanent("SharedPrincipal", message)
        work.credentials[key] = Credential(credentials.KIND, plain, secrets)
        versions = {part: f"{secret.id}/{secret.version}" for part, secret in read.items()}
        private = frozenset(read) - frozenset(secrets)
        return WantedDatastore(datastore, plain, versions, private, self._defaults(datastore))

    def _defaults(self, datastore: Datastore) -> dict[str, str]:
        """Where the data, and with credentials they, would go: no change of it by hand goes unseen."""
        found: dict[str, str] = {}
        if datastore.type != "one_lake":
            found["endpoint"] = self._suffix
            if datastore.credentials is not None:
                found["protocol"] = "https"
        if isinstance(datastore.credentials, Credentials) and datastore.credentials.KIND in _SIGNED_IN:
            found["authority_url"] = self._authority.lower().rstrip("/")
        return found
