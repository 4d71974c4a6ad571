"""Assets, with the field names of Azure Machine Learning's CLI v2 YAML: what is wanted, and what was observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from shared.datastores import (
    CHECKED,
    CREDENTIAL_TAGS,
    DATASTORES,
    IN_CLEAR,
    Credentials,
    Datastore,
    KeyVaultSecret,
    ServicePrincipal,
)
from shared.paths import data_path
from shared.tables import TableDefinition
from shared.vocabulary import MAX_VERSION_LENGTH, AssetName, Description, Model, Tags, Version

__all__ = [
    "CHECKED",
    "CREDENTIAL_TAGS",
    "DATASTORES",
    "IN_CLEAR",
    "MAX_VERSION_LENGTH",
    "Credentials",
    "Data",
    "Datastore",
    "KeyVaultSecret",
    "Observed",
    "ObservedContainer",
    "ObservedData",
    "ObservedDatastore",
    "ServicePrincipal",
    "TableDefinition",
]


class Data(Model):
    """A data asset in one version. In a registration `version` may be left out, or be `new`. The type that is not named
    is the CLI's default."""

    name: AssetName
    type: Literal["uri_file", "uri_folder", "mltable"] = "uri_folder"
    path: Annotated[str, AfterValidator(data_path)]
    version: Version | None = None
    description: Description | None = None
    tags: Tags | None = None
    properties: Tags | None = None
    mltable: TableDefinition | None = None
    """A table in the files below `path`; the service writes its MLTable file into the folder `write_to`."""
    write_to: Annotated[str, AfterValidator(data_path)] | None = Field(None, validate_default=True)

    @field_validator("path")
    @classmethod
    def _file_or_folder(cls, path: str, info: ValidationInfo) -> str:
        if info.data.get("type") == "uri_file" and path.endswith("/"):
            raise ValueError("a uri_file points to a file: its path does not end with a slash")
        return path

    @field_validator("mltable")
    @classmethod
    def _only_of_a_table(cls, mltable: TableDefinition | None, info: ValidationInfo) -> TableDefinition | None:
        if mltable is not None and info.data.get("type", "mltable") != "mltable":
            raise ValueError("only an asset of type mltable has a definition")
        return mltable

    @field_validator("write_to")
    @classmethod
    def _both_or_neither(cls, write_to: str | None, info: ValidationInfo) -> str | None:
        if "mltable" in info.data and (info.data["mltable"] is None) != (write_to is None):
            raise ValueError("mltable and write_to go together: a definition, and the folder that its file goes to")
        return write_to

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is read and, for a defined table, written."""
        return (self.path,) if self.write_to is None else (self.path, self.write_to)

    @property
    def registered_path(self) -> str:
        """What the workspace is told: for a defined table, the folder of its MLTable file."""
        return self.path if self.write_to is None else self.write_to

    @property
    def definition(self) -> dict[str, Any] | None:
        """What decides, besides the registered path, what a reader finds; None where the service writes no file."""
        return None if self.mltable is None else {"path": self.path, **self.mltable.model_dump()}

    @property
    def id(self) -> str:
        """`data/name/version`; without a version, `data/name`."""
        return f"data/{self.name}" if self.version is None else f"data/{self.name}/{self.version}"


class ObservedDatastore(Model):
    """What a workspace holds under a datastore's name. Kinds that we do not know are shown and left alone."""

    name: str
    type: str
    fields: dict[str, Any] = Field(default_factory=dict)
    """By the names that a registration uses; `credentials` is the kind of credentials."""
    location: str | None = None
    """`account/container`, where it has one."""


class ObservedData(Model):
    """One version of a data asset as a workspace holds it."""

    name: str
    version: str
    type: str
    path: str
    description: str | None = None
    tags: dict[str, str | None] = Field(default_factory=dict)
    properties: dict[str, str | None] = Field(default_factory=dict)
    archived: bool = False


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """A data asset without its versions, as a list tells of it."""

    name: str
    latest: str = ""
    archived: bool = False


@dataclass(frozen=True)
class Observed:
    """What a workspace holds, as far as it was asked for. Names keep their case and collide without it: the keys
    are in lower case."""

    workspace_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    """The workspace's own, which selectors look at."""
    datastores: dict[str, ObservedDatastore] = field(default_factory=dict)
    containers: dict[str, ObservedContainer] = field(default_factory=dict)
    """Every data asset, archived ones included."""
    data: dict[tuple[str, str], ObservedData | None] = field(default_factory=dict)
    """(name, version) -> the version, of those that were looked at; None: it is not there."""
