"""A registration as it comes in: the target workspaces, and the assets they must hold."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registration.plan.model import Sync
from registration.request.faults import Faults, items, no_twins
from registration.request.sync import parse_sync, stored_sync, sync_json
from registration.request.tables import table_faults, table_of
from registration.request.targets import Selector, parse_targets
from shared.assets import DATASTORES, Credentials, Data, Datastore, KeyVaultSecret
from shared.clouds import CLOUDS, Cloud
from shared.paths import locate, short_form
from shared.secrets import find_secret
from shared.stored import listing, text
from shared.workspace import Workspace

NEW = "new"
"""The version that means: a new one for each accepted request."""

_FIELDS = ("name", "workspaces", "datastores", "data", "sync")
_UNREAD: Mapping[str, frozenset[str]] = {
    "workspaces": frozenset(),
    "datastores": frozenset({"$schema", "id"}),
    "data": frozenset({"$schema", "id", "creation_context", "latest_version", "datastore"}),
}
"""What Azure prints, and, of data, the datastore that a local file is uploaded to."""
_LATER = {"environments": "environments", "models": "models", "components": "components"}


@dataclass(frozen=True, slots=True)
class Registration:
    """A valid registration. Data may still lack its version, or ask for a new one: `Data.version` is None or `new`."""

    name: str | None
    workspaces: tuple[Workspace, ...]
    datastores: tuple[Datastore, ...] = ()
    data: tuple[Data, ...] = ()
    selectors: tuple[Selector, ...] = ()
    sync: Sync = field(default_factory=Sync)

    def as_json(self) -> dict[str, Any]:
        """Selectors and sync options are there only where a registration has some."""
        body: dict[str, Any] = {
            "name": self.name,
            "workspaces": [workspace.model_dump() for workspace in self.workspaces],
            "datastores": [datastore.model_dump(exclude_none=True) for datastore in self.datastores],
            "data": [data.model_dump(exclude_none=True) for data in self.data],
        }
        if self.selectors:
            body["selectors"] = [selector.model_dump(exclude_none=True) for selector in self.selectors]
        return body if self.sync == Sync() else {**body, "sync": sync_json(self.sync)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Registration:
        """A registration as `as_json` gave it. Raises what `readable` turns into Damaged."""
        name = document["name"]
        return cls(
            None if name is None else text(name),
            tuple(Workspace.model_validate(workspace) for workspace in listing(document["workspaces"])),
            tuple(DATASTORES[item["type"]].model_validate(item) for item in listing(document["datastores"])),
            tuple(Data.model_validate(data) for data in listing(document["data"])),
            tuple(Selector.model_validate(selector) for selector in listing(document.get("selectors", []))),
            stored_sync(document.get("sync")),
        )

    @classmethod
    def accepted(cls, document: Mapping[str, Any]) -> Registration:
        """One that was stored when it was accepted: its name and all its versions are fixed. Raises in the same way."""
        stored = cls.from_json(document)
        ids = [store.id.lower() for store in stored.datastores] + [data.id.lower() for data in stored.data]
        if not is_name(stored.name or "") or len(set(ids)) < len(ids):
            raise ValueError("this registration bears no name, or names an asset twice")
        if any(data.version in {None, NEW} or table_faults(data, stored.datastores) for data in stored.data):
            raise ValueError("a version, or the place of a table, is not known")
        return stored


def parse_registration(
    body: Mapping[str, Any],
    vaults: Sequence[str],
    max_changes: int,
    faults: Faults | None = None,
    cloud: Cloud = CLOUDS["AzureCloud"],
) -> Registration:
    """Checks a body as a whole and reports every fault at once.

    `vaults`: the listed vaults, the first one being the default. `max_changes`: most assets × workspaces. `cloud`: an
    account of the same name under another one's suffix is another account, and a principal of the same id another one.
    Raises RequestError 400.
    """
    faults = faults or Faults()
    for name in body:
        if name not in _FIELDS:
            faults.add(name, _unknown(name), "UnknownField")
    registration_name = _name(body.get("name"), faults)
    workspaces, selectors = parse_targets(body.get("workspaces"), faults)
    sync = parse_sync(body.get("sync"), faults)
    datastores = _datastores(body, faults)
    data = _data(body, [*(item.key for item in workspaces), *(item.key for item in selectors)], faults)
    if not body.get("datastores") and not body.get("data"):
        faults.add("data", "a registration needs at least one datastore or data asset")
    no_twins([(place, item.name.lower()) for place, item in datastores], "datastores", "this datastore", faults)
    no_twins(
        [(place, (item.name.lower(), _same_version(item.version))) for place, item in data],
        "data",
        "this data asset, in the same version,",
        faults,
    )
    for place, datastore in datastores:
        credentials = datastore.credentials
        references = credentials.references() if isinstance(credentials, Credentials) else {}
        for part, reference in references.items():
            _check_secret(reference, f"datastores[{place}].credentials.{part}", vaults, faults)
    _this_cloud(datastores, data, cloud, faults)
    _tables(data, [item for _, item in datastores], faults)
    changes = len(workspaces) * (len(datastores) + len(data))
    if changes > max_changes:
        faults.add("workspaces", f"{changes} assets × workspaces are too many; at most {max_changes} are taken")
    faults.raise_if_any()
    return Registration(
        registration_name,
        workspaces,
        tuple(item for _, item in datastores),
        tuple(item for _, item in data),
        selectors,
        sync,
    )


def _this_cloud(
    datastores: Sequence[tuple[int, Datastore]], data: Sequence[tuple[int, Data]], cloud: Cloud, faults: Faults
) -> None:
    suffix = cloud.storage_suffix
    for place, datastore in datastores:
        if datastore.type != "one_lake" and getattr(datastore, "endpoint", None) not in {None, suffix}:
            faults.add(f"datastores[{place}].endpoint", f"this cloud's endpoint is {suffix}")
        authority = getattr(datastore.credentials, "authority_url", None)
        if authority is not None and authority.rstrip("/") != cloud.authority:
            faults.add(f"datastores[{place}].credentials.authority_url", f"this cloud's authority is {cloud.authority}")
    for place, asset in data:
        for part, address in (("path", asset.path), ("write_to", asset.write_to)):
            if address is not None and locate(address).suffix not in {None, suffix}:
                faults.add(f"data[{place}].{part}", f"this cloud's storage addresses end with {suffix}")


def _same_version(version: str | None) -> str:
    """Two versions that the service would make are one; others collide whatever their case."""
    return NEW if version is None else version.lower()


def _unknown(name: str) -> str:
    if name in _LATER:
        return f"{_LATER[name]} are not supported yet"
    return f"there is no such field; a registration has {', '.join(_FIELDS)}"


def _name(value: Any, faults: Faults) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not is_name(value):
        message = "a name has 1 to 128 letters, digits, - _ ., begins and ends with a letter or digit, no .. in it"
        faults.add("name", message)
        return None
    return value


def is_name(text: str) -> bool:
    """Whether this can be the name of a registration."""
    return re.fullmatch(r"[a-zA-Z0-9](?!.*\.\.)([a-zA-Z0-9._-]{0,126}[a-zA-Z0-9])?", text) is not None


def _entries(body: Mapping[str, Any], part: str, faults: Faults) -> dict[int, Any]:
    """Place -> entry, without what the CLI's own files may hold and the CLI does not look at."""
    entries = body.get(part)
    if entries is None:
        return {}
    if not isinstance(entries, list):
        faults.add(part, "this is a list")
        return {}
    return {
        place: {name: value for name, value in entry.items() if name not in _UNREAD[part]}
        if isinstance(entry, dict)
        else entry
        for place, entry in enumerate(entries)
    }


def _datastores(body: Mapping[str, Any], faults: Faults) -> list[tuple[int, Datastore]]:
    found: list[tuple[int, Datastore]] = []
    for place, entry in _entries(body, "datastores", faults).items():
        kind = entry.get("type") if isinstance(entry, dict) else None
        if isinstance(kind, str) and kind in DATASTORES:
            found += items(DATASTORES[kind], {place: entry}, "datastores", faults)
        elif kind == "azure_data_lake_gen1":
            message = "Azure Data Lake Storage Gen1 is retired; use azure_data_lake_gen2"
            faults.add(f"datastores[{place}].type", message)
        elif isinstance(entry, dict):
            faults.add(f"datastores[{place}].type", f"a datastore's type is one of {', '.join(DATASTORES)}")
        else:
            faults.add(f"datastores[{place}]", "this is an object")
    return found


def _data(body: Mapping[str, Any], workspaces: Sequence[str], faults: Faults) -> list[tuple[int, Data]]:
    entries = _entries(body, "data", faults)
    for place in [place for place, entry in entries.items() if isinstance(entry, dict)]:
        if entries[place].get("version") == "on_change":
            faults.add(f"data[{place}].version", "on_change is not supported yet; leave it out, or write new")
            del entries[place]
    return [(place, _short(place, data, workspaces, faults)) for place, data in items(Data, entries, "data", faults)]


def _short(place: int, data: Data, workspaces: Sequence[str], faults: Faults) -> Data:
    """A long datastore path names its workspace: it is taken for that workspace alone, in its short form.

    `workspaces`: the keys of all targets; a selector's is never that of a workspace.
    """
    found = {}
    for part, address in (("path", data.path), ("write_to", data.write_to)):
        long = None if address is None else short_form(address)
        if long is None:
            continue
        if any(key != long[0] for key in workspaces):
            message = "this is in another workspace; write azureml://datastores/<name>/paths/<path> for all of them"
            faults.add(f"data[{place}].{part}", message)
        found[part] = long[1]
    return data.model_copy(update=found) if found else data


def _tables(data: Sequence[tuple[int, Data]], datastores: Sequence[Datastore], faults: Faults) -> None:
    """It is known at acceptance where each table is read and written: no two files in one place."""
    files: list[tuple[int, Hashable]] = []
    for place, asset in data:
        wrong = table_faults(asset, datastores)
        for part, message in wrong:
            faults.add(f"data[{place}].{part}", message)
        table = None if wrong else table_of(asset, datastores)
        if table is not None:
            files.append((place, (table.account, table.container, table.path)))
    no_twins(files, "data", "a table that is written to the same place", faults)


def _check_secret(reference: KeyVaultSecret, target: str, vaults: Sequence[str], faults: Faults) -> None:
    try:
        find_secret(reference, vaults)
    except ValueError as error:
        faults.add(f"{target}.key_vault_secret", str(error))
