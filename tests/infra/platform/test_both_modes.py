"""What holds in both modes, whatever is switched on: no key, no password, no public way to data."""

from __future__ import annotations

import json
import re

import pytest

from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import ELSEWHERE, MODES, NEARBY, Platform, With, names, target_of

ML = "Microsoft.MachineLearningServices"


def test_storage_takes_no_key_and_system_datastores_go_by_identity(made: Deployed) -> None:
    for account in made.all("Microsoft.Storage/storageAccounts"):
        assert account["properties"]["allowSharedKeyAccess"] is False
        assert account["properties"]["allowBlobPublicAccess"] is False
        assert account["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert made.properties(f"{ML}/workspaces")["systemDatastoresAuthMode"] == "Identity"


def test_nothing_with_data_has_a_public_address(made: Deployed) -> None:
    kinds = {
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.ContainerRegistry/registries",
        "Microsoft.CognitiveServices/accounts",
        f"{ML}/workspaces",
    }
    for it in made.resources:
        if it["type"] in kinds:
            assert it["properties"]["publicNetworkAccess"] == "Disabled", it["name"]
            acls = it["properties"].get("networkAcls") or it["properties"].get("networkRuleSet")
            assert it["type"].startswith(ML) or acls["defaultAction"] == "Deny", it["name"]


def test_no_password_no_key_no_secret_is_anywhere(made: Deployed) -> None:
    text = json.dumps(made.resources)
    assert not re.search(r"adminPassword|adminUserPassword|listKeys|listSecrets|AccountKey|SharedAccessSignature", text)
    assert not made.all("Microsoft.KeyVault/vaults/secrets")
    assert made.properties("Microsoft.ContainerRegistry/registries")["adminUserEnabled"] is False
    assert made.properties("Microsoft.Insights/components")["DisableLocalAuth"] is True


def test_vaults_go_by_roles_and_keep_what_they_hold(made: Deployed) -> None:
    for vault in made.all("Microsoft.KeyVault/vaults"):
        wanted = {"enableRbacAuthorization": True, "enablePurgeProtection": True, "enableSoftDelete": True}
        assert wanted.items() <= vault["properties"].items()
        assert "accessPolicies" not in vault["properties"]


def test_the_workspace_rests_on_what_is_made_for_it(made: Deployed) -> None:
    found = made.properties(f"{ML}/workspaces")
    for key, kind in (
        ("storageAccount", "Microsoft.Storage/storageAccounts"),
        ("containerRegistry", "Microsoft.ContainerRegistry/registries"),
        ("applicationInsights", "Microsoft.Insights/components"),
    ):
        assert found[key] == made.one(kind)["id"]
    assert found["keyVault"] in {it["id"] for it in made.all("Microsoft.KeyVault/vaults")}
    assert found["imageBuildCompute"] == "cpu"
    assert "cpu" in names(made, f"{ML}/workspaces/computes")
    assert found["hbiWorkspace"] is True
    assert found["v1LegacyMode"] is False
    identity = made.one(f"{ML}/workspaces")["identity"]
    assert (identity["type"], list(identity["userAssignedIdentities"])) == (
        "UserAssigned",
        [found["primaryUserAssignedIdentity"]],
    )


def test_every_compute_is_opened_by_entra_alone_and_clusters_go_by_an_identity(made: Deployed) -> None:
    for it in made.all(f"{ML}/workspaces/computes"):
        assert it["properties"]["disableLocalAuth"] is True
        of_a_person = it["properties"]["computeType"] == "ComputeInstance"
        assert it.get("identity", {}).get("type") == (None if of_a_person else "UserAssigned")
        inner = it["properties"]["properties"]
        if it["properties"]["computeType"] == "AmlCompute":
            assert inner["remoteLoginPortPublicAccess"] == "Disabled"
            assert inner["scaleSettings"]["minNodeCount"] == 0
        if it["properties"]["computeType"] == "ComputeInstance":
            assert inner["sshSettings"] == {"sshPublicAccess": "Disabled"}


@pytest.mark.parametrize("mode", MODES)
def test_by_default_every_optional_part_is_left_out(platform: Platform, mode: str) -> None:
    kinds = platform(mode).kinds()
    for absent in (
        "Microsoft.Compute/virtualMachines",
        "Microsoft.Network/bastionHosts",
        "Microsoft.Network/azureFirewalls",
        "Microsoft.Network/virtualNetworkGateways",
        "Microsoft.Network/connections",
        "Microsoft.Network/applicationGateways",
        "Microsoft.Network/dnsResolvers",
        "Microsoft.Cdn/profiles",
        "Microsoft.ApiManagement/service",
        "Microsoft.ContainerService/managedClusters",
        "Microsoft.CognitiveServices/accounts",
        "Microsoft.KeyVault/vaults/keys",
        "Microsoft.Authorization/locks",
        "Microsoft.Authorization/roleDefinitions",
    ):
        assert absent not in kinds
    assert names(platform(mode), f"{ML}/workspaces/computes") == {"cpu"}


def test_each_part_has_its_private_endpoint_and_its_zone(made: Deployed) -> None:
    parts = [target_of(it)[1] for it in made.all("Microsoft.Network/privateEndpoints")]
    assert {"amlworkspace", "blob", "file", "dfs", "registry", "vault"} <= set(parts)
    subnets = {
        it["properties"]["subnet"]["id"].rpartition("/")[2] for it in made.all("Microsoft.Network/privateEndpoints")
    }
    assert subnets == {"endpoints"}
    assert names(made, "Microsoft.Network/privateDnsZones") >= {
        "privatelink.api.azureml.ms",
        "privatelink.notebooks.azure.net",
        "privatelink.blob.core.windows.net",
        "privatelink.file.core.windows.net",
        "privatelink.dfs.core.windows.net",
        "privatelink.azurecr.io",
        "privatelink.vaultcore.azure.net",
    }
    # Besides the scoring cluster's own name, which no endpoint leads to.
    zones = {
        it["id"] for it in made.all("Microsoft.Network/privateDnsZones") if not it["name"].endswith(".example.com")
    }
    used = {
        config["properties"]["privateDnsZoneId"]
        for it in made.all("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
        for config in it["properties"]["privateDnsZoneConfigs"]
    }
    assert used == zones
    links = made.all("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    assert len(links) == len(made.all("Microsoft.Network/privateDnsZones"))


@pytest.mark.parametrize("mode", MODES)
def test_what_is_there_already_is_used_and_not_made(option: With, mode: str) -> None:
    given = {
        "storageId": f"{ELSEWHERE}/Microsoft.Storage/storageAccounts/theirs",
        "vaultId": f"{ELSEWHERE}/Microsoft.KeyVault/vaults/theirs",
        "registryId": f"{ELSEWHERE}/Microsoft.ContainerRegistry/registries/theirs",
    }
    insights = f"{ELSEWHERE}/Microsoft.Insights/components/theirs"
    logs = f"{ELSEWHERE}/Microsoft.OperationalInsights/workspaces/theirs"
    lines = [f"  {name}: '{value}'" for name, value in given.items()]
    lines.append(f"  monitoring: {{ applicationInsightsId: '{insights}', logAnalyticsId: '{logs}' }}")
    found = option(mode, "param existing = {", *lines, "}")
    for kind in ("Storage/storageAccounts", "KeyVault/vaults", "ContainerRegistry/registries", "Insights/components",
                 "OperationalInsights/workspaces"):  # fmt: skip
        assert not found.all(f"Microsoft.{kind}")
    workspace = found.properties(f"{ML}/workspaces")
    assert {workspace["storageAccount"], workspace["keyVault"], workspace["containerRegistry"]} == set(given.values())
    assert workspace["applicationInsights"] == insights
    reached = {target_of(it) for it in found.all("Microsoft.Network/privateEndpoints")}
    assert reached == {
        ("mlw-ml-dev", "amlworkspace"),
        *(("theirs", part) for part in ("vault", "registry", "blob", "file", "dfs")),
    }


@pytest.mark.parametrize("mode", MODES)
def test_the_network_may_be_there_already(option: With, mode: str) -> None:
    hub = f"{NEARBY}/Microsoft.Network/virtualNetworks/hub"
    known = "endpoints" if mode == "managed-network" else "scoring"
    given = f"subnetIds: {{ {known}: '{hub}/subnets/ours' }}"
    found = option(mode, f"param existing = {{ virtualNetworkId: '{hub}', {given} }}")
    assert not found.all("Microsoft.Network/virtualNetworks")
    made = names(found, "Microsoft.Network/virtualNetworks/subnets")
    assert made == ({"training", "endpoints"} if mode == "custom-vnet" else set())
    for subnet in found.all("Microsoft.Network/virtualNetworks/subnets"):
        assert subnet["id"].startswith(hub)
        assert subnet["properties"]["networkSecurityGroup"]["id"].endswith(subnet["name"].rpartition("/")[2])
    endpoints = {it["properties"]["subnet"]["id"] for it in found.all("Microsoft.Network/privateEndpoints")}
    assert endpoints == {f"{hub}/subnets/{'ours' if known == 'endpoints' else 'endpoints'}"}
    links = found.all("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    assert {it["properties"]["virtualNetwork"]["id"] for it in links} == {hub}
