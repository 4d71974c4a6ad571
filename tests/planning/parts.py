"""Assets, workspaces and claims in as few words as a line of the plan's table needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registration.plan import (
    Applied,
    Change,
    Claim,
    Desired,
    Inventory,
    Origin,
    Plan,
    Sync,
    WantedDatastore,
    make_plan,
)
from registration.plan.fields import record_of
from shared.assets import (
    Data,
    KeyVaultSecret,
    Observed,
    ObservedContainer,
    ObservedData,
    ObservedDatastore,
    ServicePrincipal,
)
from shared.datastores import LakeDatastore

NOW = "2026-01-02T02:00:00+00:00"
BEFORE = "2026-01-01T02:00:00+00:00"
TENANT = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
FIRST, SECOND, THIRD = Origin("first", "2025-01-01"), Origin("second", "2025-01-02"), Origin("third", "2025-01-03")
PATH = "azureml://datastores/silver/paths/s.csv"
PRINCIPAL = ServicePrincipal(
    tenant_id=TENANT, client_id=TENANT, client_secret=KeyVaultSecret(key_vault_secret="sp-password")
)

DEFAULT = Sync()

Wanted = WantedDatastore | Data


def store(**fields: Any) -> WantedDatastore:
    """A datastore as it is wanted."""
    given = {"name": "silver", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
    return WantedDatastore(LakeDatastore(**{**given, **fields}))


def signed(version: str = "2", **fields: Any) -> WantedDatastore:
    """One with a principal, whose secret is in this version."""
    wanted = store(credentials=PRINCIPAL, **fields)
    parts = {"tenant_id": TENANT, "client_id": TENANT}
    return WantedDatastore(wanted.datastore, parts, {"client_secret": f"kv/secrets/sp/{version}"})


def from_vault(value: str = TENANT, version: str = "1") -> WantedDatastore:
    """One whose client id came from a vault, too."""
    secrets = {"client_secret": "kv/secrets/sp/2", "client_id": f"kv/secrets/id/{version}"}
    parts = {"tenant_id": TENANT, "client_id": value}
    return WantedDatastore(signed().datastore, parts, secrets, frozenset({"client_id"}))


def there(**fields: Any) -> ObservedDatastore:
    """A datastore as the workspace holds it."""
    given = {"account_name": "sourcedata", "filesystem": "silver", "credentials": "None", "tags": {}}
    name, kind = fields.pop("name", "silver"), fields.pop("type", "azure_data_lake_gen2")
    return ObservedDatastore(name=name, type=kind, fields={**given, **fields})


def there_signed(**fields: Any) -> ObservedDatastore:
    return there(**{"credentials": "ServicePrincipal", "tenant_id": TENANT, "client_id": TENANT, **fields})


def sales(version: str | None = "1", **fields: Any) -> Data:
    return Data(**{"name": "sales", "type": "uri_file", "path": PATH, "version": version, **fields})


def version(number: str = "1", **fields: Any) -> ObservedData:
    return ObservedData(**{"name": "sales", "version": number, "type": "uri_file", "path": PATH, **fields})


def workspace(
    *assets: ObservedDatastore | ObservedData,
    absent: Sequence[tuple[str, str]] = (),
    unlooked: Mapping[str, str] | None = None,
    archived: bool = False,
) -> Observed:
    """What a run sees. `absent`: versions that were looked for in vain; `unlooked`: names and latest versions of
    assets that the list alone has told of; `archived`: all of them, as a whole."""
    data = [asset for asset in assets if isinstance(asset, ObservedData)]
    latest = {name: ("", name) for name, _ in absent} | {it.name.lower(): (it.version, it.name) for it in data}
    latest |= {name.lower(): (last, name) for name, last in (unlooked or {}).items()}
    return Observed(
        datastores={asset.name.lower(): asset for asset in assets if isinstance(asset, ObservedDatastore)},
        containers={key: ObservedContainer(name, last, archived) for key, (last, name) in latest.items()},
        data={**dict.fromkeys(absent), **{(it.name.lower(), it.version.lower()): it for it in data}},
    )


def applied(
    wanted: Wanted, origin: Origin | None = FIRST, *, made: bool = True, at: str = BEFORE, sync: Sync = DEFAULT
) -> Applied:
    """What the inventory says after `wanted` was written."""
    return Applied(*record_of(wanted, sync, None, written=True), origin, made, at)


def inventory(*entries: tuple[str, Applied], intents: Mapping[str, Applied] | None = None, **latest: str) -> Inventory:
    return Inventory(dict(entries), intents or {}, latest)


def claim(wanted: Wanted, origin: Origin = FIRST, *, held: bool = False, **options: Any) -> Claim:
    return Claim(origin, wanted, Sync(**options), held)


def plan(
    claims: Sequence[Claim],
    observed: Observed | None = None,
    known: Inventory | None = None,
    prunable: Mapping[Origin, Sync] | None = None,
) -> Plan:
    return make_plan(Desired(tuple(claims), prunable or {}), known or Inventory(), observed or Observed(), NOW)


def one(wanted: Wanted, observed: Observed, known: Applied | None = None, **options: Any) -> Change:
    """The only change of a plan for one wanted asset."""
    entries = [] if known is None else [(wanted.id.lower(), known)]
    [change] = plan([claim(wanted, **options)], observed, inventory(*entries)).changes
    return change


def told(change: Change) -> tuple[str, list[tuple[str, str]]]:
    return change.action.value, [(reason.field, reason.reason.value) for reason in change.reasons]
