"""Who may do what: identities of the platform, the data registrar, groups; and the rules that Azure Policy holds."""

from __future__ import annotations

import json
import re

import pytest

from registration.request.document import parse_registration
from tests.infra.bicep import SUBSCRIPTION, Resource
from tests.infra.conftest import Deployed, scope_of
from tests.infra.platform.conftest import FILES, PLATFORM, Platform, With, waits_for
from tests.infra.platform.test_reach import GATEWAY
from tests.infra.test_roles import ROLES
from tests.local_azure.conftest import shared

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
REGISTRAR = "eeeeeeee-0000-4000-8000-000000000001"
MACHINE_ROLES = {file.stem: json.loads(file.read_text())["properties"] for file in (PLATFORM / "roles").glob("*.json")}


@pytest.fixture(scope="module")
def built_in() -> dict[str, str]:
    found: dict[str, str] = json.loads(shared("tools/infra-data/built-in-roles.json").read_text())
    return found


def title(definition: Resource) -> str:
    """Its name without what is computed of the subscription."""
    return re.sub(r" [0-9a-z]{6}\)$", ")", str(definition["properties"]["roleName"]))


def rights(found: Deployed, who: str, built_in: dict[str, str]) -> set[tuple[str, str]]:
    """(role, last two parts of where) of a principal, by its id or by the name of its identity."""
    own = {it["name"]: title(it) for it in found.all("Microsoft.Authorization/roleDefinitions")}
    return {
        (
            {**built_in, **own}.get(role, role),
            re.sub(r"(st|kvk?-|cr|oai-)[0-9a-z]{13}", r"\1*", "/".join(scope_of(it).split("/")[-2:])),
        )
        for it in found.all(ASSIGNMENTS)
        if who in it["properties"]["principalId"]
        for role in [it["properties"]["roleDefinitionId"].rpartition("/")[2]]
    }


def test_roles_of_azures_go_by_their_own_names(built_in: dict[str, str]) -> None:
    text = (PLATFORM / "modules" / "built-in.bicep").read_text()
    named = re.findall(r"^  (\w+): '([0-9a-f-]{36})'$", text, re.MULTILINE)
    assert len(named) > 12
    for name, role in named:
        assert built_in[role].replace(" ", "").lower() == name.lower()
    used = {name for file in PLATFORM.rglob("*.bicep") for name in re.findall(r"builtIn\.(\w+)", file.read_text())}
    assert used == {name for name, _ in named}


@pytest.mark.parametrize("name", FILES)
def test_every_role_that_is_assigned_is_one_of_azures_or_of_ours(
    name: str, platform: Platform, built_in: dict[str, str]
) -> None:
    found = platform(name)
    ours = {it["name"] for it in found.all("Microsoft.Authorization/roleDefinitions")}
    used = {it["properties"]["roleDefinitionId"].rpartition("/")[2] for it in found.all(ASSIGNMENTS)}
    theirs = used - ours - set(built_in)
    # Those of the app's deployment, which rolesOf names: data-registrar, two groups' and the agent's.
    assert len(theirs) == (4 if name == "managed-network-everything" else 0)


def test_the_workspaces_identity_has_these_rights_and_no_other(platform: Platform, built_in: dict[str, str]) -> None:
    default = {
        ("Contributor", "storageAccounts/st*"),
        ("Storage Blob Data Reader", "storageAccounts/st*"),
        ("Storage Blob Data Contributor", "storageAccounts/st*"),
        ("Storage File Data Privileged Contributor", "storageAccounts/st*"),
        ("Contributor", "vaults/kv-*"),
        ("Key Vault Administrator", "vaults/kv-*"),
        ("Contributor", "registries/cr*"),
        ("Contributor", "components/appi-ml-dev"),
        ("Contributor", "workspaces/mlw-ml-dev"),
        *(("Reader", f"privateEndpoints/pe-ml-dev-storage-{part}") for part in ("blob", "file", "dfs")),
    }
    assert rights(platform("custom-vnet"), "/id-ml-dev-workspace", built_in) == default
    approver = ("Azure AI Enterprise Network Connection Approver", "resourceGroups/rg-ml-dev")
    assert rights(platform("managed-network"), "/id-ml-dev-workspace", built_in) == default | {approver}


def test_with_a_key_and_with_data_it_has_more(platform: Platform, built_in: dict[str, str]) -> None:
    found = rights(platform("custom-vnet-everything"), "/id-ml-all-workspace", built_in)
    assert {
        ("Key Vault Crypto Service Encryption User", "keys/workspace"),
        ("Machine Learning Metadata Store Writer (ml-all)", f"subscriptions/{SUBSCRIPTION}"),
        ("Storage Blob Data Reader", "storageAccounts/sourcedata"),
        ("Reader", "privateEndpoints/pe-ml-all-sourcedata-dfs"),
    } <= found
    service = rights(platform("managed-network-everything"), "/id-ml-all-workspace", built_in)
    assert not [it for it in service if "Metadata" in it[0]]


def test_computes_read_and_write_data_and_push_images(platform: Platform, built_in: dict[str, str]) -> None:
    assert rights(platform("custom-vnet"), "/id-ml-dev-compute", built_in) == {
        ("Storage Blob Data Contributor", "storageAccounts/st*"),
        ("Storage File Data Privileged Contributor", "storageAccounts/st*"),
        ("AcrPull", "registries/cr*"),
        ("AcrPush", "registries/cr*"),
    }
    more = rights(platform("custom-vnet-everything"), "/id-ml-all-compute", built_in)
    assert ("Cognitive Services OpenAI User", "accounts/oai-*") in more
    assert ("Storage Blob Data Reader", "storageAccounts/sourcedata") in more


def test_the_scoring_cluster_is_network_contributor_where_it_must(platform: Platform, built_in: dict[str, str]) -> None:
    found = platform("custom-vnet-everything")
    assert rights(found, "/id-ml-all-scoring", built_in) == {
        ("Network Contributor", "subnets/scoring"),
        ("Network Contributor", "routeTables/rt-ml-all-scoring"),
        ("Storage Blob Data Reader", "storageAccounts/st*"),
        ("AcrPull", "registries/cr*"),
    }
    assert ("AcrPull", "registries/cr*") in rights(found, "kubeletidentity", built_in)


def test_the_workspace_may_attach_the_scoring_cluster_before_it_does(
    platform: Platform, built_in: dict[str, str]
) -> None:
    """A workspace with an identity of the customer's is given these by nobody else."""
    found = platform("custom-vnet-everything")
    own = {it for it in rights(found, "/id-ml-all-workspace", built_in) if "managedClusters" in it[1]}
    assert own == {
        ("Reader", "managedClusters/aks-ml-all"),
        ("Kubernetes Extension Contributor", "managedClusters/aks-ml-all"),
        ("Azure Kubernetes Service Cluster Admin Role", "managedClusters/aks-ml-all"),
    }
    attached = found.one("Microsoft.MachineLearningServices/workspaces/computes", "/scoring")
    assert {"attach", "encrypted"} <= waits_for(attached)
    assert not [it for it in rights(platform("custom-vnet"), "", built_in) if "managedClusters" in it[1]]


def test_the_gateway_before_endpoints_calls_them_and_no_more(
    platform: Platform, option: With, built_in: dict[str, str]
) -> None:
    found = rights(platform("managed-network-everything"), "/id-ml-all-ingress", built_in)
    assert found == {("Machine Learning Endpoint Caller (ml-all)", "resourceGroups/rg-ml-all")}
    gateway = rights(option("managed-network", GATEWAY), "/id-ml-dev-ingress", built_in)
    assert gateway == {
        ("Machine Learning Endpoint Caller (ml-dev)", "resourceGroups/rg-ml-dev"),
        ("Key Vault Secrets User", "vaults/kv-network"),
    }


def test_the_data_registrar_is_let_in(platform: Platform, built_in: dict[str, str]) -> None:
    found = rights(platform("custom-vnet-everything"), REGISTRAR, built_in)
    assert found == {("Data Registrar (ml-all)", "resourceGroups/rg-ml-all")}
    definitions = platform("custom-vnet-everything").all("Microsoft.Authorization/roleDefinitions")
    [made] = [it for it in definitions if title(it) == "Data Registrar (ml-all)"]
    assert made["properties"]["permissions"] == ROLES["data-registrar"]["permissions"]


def test_or_by_the_role_that_the_apps_own_deployment_made(bicep: object, platform: Platform, option: With) -> None:
    [theirs] = [
        it["properties"]["roleDefinitionId"].rpartition("/")[2]
        for it in platform("managed-network-everything").all(ASSIGNMENTS)
        if it["properties"]["principalId"] == REGISTRAR
    ]
    own = option(
        "custom-vnet", f"param registrarPrincipalId = '{REGISTRAR}'",
        "param rolesOf = { environmentName: 'prod', subscriptionId: '33333333-3333-4333-8333-333333333333' }",
    )  # fmt: skip
    [again] = [
        it["properties"]["roleDefinitionId"].rpartition("/")[2]
        for it in own.all(ASSIGNMENTS)
        if it["properties"]["principalId"] == REGISTRAR
    ]
    assert theirs == again
    assert not own.all("Microsoft.Authorization/roleDefinitions")


def test_the_registrars_workspace_is_one_that_it_can_be_told_of_and_find(platform: Platform) -> None:
    workspace = platform("custom-vnet-everything").one("Microsoft.MachineLearningServices/workspaces")
    _, _, subscription, _, group, *_, name = workspace["id"].split("/")
    target = {"subscription_id": subscription, "resource_group": group, "workspace_name": name}
    selector = {"subscription_id": subscription, "tags": {"Platform": "ml"}}
    found = parse_registration({"name": "a", "workspaces": [target, {"selector": selector}], "datastores": [
        {"name": "silver", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
    ]}, (), 50_000)  # fmt: skip
    assert found.selectors[0].matches(found.workspaces[0], workspace["tags"])
    assert workspace["tags"] == {"team": "sales", "costCenter": "data-platform", "platform": "ml", "instance": "all"}


def test_groups_get_their_role_and_what_it_needs_at_the_storage(platform: Platform, built_in: dict[str, str]) -> None:
    found = platform("custom-vnet-everything")
    scientists, labelers, administrators = (f"aaaaaaaa-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
    by_the_jump_host = {
        ("Virtual Machine User Login", "virtualMachines/vm-ml-all-jump"),
        ("Reader", "networkInterfaces/nic-vm-ml-all-jump"),
        ("Reader", "bastionHosts/bas-ml-all"),
    }
    assert rights(found, scientists, built_in) - by_the_jump_host == {
        ("Data Scientist (ml-all)", "resourceGroups/rg-ml-all"),
        ("Storage Blob Data Contributor", "storageAccounts/st*"),
        ("Storage File Data Privileged Contributor", "storageAccounts/st*"),
    }
    assert rights(found, labelers, built_in) == {
        ("Labeler (ml-all)", "resourceGroups/rg-ml-all"),
        ("Storage Blob Data Reader", "storageAccounts/st*"),
        ("Storage File Data Privileged Reader", "storageAccounts/st*"),
    }
    assert ("Workspace Administrator (ml-all)", "resourceGroups/rg-ml-all") in rights(found, administrators, built_in)
    assert not [it for it in rights(found, administrators, built_in) if "Storage" in it[0]]


def test_machines_roles_allow_what_they_say_and_nothing_else() -> None:
    assert set(MACHINE_ROLES) == {"metadata-store-writer", "endpoint-caller"}
    for role in MACHINE_ROLES.values():
        [permission] = role["permissions"]
        assert not permission["dataActions"]
        assert not [it for it in permission["actions"] if "*" in it or "/read" in it or "delete" in it]
    known = shared("tools/infra-data/ml-operations.txt").read_text().split("\n")
    assert set(MACHINE_ROLES["endpoint-caller"]["permissions"][0]["actions"]) <= set(known)


POLICIES = {
    "private-link": "45e05259-1eb5-4f70-9574-baf73e9d219b",
    "no-public-access": "438c38d2-3772-465a-a9cc-7a6666a275ce",
    "customer-managed-key": "ba769a63-b8cc-4b2d-abf6-ac33c7204be8",
    "no-local-authentication": "e96a9a5f-07ca-471b-9bc5-6a0f33cbd68f",
}
"""Ids of Azure's own definitions."""


def effects(found: Deployed) -> dict[str, str]:
    assigned = found.all("Microsoft.Authorization/policyAssignments")
    return {it["name"]: it["properties"]["parameters"]["effect"]["value"] for it in assigned}


def test_the_rules_of_the_house(platform: Platform) -> None:
    found = platform("custom-vnet")
    assert effects(found) == {
        "private-link": "Audit",
        "no-public-access": "Deny",
        "customer-managed-key": "Audit",
        "no-local-authentication": "Deny",
        "no-public-compute": "Deny",
        "computes-in-the-network": "Audit",
    }
    for it in found.all("Microsoft.Authorization/policyAssignments"):
        assert "/resourceGroups/rg-ml-dev/" in it["id"]
        if it["name"] in POLICIES:
            assert it["properties"]["policyDefinitionId"].endswith(POLICIES[it["name"]])
    own = found.one("Microsoft.Authorization/policyDefinitions")
    conditions = own["properties"]["policyRule"]["if"]["allOf"]
    assert {
        "field": "Microsoft.MachineLearningServices/workspaces/computes/enableNodePublicIp",
        "notEquals": False,
    } in conditions


def test_a_key_is_required_where_one_is_used(platform: Platform, option: With) -> None:
    managed = effects(platform("managed-network-everything"))
    assert managed["customer-managed-key"] == "Deny"
    assert set(effects(platform("custom-vnet-everything")).values()) == {"Audit"}
    assert "managed-network" in managed
    assert "computes-in-the-network" not in managed
    assert effects(option("custom-vnet", "param policyEffect = 'Off'")) == {}
