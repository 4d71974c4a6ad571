"""ARM's JSON as what we observed. New and unknown kinds are tolerated: shown, and left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.assets import ObservedContainer, ObservedData, ObservedDatastore
from shared.paths import short_form
from shared.secrets import Secret
from shared.workspace import Workspace

_TYPES = {
    "AzureDataLakeGen2": "azure_data_lake_gen2",
    "AzureBlob": "azure_blob",
    "AzureFile": "azure_file",
    "OneLake": "one_lake",
}
_FIELDS = {
    "accountName": "account_name",
    "containerName": "container_name",
    "fileShareName": "file_share_name",
    "filesystem": "filesystem",
    "oneLakeWorkspaceName": "one_lake_workspace_name",
    "endpoint": "endpoint",
    "protocol": "protocol",
}
_CREDENTIALS = {
    "tenantId": "tenant_id",
    "clientId": "client_id",
    "thumbprint": "thumbprint",
    "authorityUrl": "authority_url",
    "resourceUrl": "resource_url",
}
_ARTIFACTS = {"LakeHouse": "lake_house"}


@dataclass(frozen=True, slots=True)
class Credential:
    """A datastore's credentials with every reference read. `kind`: as on the wire. Secrets do not show in `repr`."""

    kind: str
    plain: Mapping[str, str]
    secrets: Mapping[str, Secret]


def observed_datastore(resource: Mapping[str, Any]) -> ObservedDatastore:
    """From `…/datastores/<name>`. Answers never carry secrets."""
    properties = _dict(resource.get("properties"))
    credentials = _dict(properties.get("credentials"))
    kind = str(properties.get("datastoreType") or "")
    fields: dict[str, Any] = {ours: _text(properties.get(theirs)) for theirs, ours in _FIELDS.items()}
    fields |= {ours: _lower(credentials.get(theirs)) for theirs, ours in _CREDENTIALS.items()}
    fields["credentials"] = str(credentials.get("credentialsType") or "None")
    fields["description"] = _text(properties.get("description"))
    fields["tags"] = _tags(properties.get("tags"))
    if artifact := _dict(properties.get("artifact")):
        type_ = str(artifact.get("artifactType") or "")
        fields["artifact"] = {"type": _ARTIFACTS.get(type_, type_), "name": str(artifact.get("artifactName") or "")}
    return ObservedDatastore(
        name=str(resource.get("name") or ""), type=_TYPES.get(kind, kind), fields=fields, location=_location(fields)
    )


def _location(fields: Mapping[str, Any]) -> str | None:
    """The same form as `Datastore.location` gives for what is wanted."""
    container = fields["container_name"] or fields["file_share_name"] or fields["filesystem"]
    if fields["account_name"] and container:
        return f"{fields['account_name']}/{container}"
    if fields["one_lake_workspace_name"] and "artifact" in fields:
        return f"onelake:{fields['one_lake_workspace_name']}/{fields['artifact']['name']}".lower()
    return None


def observed_data(name: str, resource: Mapping[str, Any], workspace: Workspace) -> ObservedData:
    """From `…/data/<name>/versions/<version>`."""
    properties = _dict(resource.get("properties"))
    return ObservedData(
        name=name,
        version=str(resource.get("name") or ""),
        type=str(properties.get("dataType") or ""),
        path=masked(short_path(str(properties.get("dataUri") or ""), workspace)),
        description=_text(properties.get("description")),
        tags=_tags(properties.get("tags")),
        properties=_tags(properties.get("properties")),
        archived=bool(properties.get("isArchived")),
    )


def observed_container(resource: Mapping[str, Any]) -> ObservedContainer:
    """From `…/data/<name>`."""
    properties = _dict(resource.get("properties"))
    return ObservedContainer(
        name=str(resource.get("name") or ""),
        latest=str(properties.get("latestVersion") or ""),
        archived=bool(properties.get("isArchived")),
    )


def masked(path: str) -> str:
    """Without the query of an address, which may be a SAS that somebody registered. None of ours has one."""
    address, mark, _ = path.partition("?")
    return f"{address}?…" if mark else path


def short_path(path: str, workspace: Workspace) -> str:
    """Azure may store `azureml://datastores/…` in its long form; of the same workspace, both are one address."""
    long = short_form(path)
    return path if long is None or long[0] != workspace.key else long[1]


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _lower(value: object) -> str | None:
    text = _text(value)
    return None if text is None else text.lower().rstrip("/")


def _tags(value: object) -> dict[str, str | None]:
    return {str(key): None if text is None else str(text) for key, text in _dict(value).items()}
