"""A network of one's own: subnets and their guards, ways out, names, computes in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.infra.bicep import Failed
from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import ELSEWHERE, Platform, With, names, waits_for

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
    ada, bob = (compute(platform("custom-vnet-everything"), f"ml-all-{name}") for name in ("ada", "bob"))
    assert ada["personalComputeInstanceSettings"]["assignedUser"]["objectId"] == "bbbbbbbb-0000-4000-8000-000000000001"
    assert ada["computeInstanceAuthorizationType"] == "personal"
    assert (ada["enableNodePublicIp"], bob["enableNodePublicIp"]) == (True, False)
    assert (ada["idleTimeBeforeShutdown"], bob["idleTimeBeforeShutdown"]) == ("PT1H", "PT30M")
    assert ada["applicationSharingPolicy"] == "Personal"


def test_machines_go_out_by_the_nat_gateway(platform: Platform) -> None:
    found = platform("custom-vnet")
    nat = found.one("Microsoft.Network/natGateways")["id"]
    ways = {name: (it["natGateway"] or {}).get("id") for name, it in subnets(found).items()}
    assert ways == {"training": nat, "scoring": nat, "endpoints": None}


def test_or_by_the_firewall_and_then_by_nothing_else(platform: Platform) -> None:
    found = platform("custom-vnet-everything")
    assert not found.all("Microsoft.Network/natGateways")
    tables = {it["name"]: it["properties"] for it in found.all("Microsoft.Network/routeTables")}
    for table in tables.values():
        first = table["routes"][0]["properties"]
        assert first == {
            "addressPrefix": "0.0.0.0/0",
            "nextHopType": "VirtualAppliance",
            "nextHopIpAddress": "10.150.5.4",
        }
    assert subnets(found)["AzureFirewallSubnet"]["addressPrefix"] == "10.150.5.0/24"
    routed = {name: it["routeTable"]["id"] for name, it in subnets(found).items() if it["routeTable"]}
    assert set(routed) == {"training", "training-public", "scoring", "jump", "agent"}
    assert {name: table.rpartition("/")[2] for name, table in routed.items()} == {
        name: f"rt-ml-all-{name}" for name in routed
    }
    assert set(tables) == {f"rt-ml-all-{name}" for name in routed}


def past(found: Deployed, subnet: str) -> set[str]:
    """What a subnet's table sends past the firewall."""
    routes = found.properties("Microsoft.Network/routeTables", f"-{subnet}")["routes"]
    return {it["properties"]["addressPrefix"] for it in routes if it["properties"]["nextHopType"] == "Internet"}


def test_only_computes_with_public_addresses_are_routed_past_the_firewall(platform: Platform, option: With) -> None:
    """A node without an address has no other way to Azure ML and Batch than the firewall."""
    found = platform("custom-vnet-everything")
    assert past(found, "training-public") == {"AzureMachineLearning", "BatchNodeManagement.westeurope"}
    for subnet in ("training", "scoring", "jump", "agent"):
        assert past(found, subnet) == set()
    assert past(option("custom-vnet", *PUBLIC, "param egress = 'firewall'"), "training-public") == {
        "AzureMachineLearning"
    }
    private = option("custom-vnet", "param egress = 'firewall'")
    assert names(private, "Microsoft.Network/routeTables") == {"rt-ml-dev-training", "rt-ml-dev-scoring"}
    assert "training-public" not in subnets(private)


def test_what_is_called_by_vpn_answers_by_it(platform: Platform) -> None:
    """The scoring cluster's load balancer; endpoints have no table, and nobody calls the others from there."""
    found = platform("custom-vnet-everything")
    cut_off = {
        str(it["name"]): it["properties"]["disableBgpRoutePropagation"]
        for it in found.all("Microsoft.Network/routeTables")
    }
    assert {name for name, it in cut_off.items() if not it} == {"rt-ml-all-scoring"}
    assert subnets(found)["endpoints"]["routeTable"] is None
    assert subnets(found)["dns-resolver"]["routeTable"] is None


def test_a_scoring_subnet_that_is_there_keeps_its_own_routes(option: With) -> None:
    hub = f"{ELSEWHERE}/Microsoft.Network/virtualNetworks/hub"
    given = f"subnetIds: {{ scoring: '{hub}/subnets/pods' }}"
    existing = f"param existing = {{ virtualNetworkId: '{hub}', {given} }}"
    found = option("custom-vnet", "param egress = 'firewall'", existing, SCORING.format("true"))
    assert names(found, "Microsoft.Network/routeTables") == {"rt-ml-dev-training"}
    assigned = json.dumps(found.all("Microsoft.Authorization/roleAssignments"))
    assert "routeTables" not in assigned


def test_the_firewall_lets_out_what_azure_ml_documents(platform: Platform) -> None:
    found = platform("custom-vnet-everything")
    group = found.properties("Microsoft.Network/firewallPolicies/ruleCollectionGroups")
    services, by_name = (it["rules"] for it in group["ruleCollections"])
    tags = {tag for rule in services for tag in rule.get("destinationAddresses", [])}
    assert tags == {
        "AzureActiveDirectory", "AzureMachineLearning", "BatchNodeManagement.westeurope", "AzureResourceManager",
        "Storage.westeurope", "AzureFrontDoor.Frontend", "AzureFrontDoor.FirstParty", "MicrosoftContainerRegistry",
        "AzureMonitor", "AzureKeyVault.westeurope",
    }  # fmt: skip
    [udp] = [rule for rule in services if rule["name"] == "machine-learning-udp"]
    assert udp["destinationPorts"] == ["5831"]
    hosts = {host for rule in by_name for host in rule.get("targetFqdns", [])}
    assert hosts >= {"pypi.org", "*.pythonhosted.org", "*.anaconda.org", "graph.windows.net", "packages.example.com"}
    assert "*" not in hosts
    sources = {source for rule in [*services, *by_name] for source in rule["sourceAddresses"]}
    assert sources == {"10.150.0.0/24", "10.150.1.0/24", "10.150.6.0/24", "10.150.9.0/24", "10.150.11.0/24"}
    assert found.properties("Microsoft.Network/firewallPolicies")["threatIntelMode"] == "Deny"


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


def test_scoring_is_a_private_cluster_with_an_internal_load_balancer(platform: Platform) -> None:
    found = platform("custom-vnet-everything")
    cluster = found.properties("Microsoft.ContainerService/managedClusters")
    access = cluster["apiServerAccessProfile"]
    assert (access["enablePrivateCluster"], access["enablePrivateClusterPublicFQDN"]) == (True, False)
    network = cluster["networkProfile"]
    assert (network["networkPlugin"], network["outboundType"]) == ("azure", "userDefinedRouting")
    assert (network["serviceCidr"], network["dnsServiceIP"]) == ("10.151.0.0/16", "10.151.0.10")
    [pool] = cluster["agentPoolProfiles"]
    assert pool["vnetSubnetID"].endswith("/subnets/scoring")
    assert pool["enableNodePublicIP"] is False
    attached = found.one(f"{ML}/workspaces/computes", "/scoring")
    assert attached["properties"]["computeType"] == "Kubernetes"
    assert attached["properties"]["resourceId"] == found.one("Microsoft.ContainerService/managedClusters")["id"]
    assert subnets(found)["scoring"]["privateLinkServiceNetworkPolicies"] == "Disabled"


def test_the_extension_is_told_what_the_azure_cli_would_tell_it(platform: Platform) -> None:
    """Resource Manager passes settings on as they are; the CLI's short ones mean nothing to the extension."""
    found = platform("custom-vnet-everything")
    settings = found.properties("Microsoft.KubernetesConfiguration/extensions")["configurationSettings"]
    cluster = found.one("Microsoft.ContainerService/managedClusters")["id"]
    assert settings["clusterId"] == settings["cluster_name"] == cluster
    assert settings["scoringFe.serviceType.internalLoadBalancer"] == "True"
    assert (settings["relayserver.enabled"], settings["servicebus.enabled"]) == ("false", "false")
    assert (settings["clusterPurpose"], settings["inferenceRouterHA"]) == ("FastProd", "True")
    assert {type(it) for it in settings.values()} == {str}


def test_the_router_has_its_certificate_from_a_vault_before_the_cluster_is_attached(platform: Platform) -> None:
    """Nothing has to be in the cluster beforehand, and nothing secret is among the settings that can be read."""
    found = platform("custom-vnet-everything")
    extension = found.properties("Microsoft.KubernetesConfiguration/extensions")
    settings = extension["configurationSettings"]
    assert (settings["allowInsecureConnections"], settings["sslCname"]) == ("False", "scoring.example.com")
    assert not [it for it in settings if it.startswith("scoringFe.ssl") or it == "sslSecret"]
    secrets = extension["configurationProtectedSettings"]
    assert set(secrets) == {"scoringFe.sslCert", "scoringFe.sslKey"}
    for name, secret in (("scoringFe.sslCert", "scoring-certificate"), ("scoringFe.sslKey", "scoring-key")):
        assert re.search(rf"base64\(.*(kv-network'?, '{secret}'|getSecret|parameters)", secrets[name])
    assert "encrypted" in waits_for(found.one(f"{ML}/workspaces/computes", "/scoring"))


def tls(more: str = "") -> str:
    return (
        "param scoringCluster = { vmSize: 'x', nodes: 1, serviceCidr: '10.151.0.0/16', allowPlainHttp: false,"
        " administratorGroupIds: [], tls: { hostName: 's.example.com', certificateSecret: 'c', keySecret: 'k',"
        f" vaultId: '{ELSEWHERE}/Microsoft.KeyVault/vaults/kv'{more} }} }}"
    )


def test_the_name_on_the_certificate_leads_to_the_cluster_once_its_address_is_known(option: With) -> None:
    first = option("custom-vnet", tls())
    assert "s.example.com" not in names(first, "Microsoft.Network/privateDnsZones")
    address = ", address: '10.150.1.9'"
    then = option("custom-vnet", tls(address))
    assert "s.example.com" in names(then, "Microsoft.Network/privateDnsZones")
    record = then.one("Microsoft.Network/privateDnsZones/A", "s.example.com/@")
    assert record["properties"]["aRecords"] == [{"ipv4Address": "10.150.1.9"}]
    links = then.all("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    assert "s.example.com/vnet-ml-dev" in {it["name"] for it in links}
    elsewhere = option("custom-vnet", tls(address), "param dns = { kind: 'custom', servers: ['10.0.0.4'] }")
    assert not elsewhere.all("Microsoft.Network/privateDnsZones")


SCORING = (
    "param scoringCluster = {{ vmSize: 'x', nodes: 1, serviceCidr: '10.151.0.0/16',"
    " allowPlainHttp: {}, administratorGroupIds: [] }}"
)


def test_scoring_by_plain_http_is_said_aloud_or_refused(option: With) -> None:
    found = option("custom-vnet", SCORING.format("true"))
    settings = found.properties("Microsoft.KubernetesConfiguration/extensions")["configurationSettings"]
    assert (settings["allowInsecureConnections"], settings["inferenceRouterHA"]) == ("True", "False")
    assert settings["clusterPurpose"] == "DevTest"
    extension = found.properties("Microsoft.KubernetesConfiguration/extensions")
    assert extension["configurationProtectedSettings"] == {}
    assert "unencrypted" in waits_for(found.one(f"{ML}/workspaces/computes", "/scoring"))
    network = found.properties("Microsoft.ContainerService/managedClusters")["networkProfile"]
    assert network["outboundType"] == "userAssignedNATGateway"
    with pytest.raises(Failed, match="allowPlainHttp"):
        option("custom-vnet", SCORING.format("false"))


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
        (("param logRetentionInDays = 5",), "logRetentionInDays"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(option: With, parameters: tuple[str, ...], said: str) -> None:
    with pytest.raises(Failed, match=said):
        option("custom-vnet", *parameters)
