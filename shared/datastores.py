"""Every kind of datastore, and its credentials, with the field names of Azure Machine Learning's CLI v2 YAML."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.clouds import AUTHORITIES, STORAGE_SUFFIXES
from shared.vocabulary import AssetName, Description, Model, Tags, account_name, container_name
from shared.workspace import Guid, is_guid

_THUMBPRINT = r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}"
IN_CLEAR = frozenset({"http", "wasb", "abfs"})
"""Protocols that send credentials unencrypted."""

_MICROSOFT = (".azure.com", ".azure.net", ".windows.net", ".azure.us", ".azure.cn", ".usgovcloudapi.net")


class KeyVaultSecret(Model):
    """A reference to a secret: its name in the first vault on the settings' list, or a full secret URL."""

    key_vault_secret: Annotated[str, Field(min_length=1, max_length=500)]


def _endpoint(suffix: str) -> str:
    """One of the clouds' own: any other would send the data's credentials to a stranger."""
    if suffix not in STORAGE_SUFFIXES:
        raise ValueError(f"an endpoint is one of {', '.join(sorted(STORAGE_SUFFIXES))}")
    return suffix


def _onelake_endpoint(endpoint: str) -> str:
    host = endpoint.removeprefix("https://").rstrip("/")
    if not re.fullmatch(r"([a-z0-9-]+\.)*(onelake|[a-z0-9]+-onelake)\.(dfs|blob)\.fabric\.microsoft\.com", host):
        raise ValueError("a OneLake endpoint is onelake.dfs.fabric.microsoft.com, or a region's")
    return endpoint


def _authority(url: str) -> str:
    if url.rstrip("/") not in AUTHORITIES:
        raise ValueError(f"an authority is one of {', '.join(sorted(AUTHORITIES))}")
    return url


def _resource(url: str) -> str:
    if not re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+/?", url) or not url.rstrip("/").endswith(_MICROSOFT):
        raise ValueError("a resource is an https:// address of an Azure service")
    return url


def _thumbprint(text: str) -> str:
    if not re.fullmatch(_THUMBPRINT, text):
        raise ValueError("a thumbprint has 40 or 64 hexadecimal digits")
    return text


def _onelake_name(name: str) -> str:
    if not re.fullmatch(r"[\w][\w .-]{0,255}", name):
        raise ValueError("a OneLake name or GUID has letters, digits, spaces, - _ and dots")
    return name


def _artifact_type(value: object) -> object:
    return "lake_house" if value == "LakeHouse" else value


CHECKED: dict[str, Callable[[str], bool]] = {
    "tenant_id": is_guid,
    "client_id": is_guid,
    "thumbprint": lambda text: re.fullmatch(_THUMBPRINT, text) is not None,
}
"""Parts that can be read in the workspace: a secret of another kind must not get there by a wrong reference."""


class Credentials(Model):
    """Base of all credentials. The parts in `SECRET` must be references; others may be."""

    SECRET: ClassVar[tuple[str, ...]] = ()
    KIND: ClassVar[str] = ""
    """`credentialsType` on the wire."""

    def references(self) -> dict[str, KeyVaultSecret]:
        """field -> reference, for each part that is one."""
        parts = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: part for name, part in parts.items() if isinstance(part, KeyVaultSecret)}

    def plain(self) -> dict[str, str]:
        """field -> value, for each part that is given as it is."""
        parts = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: part for name, part in parts.items() if isinstance(part, str)}


class _Tenant(Credentials):
    tenant_id: Guid | KeyVaultSecret
    client_id: Guid | KeyVaultSecret
    authority_url: Annotated[str, AfterValidator(_authority)] | None = None
    resource_url: Annotated[str, AfterValidator(_resource)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _older_name(cls, value: Any) -> Any:
        """The CLI still takes `authority_uri`."""
        if isinstance(value, dict) and "authority_uri" in value and "authority_url" not in value:
            return {("authority_url" if name == "authority_uri" else name): part for name, part in value.items()}
        return value


class ServicePrincipal(_Tenant):
    """The principal that reads the data, by its secret."""

    SECRET = ("client_secret",)
    KIND = "ServicePrincipal"
    client_secret: KeyVaultSecret


class Certificate(_Tenant):
    """The principal that reads the data, by a certificate."""

    SECRET = ("certificate",)
    KIND = "Certificate"
    certificate: KeyVaultSecret
    thumbprint: Annotated[str, AfterValidator(_thumbprint)] | KeyVaultSecret


class AccountKey(Credentials):
    """A key of the storage account."""

    SECRET = ("account_key",)
    KIND = "AccountKey"
    account_key: KeyVaultSecret


class SasToken(Credentials):
    """A shared access signature."""

    SECRET = ("sas_token",)
    KIND = "Sas"
    sas_token: KeyVaultSecret


def _storage_credentials(value: Any) -> str:
    fields = value if isinstance(value, dict) else vars(value) if isinstance(value, Credentials) else {}
    return "sas_token" if "sas_token" in fields and "account_key" not in fields else "account_key"


def _tenant_credentials(value: Any) -> str:
    fields = value if isinstance(value, dict) else vars(value) if isinstance(value, Credentials) else {}
    return "by_certificate" if {"certificate", "thumbprint"} & set(fields) else "by_secret"


CREDENTIAL_TAGS = frozenset({"account_key", "sas_token", "by_certificate", "by_secret"})
StorageCredentials = Annotated[
    Annotated[AccountKey, Tag("account_key")] | Annotated[SasToken, Tag("sas_token")],
    Discriminator(_storage_credentials),
]
TenantCredentials = Annotated[
    Annotated[ServicePrincipal, Tag("by_secret")] | Annotated[Certificate, Tag("by_certificate")],
    Discriminator(_tenant_credentials),
]


class Datastore(Model):
    """Base of all datastores.

    Without `credentials` data is read with the reader's own identity. What is left out besides (`description`, `tags`,
    `endpoint`, `protocol`) is not managed: what the workspace has stays.
    """

    name: AssetName
    type: str
    description: Description | None = None
    tags: Tags | None = None
    credentials: Any = None

    @field_validator("credentials", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        """The CLI writes `credentials: {}` for none."""
        return None if value == {} else value

    @property
    def id(self) -> str:
        return f"datastores/{self.name}"

    @property
    def location(self) -> str:
        """`account/container`, as the policy's `sources` name it."""
        raise NotImplementedError

    def place(self) -> dict[str, Any]:
        """The fields that say where the data is."""
        unmanaged = {"name", "type", "description", "tags", "credentials"}
        return self.model_dump(exclude=unmanaged, exclude_none=True)


class _Storage(Datastore):
    account_name: Annotated[str, AfterValidator(account_name)]
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    protocol: str | None = None

    @field_validator("protocol")
    @classmethod
    def _encrypted(cls, protocol: str | None, info: ValidationInfo) -> str | None:
        """The SDK hands every protocol on, and readers send the credentials by it."""
        if protocol in IN_CLEAR and info.data.get("credentials") is not None:
            raise ValueError(f"{protocol} sends credentials in clear; leave the protocol or the credentials out")
        return protocol


class BlobDatastore(_Storage):
    """A container of a storage account."""

    type: Literal["azure_blob"]
    protocol: Literal["https", "wasbs", "http", "wasb"] | None = None
    container_name: Annotated[str, AfterValidator(container_name)]
    credentials: StorageCredentials | None = None

    @property
    def location(self) -> str:
        return f"{self.account_name}/{self.container_name}"


class FileDatastore(_Storage):
    """A file share of a storage account."""

    type: Literal["azure_file"]
    protocol: Literal["https", "http"] | None = None
    file_share_name: Annotated[str, AfterValidator(container_name)]
    credentials: StorageCredentials | None = None

    @property
    def location(self) -> str:
        return f"{self.account_name}/{self.file_share_name}"


class LakeDatastore(_Storage):
    """A filesystem of an Azure Data Lake Storage Gen2 account."""

    type: Literal["azure_data_lake_gen2"]
    protocol: Literal["https", "abfss", "http", "abfs"] | None = None
    filesystem: Annotated[str, AfterValidator(container_name)]
    credentials: TenantCredentials | None = None

    @property
    def location(self) -> str:
        return f"{self.account_name}/{self.filesystem}"


class OneLakeArtifact(Model):
    """The CLI takes its type in either spelling, and takes it for granted."""

    type: Annotated[Literal["lake_house"], BeforeValidator(_artifact_type)] = "lake_house"
    name: Annotated[str, AfterValidator(_onelake_name)]


class OneLakeDatastore(Datastore):
    """A lakehouse of a Fabric workspace."""

    type: Literal["one_lake"]
    one_lake_workspace_name: Annotated[str, AfterValidator(_onelake_name)]
    artifact: OneLakeArtifact
    endpoint: Annotated[str, AfterValidator(_onelake_endpoint)] | None = None
    credentials: ServicePrincipal | None = None

    @property
    def location(self) -> str:
        """Prefixed, so that no rule about a storage account speaks of a Fabric workspace of the same name."""
        return f"onelake:{self.one_lake_workspace_name}/{self.artifact.name}".lower()


DATASTORES: dict[str, type[Datastore]] = {
    "azure_blob": BlobDatastore,
    "azure_file": FileDatastore,
    "azure_data_lake_gen2": LakeDatastore,
    "one_lake": OneLakeDatastore,
}
"""`type` -> the kind of datastore."""
