"""azure-ai-ml, unmodified and over TLS, against the local Azure: what it writes, reads and raises."""

from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    AzureBlobDatastore,
    AzureDataLakeGen2Datastore,
    Data,
    ServicePrincipalConfiguration,
)
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ManagedIdentityCredential

from tests.local_azure.conftest import ARM, SUBSCRIPTION, TENANT, LocalAzure


class Shared(RequestsTransport):  # type: ignore[misc]
    """One connection pool for all of the SDK's service clients, which would each close it."""

    def close(self) -> None:
        pass


@pytest.fixture
def client(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    return ml_client(azure, monkeypatch, "app")


def ml_client(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch, name: str, workspace: str = "ws1") -> MLClient:
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "")  # the SDK sets it
    monkeypatch.setenv("IDENTITY_ENDPOINT", azure.endpoint(name))
    monkeypatch.setenv("IDENTITY_HEADER", azure.config["identities"][name]["header"])
    credential: Any = ManagedIdentityCredential()
    endpoints = ("resource_manager", "active_directory", "registry_discovery_endpoint")
    metadata = dict.fromkeys(endpoints, f"{azure.arm}/") | {
        "azure_portal": "https://portal.azure.com/",
        "aml_resource_id": "https://ml.azure.com/",
        "storage_endpoint": "core.windows.net",
    }
    return MLClient(
        credential,
        SUBSCRIPTION,
        "rg1",
        workspace,
        cloud=f"local-{azure.config['ports']['arm']}",  # the SDK keeps a cloud's addresses by name
        cloud_metadata=metadata,
        transport=Shared(),
        authentication_policy=BearerTokenCredentialPolicy(credential, f"{ARM}/.default"),
        retry_status=0,
        enable_telemetry=False,
    )


def test_datastores(azure: LocalAzure, client: MLClient) -> None:
    principal = ServicePrincipalConfiguration(tenant_id=TENANT, client_id=TENANT, client_secret="canary-5e")
    silver = AzureDataLakeGen2Datastore(
        name="silver", account_name="a", filesystem="silver", description="d", credentials=principal
    )
    client.datastores.create_or_update(silver)
    key = AccountKeyConfiguration(account_key="canary-5e")
    client.datastores.create_or_update(
        AzureBlobDatastore(name="blob", account_name="a", container_name="c", credentials=key)
    )
    found = client.datastores.get("silver")
    assert (found.account_name, found.filesystem, found.credentials.client_id) == ("a", "silver", TENANT)
    assert not found.credentials.client_secret
    for number in range(31):
        client.datastores.create_or_update(
            AzureDataLakeGen2Datastore(name=f"d{number}", account_name="a", filesystem="f")
        )
    assert len(list(client.datastores.list())) == 33
    with pytest.raises(ResourceNotFoundError, match="Could not find datastores nope"):
        client.datastores.get("nope")
    writes = [row for row in azure.emulator("GET", "requests") if row["method"] == "PUT"]
    assert {row["query"] for row in writes} == {"api-version=2024-10-01-preview&skipValidation=true"}
    assert {row["caller"] for row in writes} == {azure.config["identities"]["app"]["object_id"]}


def test_a_type_that_the_sdk_does_not_know_can_be_planted(azure: LocalAzure, client: MLClient) -> None:
    planted = {"properties": {"datastoreType": "Hdfs", "credentials": {"credentialsType": "None"}, "tags": {}}}
    azure.emulator("PUT", f"resources{azure.workspace()}/datastores/odd", planted)
    assert azure.call("GET", f"{azure.workspace()}/datastores/odd").json()["name"] == "odd"
    with pytest.raises(AttributeError):
        list(client.datastores.list())


def test_data(azure: LocalAzure, client: MLClient) -> None:
    path = "azureml://datastores/silver/paths/a.csv"
    made = client.data.create_or_update(Data(name="a", version="20260102T020000123Z", path=path, type="uri_file"))
    assert made.path.endswith("/datastores/silver/paths/a.csv")
    client.data.create_or_update(Data(name="a", version="2", path=path, type="uri_file", tags={"k": "v"}))
    with pytest.raises(ResourceExistsError, match="already exists"):
        client.data.create_or_update(Data(name="a", version="2", path=path + "x", type="uri_file"))
    assert client.data.get("a", label="latest").version == "2"
    assert [found.name for found in client.data.list()] == ["a"]
    client.data.archive("a", version="2")
    assert [found.version for found in client.data.list("a")] == ["20260102T020000123Z"]
    client.data.archive("a")
    assert list(client.data.list()) == []
    client.data.restore("a")
    assert len(list(client.data.list("a"))) == 2
    with pytest.raises(ResourceNotFoundError):
        client.data.get("a", "3")


def test_workspaces(azure: LocalAzure, client: MLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [w.name for w in client.workspaces.list()] == ["ws1", "ws2"]
    assert client.workspaces.get("ws1").location == "westeurope"
    gone = ml_client(azure, monkeypatch, "app", "gone")
    for name in ("gone", None):
        with pytest.raises(ResourceNotFoundError, match="was not found") as caught:
            gone.workspaces.get(name) if name else gone.datastores.get("d")
        assert caught.value.error is not None
        assert caught.value.error.code == "ResourceNotFound"


def test_forbidden_and_throttled(azure: LocalAzure, client: MLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    azure.emulator("PATCH", "settings", {"throttle": {"reads": {"burst": 1, "per_second": 0.01}}})
    with pytest.raises(ResourceNotFoundError):
        client.datastores.get("d")
    with pytest.raises(HttpResponseError) as caught:
        client.datastores.get("d")
    assert caught.value.status_code == 429
    response: Any = caught.value.response
    assert 95 <= int(response.headers["Retry-After"]) <= 100
    with pytest.raises(HttpResponseError, match="AuthorizationFailed") as caught:
        ml_client(azure, monkeypatch, "stranger").datastores.get("d")
    assert caught.value.status_code == 403
