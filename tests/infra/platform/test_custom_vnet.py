"""A network of one's own: subnets and their guards, names, computes in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.bicep import Failed
from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import ELSEWHERE, NEARBY, Platform, With, names

ML = "Microsoft.MachineLearningServices"
PUBLIC = (
    "param policyEffect = 'Audit'",
    "param cpuCluster = { vmSize: 'x', minNodes: 0, maxNodes: 1, priority: 'Dedicated', publicAddress: true }",
)


def subnets(found: Deployed) -> dict[str, Any]:
    return {it["name"]: it["properties"] for it in found.properties("Microsoft.Network/virtualNetworks")["subnets"]}


def inbound(found: Deployed, subnet: str) -> dict[str, str]:
    """Source of each rule that lets somebody in from outside, by port."""
    group = found.one("Microsoft.Network/networkSecurityGroups", f"-{subnet}")
    rules = [it["properties"] for it in group["properties"]["securityRules"]]
    return {
        rule.get("destinationPortRange", "*"): rule["sourceAddressPrefix"]
        for rule in rules
        if rule["direction"] == "Inbound"
        and rule["access"] == "Allow"
        and rule["sourceAddressPrefix"] not in {"VirtualNetwork", "AzureLoadBalancer"}
        and rule["sourceAddressPrefix"] != rule["destinationAddressPrefix"]
    }


def compute(found: Deployed, name: str) -> dict[str, Any]:
    return dict(found.one(f"{ML}/workspaces/computes", f"/{name}")["properties"]["properties"])


def test_the_addresses_are_those_of_the_guide(platform: Platform) -> None:
    found = platform("custom-vnet")
    space = found.properties("Microsoft.Network/virtualNetworks")["addressSpace"]["addressPrefixes"]
    assert space == ["10.150.0.0/16"]
    prefixes = {name: it["addressPrefix"] for name, it in subnets(found).items()}
    assert prefixes == {"training": "10.150.0.0/24", "scoring": "10.150.1.0/24", "endpoints": "10.150.2.0/24"}


def test_other_addresses_by_parameter(option: With) -> None:
    found = option(
        "custom-vnet", "param network = { addressPrefix: '10.9.0.0/20', subnetPrefixes: { scoring: '10.9.8.0/22' } }"
    )
    prefixes = {name: it["addressPrefix"] for name, it in subnets(found).items()}
    assert prefixes == {"training": "10.9.0.0/24", "scoring": "10.9.8.0/22", "endpoints": "10.9.2.0/24"}


def test_each_subnet_has_a_guard_of_its_own_where_azure_takes_one(platform: Platform) -> None:
    found = subnets(platform("custom-vnet-everything"))
    assert set(found) == {
        "training", "training-public", "scoring", "endpoints", "jump", "agent", "dns-resolver", "AzureBastionSubnet",
        "GatewaySubnet", "AzureFirewallSubnet",
    }  # fmt: skip
    for name, it in found.items():
        bare = name in {"GatewaySubnet", "AzureFirewallSubnet"}
        assert (it["networkSecurityGroup"] is None) == bare, name
        assert bare or it["networkSecurityGroup"]["id"].endswith(f"-{name}")
        machines = name in {"training", "training-public", "scoring", "jump", "agent"}
        assert it["defaultOutboundAccess"] is (False if machines else None)
    prefixes = [it["addressPrefix"] for it in found.values()]
    assert len(set(prefixes)) == len(prefixes)
    for group in platform("custom-vnet-everything").all("Microsoft.Network/networkSecurityGroups"):
        rules = [it["properties"] for it in group["properties"]["securityRules"]]
        [last] = [it for it in rules if it["access"] == "Deny"]
        assert (last["direction"], last["destinationPortRange"], last["priority"]) == ("Inbound", "*", 4000)
        order = [(it["direction"], it["priority"]) for it in rules]
        assert len(set(order)) == len(order)


def test_nobody_comes_in_where_no_compute_has_an_address(platform: Platform, option: With) -> None:
    assert inbound(platform("custom-vnet"), "training") == {}
    assert inbound(option("custom-vnet", "param allowBatchInbound = true"), "training") == {}


def test_azure_ml_and_batch_come_in_each_by_its_parameter(platform: Platform, option: With) -> None:
    """Where the computes with public addresses are, and nowhere else."""
    assert inbound(option("custom-vnet", *PUBLIC), "training-public") == {"44224": "AzureMachineLearning"}
    batch = option(
        "custom-vnet", *PUBLIC, "param allowMachineLearningInbound = false", "param allowBatchInbound = true"
    )
    assert inbound(batch, "training-public") == {"29876-29877": "BatchNodeManagement.westeurope"}
    assert inbound(platform("custom-vnet-everything"), "training-public") == {
        "44224": "AzureMachineLearning",
        "29876-29877": "BatchNodeManagement.westeurope",
    }
    assert inbound(platform("custom-vnet-everything"), "training") == {}
    assert inbound(platform("custom-vnet-everything"), "scoring") == {}


def test_the_internet_does_not_come_in_as_if_it_were_the_network(platform: Platform, option: With) -> None:
    """Azure counts what routes lead to as VirtualNetwork, and those to a firewall lead to 0.0.0.0/0."""
    for found in (platform("custom-vnet-everything"), option("custom-vnet", *PUBLIC)):
        group = found.properties("Microsoft.Network/networkSecurityGroups", "-training-public")
        let_in = {
            it["name"]: it["properties"]["sourceAddressPrefix"]
            for it in group["securityRules"]
            if it["properties"]["access"] == "Allow"
        }
        assert "VirtualNetwork" not in let_in.values()
        assert let_in["between-its-nodes"] == "10.150.11.0/24"


def test_clusters_and_instances_are_in_a_training_subnet(platform: Platform) -> None:
    """Those with public addresses in another one, which answers past the firewall."""
    for name in ("custom-vnet", "custom-vnet-everything"):
        where = {
            str(it["name"]).rpartition("/")[2]: it["properties"]["properties"]["subnet"]["id"].rpartition("/")[2]
            for it in platform(name).all(f"{ML}/workspaces/computes")
            if it["properties"]["computeType"] != "Kubernetes"
        }
        public = {it for it in where if compute(platform(name), it)["enableNodePublicIp"]}
        assert public == (set() if name == "custom-vnet" else {"cpu", "ml-all-ada"})
        assert where == {it: "training-public" if it in public else "training" for it in where}
    serverless = platform("custom-vnet").properties(f"{ML}/workspaces")["serverlessComputeSettings"]
    assert serverless["serverlessComputeNoPublicIP"] is True
    assert serverless["serverlessComputeCustomSubnet"].endswith("/subnets/training")
    assert platform("custom-vnet").properties(f"{ML}/workspaces")["managedNetwork"] == {"isolationMode": "Disabled"}


def test_the_cpu_cluster_may_have_public_addresses_and_the_gpu_cluster_has_none(platform: Platform) -> None:
    everything, default = platform("custom-vnet-everything"), platform("custom-vnet")
    assert compute(everything, "cpu")["enableNodePublicIp"] is True
    assert compute(everything, "gpu")["enableNodePublicIp"] is False
    assert compute(default, "cpu")["enableNodePublicIp"] is False


def test_an_instance_is_for_one_user_and_stops_when_idle(platform: Platform) -> None:
    """It has no identity, which would keep it from stopping: that asks for Contributor at the workspace."""
    ada, bob = (compute(platform("custom-vnet-everything"), f"ml-all-{name}") for name in ("ada", "bob"))
    assert ada["personalComputeInstanceSettings"]["assignedUser"]["objectId"] == "bbbbbbbb-0000-4000-8000-000000000001"
    assert ada["computeInstanceAuthorizationType"] == "personal"
    assert (ada["enableNodePublicIp"], bob["enableNodePublicIp"]) == (True, False)
    assert (ada["idleTimeBeforeShutdown"], bob["idleTimeBeforeShutdown"]) == ("PT1H", "PT30M")
    assert ada["applicationSharingPolicy"] == "Personal"
    assert ada["enableSSO"] is True
    assert not {"setupScripts", "customServices"} & set(ada)  # with either, Azure takes the sign-in back
    instances = [
        it for it in platform("custom-vnet-everything").all(f"{ML}/workspaces/computes") if "-all-" in it["name"]
    ]
    assert ["identity" in it for it in instances] == [False, False]


def test_the_key_is_rotated_and_the_workspace_may_use_it(platform: Platform) -> None:
    found = platform("custom-vnet-everything")
    workspace = found.properties(f"{ML}/workspaces")
    assert workspace["encryption"]["status"] == "Enabled"
    assert workspace["encryption"]["identity"]["userAssignedIdentity"] == workspace["primaryUserAssignedIdentity"]
    vault = workspace["encryption"]["keyVaultProperties"]["keyVaultArmId"]
    assert found.one("Microsoft.KeyVault/vaults", vault.rpartition("/")[2])["properties"]["sku"]["name"] == "premium"
    assert "keyUriWithVersion" in workspace["encryption"]["keyVaultProperties"]["keyIdentifier"]
    key = found.properties("Microsoft.KeyVault/vaults/keys")
    assert (key["kty"], key["keySize"], set(key["keyOps"])) == ("RSA-HSM", 3072, {"wrapKey", "unwrapKey"})
    assert key["rotationPolicy"]["lifetimeActions"][0]["trigger"] == {"timeAfterCreate": "P90D"}
    assert workspace["enableServiceSideCMKEncryption"] is None
    managed = platform("managed-network-everything").properties(f"{ML}/workspaces")
    assert managed["enableServiceSideCMKEncryption"] is True


def test_without_a_key_of_ones_own_there_is_no_trace_of_one(platform: Platform) -> None:
    found = platform("custom-vnet")
    assert found.properties(f"{ML}/workspaces")["encryption"] is None
    assert len(found.all("Microsoft.KeyVault/vaults")) == 1


def test_endpoints_may_be_approved_by_hand(platform: Platform) -> None:
    for it in platform("custom-vnet-everything").all("Microsoft.Network/privateEndpoints"):
        assert it["properties"]["privateLinkServiceConnections"] == []
        [connection] = it["properties"]["manualPrivateLinkServiceConnections"]
        assert connection["properties"]["requestMessage"]
    for it in platform("custom-vnet").all("Microsoft.Network/privateEndpoints"):
        assert it["properties"]["manualPrivateLinkServiceConnections"] == []


def test_computes_wait_for_endpoints_that_somebody_approves(platform: Platform, option: With) -> None:
    """Without a public address they reach the workspace by nothing else; the workspace already names its builder."""
    scoring = (
        "param scoringCluster = { vmSize: 'x', nodes: 1, serviceCidr: '10.151.0.0/16', allowPlainHttp: true,"
        " administratorGroupIds: [] }"
    )
    first = option("custom-vnet", "param endpointApproval = 'manual'", scoring)
    assert not first.all(f"{ML}/workspaces/computes")
    assert not first.all("Microsoft.ContainerService/managedClusters")
    assert first.properties(f"{ML}/workspaces")["imageBuildCompute"] == "cpu"
    endpoints = names(first, "Microsoft.Network/privateEndpoints")
    then = option("custom-vnet", "param endpointApproval = 'manual'", "param endpointsApproved = true", scoring)
    assert names(then, f"{ML}/workspaces/computes") == {"cpu", "scoring"}
    assert names(then, "Microsoft.Network/privateEndpoints") == endpoints
    assert names(platform("custom-vnet"), f"{ML}/workspaces/computes") == {"cpu"}
    managed = option("managed-network", "param endpointApproval = 'manual'")
    assert names(managed, f"{ML}/workspaces/computes") == {"cpu"}


def test_rules_know_the_addresses_of_subnets_that_are_there(option: With) -> None:
    """What Bastion's and the firewall's rules say of a subnet would else be about other addresses."""
    hub = f"{NEARBY}/Microsoft.Network/virtualNetworks/hub"

    def in_hub(*names_: str) -> str:
        given = " ".join(f"{name}: '{hub}/subnets/{name}'" for name in names_)
        return f"param existing = {{ virtualNetworkId: '{hub}', subnetIds: {{ {given} }} }}"

    jump = "param jumpHost = { vmSize: 'x', image: 'ubuntu', sshPublicKey: 'k', administrators: [], users: [] }"
    bastion = (in_hub("AzureBastionSubnet"), jump)
    firewall = (in_hub("AzureFirewallSubnet"), "param egress = 'firewall'")
    training = (in_hub("training"), "param egress = 'firewall'")
    for parameters in (bastion, firewall, training):
        with pytest.raises(Failed, match=r"network\.subnetPrefixes"):
            option("custom-vnet", *parameters)
    at = "param network = { addressPrefix: '10.9.0.0/16', subnetPrefixes: { AzureBastionSubnet: '10.8.0.0/26' } }"
    group = option("custom-vnet", *bastion, at).properties("Microsoft.Network/networkSecurityGroups", "-jump")
    assert group["securityRules"][0]["properties"]["sourceAddressPrefix"] == "10.8.0.0/26"
    option("custom-vnet", in_hub("training"))  # a NAT gateway has no rules


def test_names_resolved_elsewhere(option: With) -> None:
    own = option("custom-vnet", "param dns = { kind: 'custom', servers: ['10.0.0.4'] }")
    assert not own.all("Microsoft.Network/privateDnsZones")
    assert not own.all("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    assert own.properties("Microsoft.Network/virtualNetworks")["dhcpOptions"] == {"dnsServers": ["10.0.0.4"]}
    hub = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/dns-rg"
    found = option("custom-vnet", f"param dns = {{ kind: 'existingZones', resourceGroupId: '{hub}' }}")
    assert not found.all("Microsoft.Network/privateDnsZones")
    groups = found.all("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    zones = {it["properties"]["privateDnsZoneConfigs"][0]["properties"]["privateDnsZoneId"] for it in groups}
    assert f"{hub}/providers/Microsoft.Network/privateDnsZones/privatelink.api.azureml.ms" in zones
    assert all(zone.startswith(hub) for zone in zones)


def test_further_storage_is_reached_and_shown(platform: Platform) -> None:
    found = platform("custom-vnet-everything")
    endpoints = names(found, "Microsoft.Network/privateEndpoints")
    assert {"pe-ml-all-sourcedata-blob", "pe-ml-all-sourcedata-dfs"} <= endpoints
    assert "sourcedata" in json.dumps(found.all("Microsoft.Authorization/roleAssignments"))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ((PUBLIC[1],), "policyEffect to Audit"),
        (("param existing = { subnetIds: { training: 'x' } }",), "existing.virtualNetworkId"),
        (
            (f"param existing = {{ virtualNetworkId: '{ELSEWHERE}/Microsoft.Network/virtualNetworks/hub' }}",),
            "training, scoring, endpoints",
        ),
        (("param logRetentionInDays = 5",), "logRetentionInDays"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(option: With, parameters: tuple[str, ...], said: str) -> None:
    with pytest.raises(Failed, match=said):
        option("custom-vnet", *parameters)
