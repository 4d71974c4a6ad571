"""The SDK wrapper against the local ARM over TLS: one pool, no leaks, no local paths, pages that stay home."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import pytest
from azure.core import AzureClouds

from registration.wiring import Wiring
from shared.assets import Data
from shared.azureml.clients import POOLED, Clients
from shared.azureml.observed import observed_data, observed_datastore, short_path
from shared.azureml.writer import Writer
from shared.clouds import CLOUDS
from shared.errors import AzureBusy, AzureRefused
from shared.heartbeat import Heartbeat
from shared.workspace import Workspace
from tests.road.journey import calls, fault, target
from tests.support import LocalStack

SUBSCRIPTION = "6d1f0a4e-0000-4000-8000-000000000001"
AUTHORITY, SUFFIX = "https://login.microsoftonline.com", "core.windows.net"
WORKSPACE = Workspace(subscription_id=SUBSCRIPTION, resource_group="ml-rg", workspace_name="ml-ws-1")


@pytest.fixture
def clients(parts: Wiring) -> Clients:
    return Clients(
        parts.settings.cloud,
        parts.settings.arm_endpoint,
        parts.settings.authority_host,
        parts.outbound,
        parts.arm_transport,
    )


def numbered(number: int) -> Workspace:
    return WORKSPACE.model_copy(update={"workspace_name": f"ws-{number}"})


def test_clients_are_pooled_bounded_and_leave_no_handlers(clients: Clients) -> None:
    first = clients.of(numbered(0))
    assert clients.of(numbered(0)) is first
    for number in range(POOLED + 3):
        clients.of(numbered(number))
    assert len(clients._pool) == POOLED
    assert clients.of(numbered(0)) is not first
    assert len(logging.getLogger("azure.ai.ml._telemetry").handlers) == 1


def test_all_clients_share_one_transport(clients: Clients, parts: Wiring) -> None:
    client = clients.of(numbered(1))
    pipelines = [vars(client)[name] for name in vars(client) if name.startswith("_service_client")]
    assert len(pipelines) >= 10
    assert {id(service._client._pipeline._transport) for service in pipelines} == {id(parts.arm_transport)}


@pytest.mark.parametrize(
    ("cloud", "known_as"),
    [
        ("AzureCloud", AzureClouds.AZURE_PUBLIC_CLOUD),
        ("AzureUSGovernment", AzureClouds.AZURE_US_GOVERNMENT),
        ("AzureChinaCloud", AzureClouds.AZURE_CHINA_CLOUD),
    ],
)
def test_every_part_of_a_client_is_in_the_same_cloud(parts: Wiring, cloud: str, known_as: AzureClouds) -> None:
    it = CLOUDS[cloud]
    client = Clients(it, it.arm, it.authority, parts.outbound, parts.arm_transport).of(numbered(1))
    for writes in (client.data._operation, client.datastores._operation):
        assert writes._config.base_url.rstrip("/") == it.arm
        assert writes._config.credential_scopes == [it.scope]
        assert writes._config.cloud_setting is known_as


def policies(client: Any) -> set[int]:
    """The parts of its pipelines that know which part comes next."""
    services = [it for name, it in vars(client).items() if name.startswith("_service_client")]
    pipelines = [service._client._pipeline for service in services]
    return {id(policy) for pipeline in pipelines for policy in pipeline._impl_policies}


def test_no_two_clients_share_a_policy(clients: Clients, parts: Wiring) -> None:
    """A pipeline links its policies to each other: who builds a second one of the same breaks calls of the first."""
    first, second = (policies(clients.of(numbered(number))) for number in (1, 2))
    reads = {id(policy) for policy in parts.arm._open(f"/subscriptions/{SUBSCRIPTION}")._pipeline._impl_policies}
    assert len(first) > 10
    assert reads
    assert not first & second
    assert not (first | second) & reads


@pytest.mark.parametrize("path", ["data/sales.csv", "file:///etc/passwd", "/etc/passwd"])
def test_a_local_path_never_reaches_the_sdk(clients: Clients, path: str) -> None:
    data = Data.model_construct(name="x", type="uri_file", path=path, version="1")
    with pytest.raises(AzureRefused, match="local paths are refused"):
        Writer(clients, AUTHORITY, SUFFIX).write_data(WORKSPACE, data)


def test_data_is_never_written_without_a_version(stack: LocalStack, clients: Clients) -> None:
    data = Data(name="x", type="uri_file", path="azureml://datastores/silver/paths/x.csv")
    with pytest.raises(ValueError, match="no version"):
        Writer(clients, AUTHORITY, SUFFIX).write_data(WORKSPACE, data)


def test_an_answer_that_is_no_answer_is_tried_again_and_then_told(stack: LocalStack, parts: Wiring) -> None:
    key = stack.new_workspace()
    workspace = Workspace(**target(key))
    arm = parts.arm
    with fault(stack, key, reset_connection=True, count=2):
        assert arm.get(workspace.arm_id, "2024-04-01")["name"] == workspace.workspace_name
    with fault(stack, key, reset_connection=True, count=3), pytest.raises(AzureBusy, match="did not answer"):
        arm.get(workspace.arm_id, "2024-04-01")
    with fault(stack, key, status=500, count=3), pytest.raises(AzureBusy, match="500"):
        arm.get(workspace.arm_id, "2024-04-01")
    before = len(calls(stack, key))
    with fault(stack, key, status=400, count=1), pytest.raises(AzureRefused, match="400"):
        arm.get(workspace.arm_id, "2024-04-01")
    assert len(calls(stack, key)) == before + 1, "a refusal is not tried again"


def test_lists_are_read_over_all_pages_and_never_elsewhere(stack: LocalStack, parts: Wiring) -> None:
    key = stack.new_workspace()
    workspace = Workspace(**target(key))
    arm = parts.arm
    properties = {"datastoreType": "AzureDataLakeGen2", "credentials": {"credentialsType": "None"}}
    for number in range(7):
        body = {"properties": {**properties, "accountName": "sourcedata", "filesystem": "silver"}}
        assert stack.arm("PUT", f"{key}/datastores/d{number}", body).is_success
    found = list(arm.list(f"{workspace.arm_id}/datastores", "2024-04-01", {"count": "3"}))
    assert {entry["name"] for entry in found} == {f"d{number}" for number in range(7)}
    page = {"value": [], "nextLink": "https://evil.example/next"}
    with (
        fault(stack, key, match="/datastores", status=200, body=page, count=1),
        pytest.raises(AzureRefused, match="away"),
    ):
        list(arm.list(f"{workspace.arm_id}/datastores", "2024-04-01"))


def test_live_hosts_share_the_throttle(parts: Wiring) -> None:
    now = [0.0]
    one, two = (Heartbeat(parts.documents, lambda: now[0]) for _ in range(2))
    first = one.hosts()
    assert two.hosts() == first + 1
    assert one.hosts() == first, "asked again within a minute, it remembers"
    now[0] = 61
    assert one.hosts() == first + 1


LONG = f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/ML-RG/workspaces/ml-ws-1/datastores/silver/paths/a.csv"


@pytest.mark.parametrize(
    ("path", "short"),
    [
        (LONG, "azureml://datastores/silver/paths/a.csv"),
        (LONG.replace("ml-ws-1", "ml-ws-2"), LONG.replace("ml-ws-1", "ml-ws-2")),
        ("abfss://silver@sourcedata.dfs.core.windows.net/a", "abfss://silver@sourcedata.dfs.core.windows.net/a"),
    ],
)
def test_azures_long_form_of_a_path_is_the_same_address(path: str, short: str) -> None:
    assert short_path(path, WORKSPACE) == short


@pytest.mark.parametrize(
    "resource", [{}, {"name": "x"}, {"name": "x", "properties": None}, {"properties": {"tags": 5}}]
)
def test_what_is_new_in_azures_answers_is_tolerated(resource: dict[str, Any]) -> None:
    assert observed_datastore(resource).fields["credentials"] == "None"
    assert observed_data(str(uuid.uuid4()), resource, WORKSPACE).archived is False
