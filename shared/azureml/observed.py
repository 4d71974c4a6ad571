"""ARM's JSON as what we observed. New and unknown kinds are tolerated: shown, and left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.assets import ObservedData, ObservedDatastore
from shared.secrets import Secret
from shared.workspace import Workspace

_TYPES = {"AzureDataLakeGen2": "azure_data_lake_gen2", "AzureBlob": "azure_blob", "AzureFile": "azure_file"}
_LONG_PATH = re.compile(
    r"azureml://subscriptions/([^/]+)/resourcegroups/([^/]+)/(?:providers/[^/]+/)?workspaces/([^/]+)/(datastores/.+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A datastore's service principal with every reference read."""

    tenant_id: str
    client_id: str
    secret: Secret


def observed_datastore(resource: Mapping[str, Any]) -> ObservedDatastore:
    """From `…/datastores/<name>`. Answers never carry secrets."""
    properties = _dict(resource.get("properties"))
    credentials = _dict(properties.get("credentials"))
    kind = str(properties.get("datastoreType") or "")
    return ObservedDatastore(
        name=str(resource.get("name") or ""),
        type=_TYPES.get(kind, kind),
        account_name=_text(properties.get("accountName")),
        filesystem=_text(properties.get("filesystem")) or _text(properties.get("containerName")),
        credentials=str(credentials.get("credentialsType") or "None"),
        tenant_id=_lower(credentials.get("tenantId")),
        client_id=_lower(credentials.get("clientId")),
        description=_text(properties.get("description")),
        tags=_tags(properties.get("tags")),
    )


def observed_data(name: str, resource: Mapping[str, Any], workspace: Workspace) -> ObservedData:
    """From `…/data/<name>/versions/<version>`."""
    properties = _dict(resource.get("properties"))
    return ObservedData(
        name=name,
        version=str(resource.get("name") or ""),
        type=str(properties.get("dataType") or ""),
        path=short_path(str(properties.get("dataUri") or ""), workspace),
        description=_text(properties.get("description")),
        tags=_tags(properties.get("tags")),
        archived=bool(properties.get("isArchived")),
    )


def short_path(path: str, workspace: Workspace) -> str:
    """Azure may store `azureml://datastores/…` in its long form; of the same workspace, both are one address."""
    match = _LONG_PATH.fullmatch(path)
    if match is None or f"{match[1]}/{match[2]}/{match[3]}".lower() != workspace.key:
        return path
    return f"azureml://{match[4]}"


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _lower(value: object) -> str | None:
    text = _text(value)
    return None if text is None else text.lower()


def _tags(value: object) -> dict[str, str | None]:
    return {str(key): None if text is None else str(text) for key, text in _dict(value).items()}
