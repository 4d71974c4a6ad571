"""Assets, with the field names of Azure Machine Learning's CLI v2 YAML: what a registration wants.

Patterns and lengths are those of Microsoft's REST definition (2024-04-01) unless a line says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared.paths import data_path
from shared.workspace import Guid

MAX_VERSION_LENGTH = 30
"""The service has refused longer ones (azureml-assets, issue 295)."""


def _asset_name(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}", name):
        raise ValueError("a name has 1 to 255 letters, digits, - and _, and begins with a letter or digit")
    return name


def _version(version: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", version) or ".." in version:
        raise ValueError("a version has letters, digits, - _ and single dots, and begins with a letter or digit")
    if len(version) > MAX_VERSION_LENGTH:
        raise ValueError(f"a version has at most {MAX_VERSION_LENGTH} characters")
    return version


def _digits(version: object) -> object:
    """YAML and JSON write versions as numbers too. A whole number is its digits; a float is not guessed at."""
    if isinstance(version, bool) or not isinstance(version, int | float):
        return version
    if isinstance(version, float):
        raise ValueError('write the version in quotes: a number such as 1.10 could mean "1.1" or "1.10"')
    return str(version)


def _account_name(name: str) -> str:
    """Storage accounts: 3 to 24 lower-case letters and digits (Microsoft Learn, naming rules)."""
    if not re.fullmatch(r"[a-z0-9]{3,24}", name):
        raise ValueError("a storage account name has 3 to 24 lower-case letters and digits")
    return name


def _container_name(name: str) -> str:
    """Containers: 3 to 63 lower-case letters, digits, single hyphens inside (Microsoft Learn, naming rules)."""
    if not re.fullmatch(r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]", name):
        raise ValueError("a filesystem has 3 to 63 lower-case letters, digits and single hyphens inside")
    return name


def _text(text: str) -> str:
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        raise ValueError("control characters are not allowed here")
    return text


AssetName = Annotated[str, AfterValidator(_asset_name)]
Version = Annotated[str, BeforeValidator(_digits), AfterValidator(_version)]
Text = Annotated[str, AfterValidator(_text)]
Tags = dict[Annotated[Text, Field(min_length=1, max_length=512)], Annotated[Text, Field(max_length=8192)]]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class KeyVaultSecret(_Model):
    """A reference to a secret: its name in the first vault on the settings' list, or a full secret URL."""

    key_vault_secret: Annotated[str, Field(min_length=1, max_length=500)]


class ServicePrincipal(_Model):
    """The principal that reads the data. Any part may be a reference; the secret must be one."""

    tenant_id: Guid | KeyVaultSecret
    client_id: Guid | KeyVaultSecret
    client_secret: KeyVaultSecret

    def references(self) -> dict[str, KeyVaultSecret]:
        """field -> reference, for each part that is one."""
        parts = {
            "tenant_id": self.tenant_id,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return {field: part for field, part in parts.items() if isinstance(part, KeyVaultSecret)}


class Datastore(_Model):
    """An Azure Data Lake Storage Gen2 datastore.

    Without `credentials` it is read with the reader's own identity. `description` and `tags` that are left out are
    not managed: what the workspace has stays.
    """

    name: AssetName
    type: Literal["azure_data_lake_gen2"]
    account_name: Annotated[str, AfterValidator(_account_name)]
    filesystem: Annotated[str, AfterValidator(_container_name)]
    credentials: ServicePrincipal | None = None
    description: Annotated[Text, Field(max_length=10_000)] | None = None
    tags: Tags | None = None

    @property
    def id(self) -> str:
        return f"datastores/{self.name}"

    @property
    def location(self) -> str:
        """`account/container`, as the policy's `sources` name it."""
        return f"{self.account_name}/{self.filesystem}"


class Data(_Model):
    """A data asset in one version. In a registration `version` may be left out, or be `new`."""

    name: AssetName
    type: Literal["uri_file", "uri_folder"]
    path: Annotated[str, AfterValidator(data_path)]
    version: Version | None = None
    description: Annotated[Text, Field(max_length=10_000)] | None = None
    tags: Tags | None = None

    @model_validator(mode="after")
    def _file_or_folder(self) -> Data:
        if self.type == "uri_file" and self.path.endswith("/"):
            raise ValueError("a uri_file points to a file: its path does not end with a slash")
        return self

    @property
    def id(self) -> str:
        """`data/name/version`; without a version, `data/name`."""
        return f"data/{self.name}" if self.version is None else f"data/{self.name}/{self.version}"


class ObservedDatastore(_Model):
    """What a workspace holds under a datastore's name. Types we do not know are shown and left alone."""

    name: str
    type: str
    account_name: str | None = None
    filesystem: str | None = None
    credentials: str = "None"
    tenant_id: str | None = None
    client_id: str | None = None
    description: str | None = None
    tags: dict[str, str | None] = Field(default_factory=dict)


class ObservedData(_Model):
    """One version of a data asset as a workspace holds it."""

    name: str
    version: str
    type: str
    path: str
    description: str | None = None
    tags: dict[str, str | None] = Field(default_factory=dict)
    archived: bool = False


@dataclass(frozen=True)
class Observed:
    """What a workspace holds, as far as it was asked for. Names keep their case and collide without it: the keys
    are in lower case."""

    workspace_id: str | None = None
    datastores: dict[str, ObservedDatastore] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    """Every data asset's name, archived ones included."""
    data: dict[tuple[str, str], ObservedData] = field(default_factory=dict)
    """(name, version) -> the version, of those that were asked for."""
