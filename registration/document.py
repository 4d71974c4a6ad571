"""A registration as it comes in: the target workspaces, and the assets they must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.assets import Data, Datastore, KeyVaultSecret
from shared.errors import Fault, RequestError
from shared.secrets import find_secret
from shared.workspace import Workspace

NEW = "new"
"""The version that means: a new one for each accepted request."""

MAX_FAULTS = 100
_FIELDS = ("name", "workspaces", "datastores", "data")
_LATER = {"sync": "sync options", "environments": "environments", "models": "models", "components": "components"}
_LATER_TYPES = {
    "datastores": {"azure_blob", "azure_file", "one_lake"},
    "data": {"mltable"},
}

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
            tuple(Datastore.model_validate(datastore) for datastore in document["datastores"]),
            tuple(Data.model_validate(data) for data in document["data"]),
        )


@dataclass
class Faults:
    """Everything that is wrong with one body. `rename` turns a path of the registration into the caller's own."""

    rename: Callable[[str], str] = str
    found: list[Fault] = field(default_factory=list)

    def add(self, target: str, message: str, code: str = "InvalidField") -> None:
        self.found.append(Fault(code, message, self.rename(target)))

    def raise_if_any(self) -> None:
        if not self.found:
            return
        count = len(self.found)
        shown = self.found[:MAX_FAULTS]
        if count > MAX_FAULTS:
            shown = [*shown, Fault("MoreFaults", f"… and {count - MAX_FAULTS} more.")]
        message = f"The registration has {count} fault{'s' if count > 1 else ''}; nothing was stored."
        raise RequestError(400, "InvalidRegistration", message, shown, shown[0].target)


def parse_registration(
    body: Mapping[str, Any], vaults: Sequence[str], max_changes: int, faults: Faults | None = None
) -> Registration:
    """Checks a body as a whole and reports every fault at once.

    `vaults`: the listed vaults, the first one being the default. `max_changes`: most assets × workspaces.
    Raises RequestError 400.
    """
    faults = faults or Faults()
    for name in body:
        if name not in _FIELDS:
            faults.add(name, _unknown(name), "UnknownField")
    registration_name = _name(body.get("name"), faults)
    workspaces = _workspaces(body, faults)
    datastores = _list(Datastore, body, "datastores", faults)
    data = _list(Data, body, "data", faults)
    if not faults.found and not datastores and not data:
        faults.add("data", "a registration needs at least one datastore or data asset")
    _no_twins([(place, item.key) for place, item in workspaces], "workspaces", "this workspace", faults)
    _no_twins([(place, item.name.lower()) for place, item in datastores], "datastores", "this datastore", faults)
    _no_twins(
        [(place, (item.name.lower(), item.version)) for place, item in data],
        "data",
        "this data asset, in the same version,",
        faults,
    )
    for place, datastore in datastores:
        references = datastore.credentials.references() if datastore.credentials else {}
        for part, reference in references.items():
            _check_secret(reference, f"datastores[{place}].credentials.{part}", vaults, faults)
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
    entries = body.get(part)
    if entries is None:
        return []
    if not isinstance(entries, list):
        faults.add(part, "this is a list")
        return []
    kept = {}
    for place, entry in enumerate(entries):
        kind = entry.get("type") if isinstance(entry, dict) else None
        if isinstance(kind, str) and kind == "azure_data_lake_gen1":
            faults.add(f"{part}[{place}].type", "Azure Data Lake Storage Gen1 is retired; use azure_data_lake_gen2")
        elif isinstance(kind, str) and kind in _LATER_TYPES.get(part, ()):
            faults.add(f"{part}[{place}].type", f"the type {kind} is not supported yet")
        elif part == "data" and isinstance(entry, dict) and entry.get("version") == "on_change":
            faults.add(f"{part}[{place}].version", "on_change is not supported yet; leave it out, or write new")
        else:
            kept[place] = entry
    return _items(model, kept, part, faults)


def _items(model: type[M], entries: Mapping[int, Any], part: str, faults: Faults) -> list[tuple[int, M]]:
    found = []
    for place, entry in entries.items():
        try:
            found.append((place, model.model_validate(entry)))
        except ValidationError as error:
            for target, message, code in _sentences(error):
                faults.add(f"{part}[{place}]{target}", message, code)
    return found


def _sentences(error: ValidationError) -> list[tuple[str, str, str]]:
    """Path, sentence and code of each fault. What was sent is never repeated: it may be a secret."""
    found: dict[str, tuple[str, str]] = {}
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        names = [part for part in fault["loc"] if not (isinstance(part, str) and "[" in part)]
        names = [part for part in names if part not in {"KeyVaultSecret", "ServicePrincipal"}]
        target = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in names)
        if target.endswith(".client_secret") or ".client_secret." in target:
            target = target[: target.index(".client_secret") + len(".client_secret")]
            found[target] = (
                "a secret is given by reference: {key_vault_secret: <name>}, never in clear",
                "SecretInClear",
            )
        elif fault["type"] == "extra_forbidden":
            found[target] = ("there is no such field here", "UnknownField")
        elif fault["type"] == "missing":
            found[target] = ("this field is needed", "MissingField")
        elif fault["type"] == "model_type":
            found.setdefault(target, ("this is an object", "InvalidField"))
        else:
            message = fault["msg"].removeprefix("Value error, ")
            found[target] = (message[:1].lower() + message[1:], "InvalidField")
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
