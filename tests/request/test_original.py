"""The original project's body: what it means, and its faults in its own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from registration.request.document import Registration, parse_registration
from registration.request.original import as_registration, is_original
from shared.errors import RequestError

NOW = datetime(2026, 1, 2, 2, 0, 0, 123456, UTC)
VAULTS = ("https://kv-one.vault.azure.net",)
WORKSPACE = {
    "workspace_name": "ml-ws-1",
    "subscription_id": "6d1f0a4e-0000-4000-8000-000000000001",
    "resource_group": "ml-rg",
}
DATASTORE = {"adlsgen2_datastore_name": "silver", "account_name": "sourcedata", "filesystem": "silver"}
DATASET = {"dataset_name": "accounting", "dataset_path": "accounting/accounting.csv"}


def read(**parts: Any) -> Registration:
    body = {
        "workspace_definition": [WORKSPACE],
        "datastore_definition": [DATASTORE],
        "dataset_definition": [DATASET],
        **parts,
    }
    assert is_original(body)
    registration, faults = as_registration(body, NOW)
    return parse_registration(registration, VAULTS, 50_000, faults)


def faults_of(**parts: Any) -> dict[str, str]:
    with pytest.raises(RequestError) as refused:
        read(**parts)
    return {fault.target or "": fault.message for fault in refused.value.faults}


def test_it_means_a_datastore_with_the_vaults_principal_and_files_in_a_new_version() -> None:
    registration = read()
    datastore, data = registration.datastores[0], registration.data[0]
    assert datastore.credentials is not None
    secrets = {part: reference.key_vault_secret for part, reference in datastore.credentials.references().items()}
    assert secrets == {"tenant_id": "tenant-id", "client_id": "sp-id", "client_secret": "sp-password"}
    assert (data.type, data.version) == ("uri_file", "new")
    assert data.path == "azureml://datastores/silver/paths/accounting/accounting.csv"
    assert data.description == "Registered at 2026-01-02T02:00:00.123Z."


def test_each_part_may_be_a_single_object() -> None:
    assert read(workspace_definition=WORKSPACE, datastore_definition=DATASTORE, dataset_definition=DATASET) == read()


def test_a_slash_in_front_of_a_path_is_forgiven() -> None:
    assert read(dataset_definition={**DATASET, "dataset_path": "/accounting/accounting.csv"}) == read()


def test_with_several_datastores_each_dataset_names_its_own() -> None:
    gold = {**DATASTORE, "adlsgen2_datastore_name": "gold"}
    found = faults_of(datastore_definition=[DATASTORE, gold])
    assert "names its own" in found["dataset_definition[0].datastore_name"]
    named = read(datastore_definition=[DATASTORE, gold], dataset_definition=[{**DATASET, "datastore_name": "gold"}])
    assert named.data[0].path.startswith("azureml://datastores/gold/paths/")


@pytest.mark.parametrize(
    ("parts", "target"),
    [
        ({"workspace_definition": []}, "workspace_definition"),
        ({"workspace_definition": [{**WORKSPACE, "subscription_id": "x"}]}, "workspace_definition[0].subscription_id"),
        ({"workspace_definition": "x"}, "workspace_definition[0]"),
        ({"datastore_definition": [{**DATASTORE, "type": "x"}]}, "datastore_definition[0].type"),
        ({"datastore_definition": [{**DATASTORE, "credentials": {}}]}, "datastore_definition[0].credentials"),
        (
            {"datastore_definition": [{**DATASTORE, "adlsgen2_datastore_name": "a/b"}]},
            "datastore_definition[0].adlsgen2_datastore_name",
        ),
        ({"datastore_definition": [{**DATASTORE, "account_name": 5}]}, "datastore_definition[0].account_name"),
        ({"datastore_definition": []}, "dataset_definition[0].datastore_name"),
        ({"dataset_definition": [{"dataset_name": "x"}]}, "dataset_definition[0].dataset_path"),
        ({"dataset_definition": [{"dataset_path": "x"}]}, "dataset_definition[0].dataset_name"),
        ({"dataset_definition": [{**DATASET, "version": "1"}]}, "dataset_definition[0].version"),
        ({"dataset_definition": [{**DATASET, "dataset_path": "../x"}]}, "dataset_definition[0].dataset_path"),
        ({"dataset_definition": [{**DATASET, "dataset_path": "https://x/y"}]}, "dataset_definition[0].dataset_path"),
        ({"dataset_definition": [{**DATASET, "dataset_path": 5}]}, "dataset_definition[0].dataset_path"),
        ({"dataset_definition": [{**DATASET, "datastore_name": "gold"}]}, "dataset_definition[0].datastore_name"),
        ({"dataset_definition": [DATASET, DATASET]}, "dataset_definition[1]"),
        ({"workspaces": [WORKSPACE]}, "workspaces"),
    ],
)
def test_faults_are_named_as_the_caller_wrote_them(parts: dict[str, Any], target: str) -> None:
    assert target in faults_of(**parts)
