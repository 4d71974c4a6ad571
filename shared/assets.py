"""Assets, with the field names of Azure Machine Learning's CLI v2 YAML: what is wanted, and what was observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from shared.datastores import (
    CHECKED,
    CREDENTIAL_TAGS,
    DATASTORES,
    Credentials,
    Datastore,
    KeyVaultSecret,
    ServicePrincipal,
)
from shared.paths import data_path
from shared.vocabulary import MAX_VERSION_LENGTH, AssetName, Model, Tags, Text, Version

__all__ = [
    "CHECKED",
    "CREDENTIAL_TAGS",
    "DATASTORES",
    "MAX_VERSION_LENGTH",
    "Credentials",
    "Data",
    "Datastore",
    "KeyVaultSecret",
    "Observed",
    "ObservedData",
    "ObservedDatastore",
    "ServicePrincipal",
]


class Data(Model):
    """A data asset in one version. In a registration `version` may be left out, or be `new`."""

    name: AssetName
    type: Literal["uri_file", "uri_folder", "mltable"]
    path: Annotated[str, AfterValidator(data_path)]
    version: Version | None = None
    description: Annotated[Text, Field(max_length=10_000)] | None = None
    tags: Tags | None = None
    properties: Tags | None = None

    @field_validator("path")
    @classmethod
    def _file_or_folder(cls, path: str, info: ValidationInfo) -> str:
        if info.data.get("type") == "uri_file" and path.endswith("/"):
            raise ValueError("a uri_file points to a file: its path does not end with a slash")
        return path

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
