"""The original project's body, read as a registration.

    {"workspace_definition": …, "datastore_definition": …, "dataset_definition": …}, each a list or a single object.

It means: an ADLS Gen2 datastore with the service principal `tenant-id`, `sp-id`, `sp-password` from Key Vault, and
each dataset a `uri_file` at that path of the datastore, in a new version that is the same everywhere, with the time in
its description.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from registration.request.document import NEW
from registration.request.faults import Faults

PARTS = ("workspace_definition", "datastore_definition", "dataset_definition")
_PRINCIPAL = {"tenant_id": "tenant-id", "client_id": "sp-id", "client_secret": "sp-password"}
_TARGETS = {
    "workspaces": "workspace_definition",
    "datastores": "datastore_definition",
    "data": "dataset_definition",
}
_FIELDS = {
    "datastores": {"adlsgen2_datastore_name": "name", "account_name": "account_name", "filesystem": "filesystem"},
    "data": {"dataset_name": "name", "dataset_path": "path", "datastore_name": "datastore_name"},
}
"""The fields of each part, and what a registration calls them."""


def is_original(body: Mapping[str, Any]) -> bool:
    return any(part in body for part in PARTS)


def as_registration(body: Mapping[str, Any], now: datetime) -> tuple[dict[str, Any], Faults]:
    """The body of a registration, still to be checked, and the faults that only the original form can have.

    The faults name fields as the caller wrote them.
    """
    faults = Faults(rename=_renamed)
    for name in body:
        if name not in PARTS:
            faults.found.append(_unknown(name))
    parts = {part: _listed(body.get(part)) for part in PARTS}
    datastores = [_datastore(entry) for entry in parts["datastore_definition"]]
    names = [entry.get("name") for entry in datastores if isinstance(entry, dict)]
    data = [_data(entry, place, names, now, faults) for place, entry in enumerate(parts["dataset_definition"])]
    return {"workspaces": parts["workspace_definition"], "datastores": datastores, "data": data}, faults


def _unknown(name: str) -> Any:
    faults = Faults()
    faults.add(name, f"there is no such field; this form has {', '.join(PARTS)}", "UnknownField")
    return faults.found[0]


def _listed(part: Any) -> list[Any]:
    if part is None:
        return []
    return part if isinstance(part, list) else [part]


def _datastore(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    fields = _translated(entry, "datastores")
    credentials = {part: {"key_vault_secret": secret} for part, secret in _PRINCIPAL.items()}
    return {**fields, "type": "azure_data_lake_gen2", "credentials": credentials}


def _data(entry: Any, place: int, datastores: list[Any], now: datetime, faults: Faults) -> Any:
    if not isinstance(entry, dict):
        return entry
    fields = _translated(entry, "data")
    datastore = fields.pop("datastore_name", None)
    if datastore is None and len(datastores) == 1:
        datastore = datastores[0]
    if datastore is None:
        faults.add(
            f"data[{place}].datastore_name",
            "with several datastores, or none, each dataset names its own: datastore_name",
            "MissingField",
        )
    elif datastore not in datastores:
        faults.add(f"data[{place}].datastore_name", "no datastore of this name is in datastore_definition")
    return {
        **fields,
        **({"path": _path(fields["path"], datastore, place, faults)} if "path" in fields else {}),
        "type": "uri_file",
        "version": NEW,
        "description": f"Registered at {now.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}.",
    }


def _path(path: Any, datastore: Any, place: int, faults: Faults) -> Any:
    """`dataset_path` is relative to the datastore; one slash in front of it is forgiven."""
    if not isinstance(path, str):
        return path
    if not isinstance(datastore, str):  # a fault of its own; the path is looked at all the same
        datastore = "unnamed"
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", path):
        faults.add(f"data[{place}].path", "write the path below the datastore, without a scheme")
        return f"azureml://datastores/{datastore}/paths/x"
    return f"azureml://datastores/{datastore}/paths/{path.removeprefix('/')}"


def _translated(entry: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The entry in a registration's words. Any other field gets a name that no registration has, and is refused."""
    return {_FIELDS[part].get(name, f"{name} "): value for name, value in entry.items()}


def _renamed(target: str) -> str:
    match = re.fullmatch(r"(workspaces|datastores|data)((?:\[\d+\])?)(?:\.(.+))?", target)
    if match is None:
        return target
    part, place, name = match.groups()
    if name is None:
        return f"{_TARGETS[part]}{place}"
    own = {new: old for old, new in _FIELDS.get(part, {}).items()}
    return f"{_TARGETS[part]}{place}.{own.get(name, name).strip()}"
