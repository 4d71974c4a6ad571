"""What a body must hold: names, required fields and types, as Microsoft's REST definitions (2024-04-01) have them."""

import re
import uuid

from local.azure.answers import AzureError, Json
from local.azure.store import ML, Place

WORKSPACE, DATASTORE = f"{ML}/workspaces", f"{ML}/workspaces/datastores"
CONTAINER, VERSION = f"{ML}/workspaces/data", f"{ML}/workspaces/data/versions"

# Required text by discriminator.
_DATASTORES: dict[str, tuple[str, ...]] = {
    "AzureBlob": (),
    "AzureDataLakeGen1": ("storeName",),
    "AzureDataLakeGen2": ("accountName", "filesystem"),
    "AzureFile": ("accountName", "fileShareName"),
    "OneLake": ("oneLakeWorkspaceName",),
}
_CREDENTIALS = {"None": (), "AccountKey": (), "Sas": (), "ServicePrincipal": ("clientId", "tenantId")}
_CREDENTIALS["Certificate"] = ("clientId", "tenantId", "thumbprint")
_DATA: dict[str, tuple[str, ...]] = dict.fromkeys(("uri_file", "uri_folder", "mltable"), ())
# Of a workspace, an asset and a version. Versions: at most 30 (azureml-assets#295), no colons (docs/azure.md).
_NAMES = (r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}", r"[^:/%\x00-\x1f]{1,30}")
# `readOnly`: a PUT may carry them in vain (DESIGN).
_READ_ONLY: dict[str, set[str]] = {
    WORKSPACE: {"workspaceId", "provisioningState", "mlFlowTrackingUri", "tenantId", "notebookInfo"},
    DATASTORE: {"isDefault"},
    CONTAINER: {"latestVersion", "nextVersion"},
    VERSION: set(),
}


def clean(place: Place, body: Json) -> Json:
    """A PUT's properties without read-only fields. Raises AzureError 400 with every fault of name and body."""
    properties = body.get("properties", {} if place.type == WORKSPACE else None)
    if not isinstance(properties, dict):
        raise AzureError(400, "UserError", "properties is required")
    properties = {name: value for name, value in properties.items() if name not in _READ_ONLY[place.type]}
    faults = [
        f"the name '{name}' does not match {pattern}"
        for pattern, name in zip(_NAMES, place.names, strict=False)
        if not re.fullmatch(pattern, name)
    ]
    for flag in ("isArchived", "isAnonymous", "v1LegacyMode"):
        faults += [] if isinstance(properties.get(flag, False), bool) else [f"{flag} must be a boolean"]
    if place.type != WORKSPACE:
        faults += _asset(properties)
    if place.type == DATASTORE:
        faults += _one_of(_DATASTORES, properties, "datastoreType") + _credentials(properties.get("credentials"))
        if properties.get("datastoreType") == "OneLake" and not isinstance(properties.get("artifact"), dict):
            faults.append("artifact is required")
    if place.type in (CONTAINER, VERSION):
        faults += _one_of(_DATA, properties, "dataType")
    if place.type == VERSION:
        faults += _lacking(properties, ("dataUri",))
    if faults:
        raise AzureError(400, "UserError", "; ".join(faults))
    return properties


def _asset(properties: Json) -> list[str]:
    faults = [] if isinstance(properties.get("description"), str | None) else ["description must be a string"]
    for name in ("tags", "properties"):
        found = properties.get(name) or {}
        if not isinstance(found, dict) or not all(isinstance(value, str | None) for value in found.values()):
            faults.append(f"{name} must be an object of strings")
    return faults


def _one_of(kinds: dict[str, tuple[str, ...]], found: Json, name: str) -> list[str]:
    if not isinstance(kind := found.get(name), str) or kind not in kinds:
        return [f"{name} must be one of {', '.join(kinds)}"]
    return _lacking(found, kinds[kind])


def _lacking(found: Json, names: tuple[str, ...]) -> list[str]:
    return [f"{name} is required" for name in names if not re.search("[a-zA-Z0-9_]", str(found.get(name) or ""))]


def _credentials(found: object) -> list[str]:
    if not isinstance(found, dict):
        return ["credentials is required"]
    faults, kind = _one_of(_CREDENTIALS, found, "credentialsType"), found.get("credentialsType")
    for name in {"clientId", "tenantId"} & found.keys():
        try:
            uuid.UUID(str(found[name]))
        except ValueError:
            faults.append(f"{name} must be a GUID")
    secrets = found.get("secrets")
    if kind != "None" and (not isinstance(secrets, dict) or secrets.get("secretsType") != kind):
        faults.append(f"secrets with secretsType {kind} is required")
    return [f"credentials: {fault}" for fault in faults]
