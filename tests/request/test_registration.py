"""A registration's own rules: every fault at once, each by its path, none with what was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registration.request.document import Registration, parse_registration
from shared.clouds import CLOUDS
from shared.errors import RequestError

VAULTS = ("https://kv-one.vault.azure.net", "https://kv-two.vault.azure.net")
WORKSPACE = {
    "subscription_id": "6d1f0a4e-0000-4000-8000-000000000001",
    "resource_group": "ml-rg",
    "workspace_name": "ml-ws-1",
}
DATASTORE = {
    "name": "silver",
    "type": "azure_data_lake_gen2",
    "account_name": "sourcedata",
    "filesystem": "silver",
}
PRINCIPAL: dict[str, Any] = {
    "tenant_id": "6d1f0a4e-0000-4000-8000-000000000001",
    "client_id": "6d1f0a4e-0000-4000-8000-000000000001",
    "client_secret": {"key_vault_secret": "sp-password"},
}
DATA = {"name": "accounting", "type": "uri_file", "path": "azureml://datastores/silver/paths/a/b.csv"}


def body(**parts: Any) -> dict[str, Any]:
    return {"workspaces": [WORKSPACE], "datastores": [DATASTORE], "data": [DATA], **parts}


def faults_of(document: dict[str, Any], max_changes: int = 50_000) -> dict[str, str]:
    """Target -> message."""
    with pytest.raises(RequestError) as refused:
        parse_registration(document, VAULTS, max_changes)
    assert refused.value.status == 400
    return {fault.target or "": fault.message for fault in refused.value.faults}


def test_a_registration_is_read_and_survives_storage() -> None:
    credentials = {
        "tenant_id": {"key_vault_secret": "tenant-id"},
        "client_id": "6D1F0A4E-0000-4000-8000-000000000002",
        "client_secret": {"key_vault_secret": "https://kv-two.vault.azure.net/secrets/sp-password"},
    }
    read = parse_registration(
        body(name="sales-silver", datastores=[{**DATASTORE, "credentials": credentials, "tags": {"a": "b"}}]), VAULTS, 9
    )
    assert read.datastores[0].credentials is not None
    assert read.datastores[0].credentials.client_id == "6d1f0a4e-0000-4000-8000-000000000002"
    assert Registration.from_json(json.loads(json.dumps(read.as_json()))) == read


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("data/sales.csv", "local paths are refused: put the file into a datastore"),
        ("./data/sales.csv", "azureml://datastores/<name>/paths/<path>"),
        ("/data/sales.csv", "local paths are refused"),
        ("C:\\data\\sales.csv", "local paths are refused"),
        ("C:/data", "local paths are refused"),
        ("file:///etc/passwd", "local paths are refused"),
        ("FILE:/etc/passwd", "local paths are refused"),
        ("adl://lake.azuredatalakestore.net/x", "Azure Data Lake Storage Gen1 is retired"),
        ("azureml:data:1", "references to other assets"),
        ("azureml://jobs/x/outputs/y", "references to other assets"),
        ("azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/d/paths/x", "another workspace"),
        ("https://sourcedata.blob.core.windows.net.evil.example/silver/x", "abfss"),
        ("abfss://silver@sourcedata.dfs.evil.example/x", "abfss"),
        ("https://sourcedata.dfs.core.chinacloudapi.cn/silver/a.csv", "this cloud's"),
        ("azureml://datastores/silver/paths/.. /x", "empty part"),
        ("azureml://datastores/silver/paths/.../x", "empty part"),
        ("azureml://datastores/silver/paths/a /x", "space"),
        ("azureml://datastores/silver/paths/a\u2028b", "control characters"),
        ("azureml://datastores/silver/paths/a\u0085b", "control characters"),
        ("s3://bucket/x", "not accepted"),
        ("https://example.com/x", "abfss"),
        ("https://sourcedata.blob.core.windows.net/silver/x?sig=abc", "no token"),
        ("azureml://datastores/silver/paths/../x", ".."),
        ("azureml://datastores/silver/paths/a/./b", ".."),
        ("azureml://datastores/silver/paths/a//b", "empty part"),
        ("azureml://datastores/silver/paths/%2e%2e/x", "percent-encoded"),
        ("azureml://datastores/silver/paths/a%2fb", "percent-encoded"),
        ("azureml://datastores/silver/paths/%252e", "percent-encoded"),
        ("azureml://datastores/silver/paths/a\nb", "control characters"),
        ("azureml://datastores/silver/paths/a\\b", "backslashes"),
        ("azureml://datastores/si/lver/paths/a", "azureml://datastores/<name>"),
        ("azureml://datastores/silver/paths/folder/", "points to a file"),
        ("azureml://datastores/silver/paths/" + "x" * 3000, "at most"),
        ("", "a path is needed"),
    ],
)
def test_a_path_that_is_not_an_address_of_data_is_refused(path: str, says: str) -> None:
    target, message = next(iter(faults_of(body(data=[{**DATA, "path": path}])).items()))
    assert target.startswith("data[0]")
    assert says in message


@pytest.mark.parametrize(
    "path",
    [
        "azureml://datastores/silver/paths/a b/ü.csv",
        "abfss://silver@sourcedata.dfs.core.windows.net/a/b.csv",
        "wasbs://silver@sourcedata.blob.core.windows.net/a/b.csv",
        "https://sourcedata.blob.core.windows.net/silver/a.csv",
    ],
)
def test_addresses_of_data_are_taken(path: str) -> None:
    assert parse_registration(body(data=[{**DATA, "path": path}]), VAULTS, 9).data[0].path == path


@pytest.mark.parametrize(
    ("version", "read"), [(3, "3"), ("1.10", "1.10"), ("new", "new"), (None, None), ("2026-01-02", "2026-01-02")]
)
def test_versions_are_taken_as_they_are_written(version: object, read: str | None) -> None:
    assert parse_registration(body(data=[{**DATA, "version": version}]), VAULTS, 9).data[0].version == read


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (1.10, "quotes"),
        (True, "string"),
        ("a/b", "letters, digits"),
        ("a:b", "letters, digits"),
        ("..", "letters, digits"),
        ("a..b", "letters, digits"),
        ("x" * 31, "30"),
        ("", "letters, digits"),
        ("a\n", "letters, digits"),
        ("on_change", "not supported yet"),
    ],
)
def test_versions_that_azure_refuses_are_refused_first(version: object, says: str) -> None:
    assert says in faults_of(body(data=[{**DATA, "version": version}]))["data[0].version"]


@pytest.mark.parametrize(
    ("parts", "target"),
    [
        ({"workspaces": []}, "workspaces"),
        ({"workspaces": None}, "workspaces"),
        ({"workspaces": "x"}, "workspaces"),
        ({"workspaces": ["x"]}, "workspaces[0]"),
        ({"workspaces": [{**WORKSPACE, "subscription_id": "not-a-guid"}]}, "workspaces[0].subscription_id"),
        ({"workspaces": [{**WORKSPACE, "resource_group": "a/b"}]}, "workspaces[0].resource_group"),
        ({"workspaces": [{**WORKSPACE, "resource_group": "dot."}]}, "workspaces[0].resource_group"),
        ({"workspaces": [{**WORKSPACE, "workspace_name": ".."}]}, "workspaces[0].workspace_name"),
        ({"workspaces": [{**WORKSPACE, "workspace_name": 5}]}, "workspaces[0].workspace_name"),
        ({"workspaces": [{"selector": {"tags": {"a": "b"}}}]}, "workspaces[0].selector.subscription_id"),
        ({"workspaces": [WORKSPACE, {**WORKSPACE, "workspace_name": "ML-WS-1"}]}, "workspaces[1]"),
        ({"datastores": [DATASTORE, {**DATASTORE, "name": "SILVER"}]}, "datastores[1]"),
        ({"datastores": DATASTORE}, "datastores"),
        ({"datastores": [{**DATASTORE, "name": "a" * 256}]}, "datastores[0].name"),
        ({"datastores": [{**DATASTORE, "account_name": "A-B"}]}, "datastores[0].account_name"),
        ({"datastores": [{**DATASTORE, "filesystem": "a--b"}]}, "datastores[0].filesystem"),
        ({"datastores": [{**DATASTORE, "type": "azure_blob"}]}, "datastores[0].container_name"),
        ({"datastores": [{**DATASTORE, "type": "quantum_lake"}]}, "datastores[0].type"),
        ({"datastores": [{**DATASTORE, "type": 5}]}, "datastores[0].type"),
        ({"datastores": [{"name": "x"}]}, "datastores[0].type"),
        ({"datastores": ["x"]}, "datastores[0]"),
        ({"data": [{**DATA, "mltable": {}, "write_to": "azureml://datastores/silver/paths/t"}]}, "data[0].mltable"),
        ({"datastores": [{**DATASTORE, "endpoint": "evil.example"}]}, "datastores[0].endpoint"),
        ({"datastores": [{**DATASTORE, "protocol": "wasbs"}]}, "datastores[0].protocol"),
        ({"datastores": [{**DATASTORE, "protocol": "abfs", "credentials": PRINCIPAL}]}, "datastores[0].protocol"),
        ({"datastores": [{**DATASTORE, "properties": {}}]}, "datastores[0].properties"),
        (
            {"data": [{**DATA, "auto_delete_setting": {"condition": "created_greater_than"}}]},
            "data[0].auto_delete_setting",
        ),
        (
            {
                "datastores": [
                    {**DATASTORE, "credentials": {**PRINCIPAL, "resource_url": "https://e:p@a.windows.net/?x"}}
                ]
            },
            "datastores[0].credentials.resource_url",
        ),
        (
            {"datastores": [{**DATASTORE, "credentials": {**PRINCIPAL, "account_key": PRINCIPAL["client_secret"]}}]},
            "datastores[0].credentials.account_key",
        ),
        ({"datastores": [{**DATASTORE, "type": "azure_data_lake_gen1"}]}, "datastores[0].type"),
        ({"datastores": [{**DATASTORE, "account_key": "x"}]}, "datastores[0].account_key"),
        ({"datastores": [{**DATASTORE, "tags": {"a": None}}]}, "datastores[0].tags.a"),
        ({"datastores": [{**DATASTORE, "description": "a\x00b"}]}, "datastores[0].description"),
        ({"data": [DATA, dict(DATA)]}, "data[1]"),
        ({"data": [DATA, {**DATA, "version": "new", "path": "azureml://datastores/silver/paths/x"}]}, "data[1]"),
        ({"data": [{**DATA, "version": "V1"}, {**DATA, "version": "v1"}]}, "data[1]"),
        ({"workspaces": [{**WORKSPACE, "resource_group": "m\u212a-rg"}]}, "workspaces[0].resource_group"),
        ({"data": [{**DATA, "type": "parquet"}]}, "data[0].type"),
        ({"data": [{**DATA, "name": "a/b"}]}, "data[0].name"),
        ({"data": [{**DATA, "name": "a\x07"}]}, "data[0].name"),
        ({"data": [{"name": "x"}]}, "data[0].path"),
        ({"datastores": [], "data": []}, "data"),
        ({"sync": []}, "sync"),
        ({"colour": "blue"}, "colour"),
        ({"name": "a/b"}, "name"),
        ({"name": "a..b"}, "name"),
        ({"name": 5}, "name"),
    ],
)
def test_each_fault_is_named_by_its_path(parts: dict[str, Any], target: str) -> None:
    assert target in faults_of(body(**parts))


@pytest.mark.parametrize(
    ("parts", "target", "sentence"),
    [
        ({"description": "x" * 10_001}, "description", "at most 10000 characters are taken here"),
        ({"description": 5}, "description", "this must be a string"),
        ({"tags": {"a": "x" * 8193}}, "tags.a", "at most 8192 characters are taken here"),
        ({"tags": {"x" * 513: "a"}}, f"tags.{'x' * 513}", "a tag's or property's name has 1 to 512 characters"),
        ({"tags": {"a": ["b"]}}, "tags.a", "a tag or property is text, a number, true or false"),
        ({"properties": {"": "a"}}, "properties.", "a tag's or property's name has 1 to 512 characters"),
        ({"tags": ["a"]}, "tags", "this is an object of names and values"),
        ({"type": "parquet"}, "type", "this is 'uri_file', 'uri_folder' or 'mltable'"),
        (
            {"auto_delete_setting": {}},
            "auto_delete_setting",
            "Azure's definition of a data version has no such field: ",
        ),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(parts: dict[str, Any], target: str, sentence: str) -> None:
    found = faults_of(body(data=[{**DATA, **parts}]))
    assert found[f"data[0].{target}"[:200]].startswith(sentence)


def test_a_data_asset_without_a_type_is_a_folder() -> None:
    [data] = parse_registration(body(data=[{"name": "x", "path": f"{DATA['path']}"}]), VAULTS, 9).data
    assert data.type == "uri_folder"


def test_every_fault_is_reported_at_once_and_many_are_summed_up() -> None:
    found = faults_of(
        {"colour": 1, "workspaces": [{}], "data": [{**DATA, "path": "x"}], "datastores": [{**DATASTORE, "name": "/"}]}
    )
    assert {"colour", "workspaces[0].subscription_id", "data[0].path", "datastores[0].name"} <= set(found)
    many = faults_of(body(data=[{"name": "/"} for _ in range(500)]))
    assert "more" in many[""]


@pytest.mark.parametrize("secret", ["not-a-real-secret", {"value": "not-a-real-secret"}, ["not-a-real-secret"]])
def test_a_secret_in_clear_is_refused_and_never_repeated(secret: object) -> None:
    principal = {"tenant_id": "not-a-real-secret", "client_id": {"key_vault_secret": "x"}, "client_secret": secret}
    with pytest.raises(RequestError) as refused:
        parse_registration(body(datastores=[{**DATASTORE, "credentials": principal}]), VAULTS, 9)
    answer = json.dumps(refused.value.as_json())
    assert "datastores[0].credentials.client_secret" in answer
    assert "never in clear" in answer
    assert "not-a-real-secret" not in answer


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("https://stranger.vault.azure.net/secrets/x", "not on the service's list"),
        ("http://kv-one.vault.azure.net/secrets/x", "not on the service's list"),
        ("https://kv-one.vault.azure.net.evil.example/secrets/x", "not on the service's list"),
        ("https://kv-one.vault.azure.net@evil.example/secrets/x", "not on the service's list"),
        ("https://kv-one.vault.azure.net/keys/x", "write https://"),
        ("https://kv-one.vault.azure.net/secrets/x?y", "write https://"),
        ("https://kv-one.vault.azure.net/secrets/x/1", "a secret's version has 32 hexadecimal digits"),
        ("https://kv-one.vault.azure.net/secrets/x/1/2", "write https://"),
        ("has space", "letters, digits and hyphens"),
        ("../x", "letters, digits and hyphens"),
    ],
)
def test_a_reference_outside_the_listed_vaults_is_refused(reference: str, says: str) -> None:
    secret = {"key_vault_secret": reference}
    principal = {"tenant_id": secret, "client_id": secret, "client_secret": secret}
    found = faults_of(body(datastores=[{**DATASTORE, "credentials": principal}]))
    assert says in found["datastores[0].credentials.client_secret.key_vault_secret"]


@pytest.mark.parametrize(
    ("cloud", "authority", "taken"),
    [
        ("AzureCloud", "https://login.microsoftonline.com/", True),
        ("AzureCloud", "https://login.microsoftonline.us", False),
        ("AzureUSGovernment", "https://login.microsoftonline.us/", True),
        ("AzureUSGovernment", "https://login.microsoftonline.com", False),
        ("AzureChinaCloud", "https://login.chinacloudapi.cn", True),
        ("AzureChinaCloud", None, True),
    ],
)
@pytest.mark.parametrize("field", ["authority_url", "authority_uri"])
def test_a_principal_signs_in_to_this_cloud(cloud: str, authority: str | None, taken: bool, field: str) -> None:
    document = body(datastores=[{**DATASTORE, "credentials": {**PRINCIPAL, field: authority}}])
    if taken:
        assert parse_registration(document, VAULTS, 9, cloud=CLOUDS[cloud]).datastores
        return
    with pytest.raises(RequestError) as refused:
        parse_registration(document, VAULTS, 9, cloud=CLOUDS[cloud])
    [fault] = refused.value.faults
    assert fault.target == "datastores[0].credentials.authority_url"
    assert CLOUDS[cloud].authority in fault.message


def test_thousands_of_faults_are_not_all_looked_for() -> None:
    body_of_faults = {"workspaces": [{} for _ in range(150_000)], "x" * 1_000_000: 1}
    with pytest.raises(RequestError) as refused:
        parse_registration(body_of_faults, VAULTS, 9)
    assert "more than 1000 faults" in str(refused.value)
    assert len(json.dumps(refused.value.as_json())) < 50_000


def test_too_many_assets_times_workspaces_are_refused() -> None:
    assert "too many" in faults_of(body(), max_changes=1)["workspaces"]
