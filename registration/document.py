"""A registration as it comes in: the target workspaces, and the assets they must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from registration.sentences import plain
from registration.tables import table_faults, table_of
from shared.assets import CREDENTIAL_TAGS, DATASTORES, Credentials, Data, Datastore, KeyVaultSecret
from shared.clouds import CLOUDS, Cloud
from shared.errors import Fault, RequestError
from shared.paths import locate, short_form
from shared.secrets import find_secret
from shared.workspace import Workspace

NEW = "new"
"""The version that means: a new one for each accepted request."""

MAX_FAULTS, ENOUGH = 100, 1000
MAX_TARGET = 200
_SECRETS = ("client_secret", "certificate", "account_key", "sas_token")
_NO_AUTO_DELETE = (
    "Azure's definition of a data version has no such field: nothing would ever be deleted by it; leave it out"
)
_FIELDS = ("name", "workspaces", "datastores", "data")
_UNREAD: Mapping[str, frozenset[str]] = {
    "workspaces": frozenset(),
    "datastores": frozenset({"$schema", "id"}),
    "data": frozenset({"$schema", "id", "creation_context", "latest_version", "datastore"}),
}
"""What Azure prints, and, of data, the datastore that a local file is uploaded to."""
_LATER = {"sync": "sync options", "environments": "environments", "models": "models", "components": "components"}

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Registration:
    """A valid registration. Data may still lack its version, or ask for a new one: `Data.version` is None or `new`."""

    name: str | None
    workspaces: tuple[Workspace, ...]
    datastores: tuple[Datastore, ...] = ()
    data: tuple[Data, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "workspaces": [workspace.model_dump() for workspace in self.workspaces],
            "datastores": [datastore.model_dump(exclude_none=True) for datastore in self.datastores],
            "data": [data.model_dump(exclude_none=True) for data in self.data],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Registration:
        """A registration that was stored. Raises ValueError when it is damaged."""
        return cls(
            document["name"],
            tuple(Workspace.model_validate(workspace) for workspace in document["workspaces"]),
            tuple(DATASTORES[item["type"]].model_validate(item) for item in document["datastores"]),
            tuple(Data.model_validate(data) for data in document["data"]),
        )


@dataclass
class Faults:
    """Everything that is wrong with one body. `rename` turns a path of the registration into the caller's own."""

    rename: Callable[[str], str] = str
    found: list[Fault] = field(default_factory=list)

    @property
    def enough(self) -> bool:
        """So many that looking further helps nobody, and costs time."""
        return len(self.found) > ENOUGH

    def add(self, target: str, message: str, code: str = "InvalidField") -> None:
        self.found.append(Fault(code, message, self.rename(target)[:MAX_TARGET]))

    def raise_if_any(self) -> None:
        if not self.found:
            return
        count = len(self.found)
        shown = self.found[:MAX_FAULTS]
        if count > MAX_FAULTS:
            shown = [*shown, Fault("MoreFaults", f"… and {count - MAX_FAULTS} more.")]
        number = f"more than {ENOUGH}" if self.enough else str(count)
        message = f"The registration has {number} fault{'s' if count > 1 else ''}; nothing was stored."
        raise RequestError(400, "InvalidRegistration", message, shown, shown[0].target)


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
    workspaces = _workspaces(body, faults)
    datastores = _datastores(body, faults)
    data = _data(body, [item.key for _, item in workspaces], faults)
    if not body.get("datastores") and not body.get("data"):
        faults.add("data", "a registration needs at least one datastore or data asset")
    _no_twins([(place, item.key) for place, item in workspaces], "workspaces", "this workspace", faults)
    _no_twins([(place, item.name.lower()) for place, item in datastores], "datastores", "this datastore", faults)
    _no_twins(
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
        tuple(item for _, item in workspaces),
        tuple(item for _, item in datastores),
        tuple(item for _, item in data),
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
    if not isinstance(value, str) or not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,126}[a-zA-Z0-9])?", value):
        faults.add("name", "a name has 1 to 128 letters, digits, - _ . and begins and ends with a letter or digit")
        return None
    if ".." in value:
        faults.add("name", "a name has no two dots in a row")
    return value


def _workspaces(body: Mapping[str, Any], faults: Faults) -> list[tuple[int, Workspace]]:
    if not body.get("workspaces"):
        faults.add("workspaces", "name at least one workspace: {subscription_id, resource_group, workspace_name}")
        return []
    entries = body["workspaces"]
    if isinstance(entries, list):
        for place, entry in enumerate(entries):
            if isinstance(entry, dict) and "selector" in entry:
                faults.add(f"workspaces[{place}].selector", "selectors are not supported yet; name the workspaces")
        kept = {place: entry for place, entry in enumerate(entries) if not _has_selector(entry)}
        return _items(Workspace, kept, "workspaces", faults)
    return _list(Workspace, body, "workspaces", faults)


def _has_selector(entry: Any) -> bool:
    return isinstance(entry, dict) and "selector" in entry


def _list(model: type[M], body: Mapping[str, Any], part: str, faults: Faults) -> list[tuple[int, M]]:
    return _items(model, _entries(body, part, faults), part, faults)


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
            found += _items(DATASTORES[kind], {place: entry}, "datastores", faults)
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
    return [(place, _short(place, data, workspaces, faults)) for place, data in _items(Data, entries, "data", faults)]


def _short(place: int, data: Data, workspaces: Sequence[str], faults: Faults) -> Data:
    """A long datastore path names its workspace: it is taken for that workspace alone, in its short form."""
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
    _no_twins(files, "data", "a table that is written to the same place", faults)


def _items(model: type[M], entries: Mapping[int, Any], part: str, faults: Faults) -> list[tuple[int, M]]:
    found = []
    for place, entry in entries.items():
        if faults.enough:
            break
        try:
            found.append((place, model.model_validate(entry)))
        except ValidationError as error:
            for target, message, code in _sentences(error):
                faults.add(f"{part}[{place}]{target}", message, code)
    return found


def _sentences(error: ValidationError) -> list[tuple[str, str, str]]:
    """Path, sentence and code of each fault. What was sent is never repeated: it may be a secret."""
    found: dict[str, tuple[str, str]] = {}
    for fault in error.errors(include_url=False, include_input=False):
        names = [part for part in fault["loc"] if not (isinstance(part, str) and "[" in part)]
        names = [part for number, part in enumerate(names) if not (part in CREDENTIAL_TAGS and number == 1)]
        names = [part for part in names if part != "KeyVaultSecret"]
        target = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in names)
        secret = re.match(rf"\.credentials\.({'|'.join(_SECRETS)})", target)
        if secret is not None and fault["type"] == "extra_forbidden" and target == secret[0]:
            found[secret[0]] = ("this field does not belong to credentials of this kind", "UnknownField")
        elif secret is not None and fault["type"] != "missing":
            message = "a secret is given by reference: {key_vault_secret: <name>}, never in clear"
            found[secret[0]] = (message, "SecretInClear")
        elif fault["type"] == "extra_forbidden" and target == ".auto_delete_setting":
            found[target] = (_NO_AUTO_DELETE, "UnknownField")
        elif fault["type"] == "extra_forbidden":
            found[target] = ("there is no such field here", "UnknownField")
        elif fault["type"] == "missing":
            found[target] = ("this field is needed", "MissingField")
        elif fault["type"] == "model_type":
            found.setdefault(target, ("this is an object", "InvalidField"))
        else:
            found[target] = (plain(fault), "InvalidField")
    return [(target, message, code) for target, (message, code) in found.items()]


def _no_twins(keys: Sequence[tuple[int, Hashable]], part: str, what: str, faults: Faults) -> None:
    first: dict[Hashable, int] = {}
    for place, key in keys:
        if key in first:
            faults.add(f"{part}[{place}]", f"{what} stands at {part}[{first[key]}] already", "Duplicate")
        first.setdefault(key, place)


def _check_secret(reference: KeyVaultSecret, target: str, vaults: Sequence[str], faults: Faults) -> None:
    try:
        find_secret(reference, vaults)
    except ValueError as error:
        faults.add(f"{target}.key_vault_secret", str(error))
