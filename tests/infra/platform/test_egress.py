"""Ways out of a network of one's own: a NAT gateway, or a firewall, its routes and what it lets out."""

from __future__ import annotations

import json

import pytest

from tests.infra.bicep import Failed
from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import NEARBY, Platform, With, names
from tests.infra.platform.test_custom_vnet import PUBLIC, subnets
from tests.infra.platform.test_scoring import SCORING


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
    hub = f"{NEARBY}/Microsoft.Network/virtualNetworks/hub"
    given = f"subnetIds: {{ scoring: '{hub}/subnets/pods' }}"
    existing = f"param existing = {{ virtualNetworkId: '{hub}', {given} }}"
    at = "param network = { addressPrefix: '10.9.0.0/16', subnetPrefixes: { scoring: '10.8.0.0/22' } }"
    found = option("custom-vnet", "param egress = 'firewall'", existing, at, SCORING.format("true"))
    assert names(found, "Microsoft.Network/routeTables") == {"rt-ml-dev-training"}
    assigned = json.dumps(found.all("Microsoft.Authorization/roleAssignments"))
    assert "routeTables" not in assigned
    assert let_out(found)["AzureKubernetesService"] == {"10.8.0.0/22"}


def test_a_route_of_ones_own_is_in_a_network_that_is_there(platform: Platform, option: With) -> None:
    """Nodes of a new one would have no way out at all; a managed network brings its own, and endpoints need none."""
    with pytest.raises(Failed, match=r"existing\.virtualNetworkId"):
        option("custom-vnet", "param egress = 'none'")
    hub = f"param existing = {{ virtualNetworkId: '{NEARBY}/Microsoft.Network/virtualNetworks/hub' }}"
    found = option("custom-vnet", "param egress = 'none'", hub, SCORING.format("true"))
    assert not found.all("Microsoft.Network/natGateways") + found.all("Microsoft.Network/azureFirewalls")
    network = found.properties("Microsoft.ContainerService/managedClusters")["networkProfile"]
    assert network["outboundType"] == "userDefinedRouting"
    assert option("managed-network", "param egress = 'none'").kinds() == platform("managed-network").kinds()


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


def let_out(found: Deployed) -> dict[str, set[str]]:
    """Who may call a name by HTTPS: address ranges, by the name as it stands in the rule."""
    group = found.properties("Microsoft.Network/firewallPolicies/ruleCollectionGroups")
    rules = [rule for it in group["ruleCollections"] for rule in it["rules"] if rule["ruleType"] == "ApplicationRule"]
    out: dict[str, set[str]] = {}
    for rule in rules:
        assert rule["sourceAddresses"], rule["name"]
        for name in [*rule.get("targetFqdns", []), *rule.get("fqdnTags", [])]:
            out.setdefault(name, set()).update(rule["sourceAddresses"])
    return out


CLUSTER_CALLS = {
    "AzureKubernetesService",
    "westeurope.dp.kubernetesconfiguration.azure.com",
    "arcmktplaceprod.azurecr.io",
    *(f"arcmktplaceprod.{region}.data.azurecr.io"
      for region in ("centralindia", "japaneast", "westus2", "westeurope", "eastus")),
    "*.ingestion.msftcloudes.com",
    "*.microsoftmetrics.com",
    "marketplaceapi.microsoft.com",
    "data.policy.core.windows.net",
    "store.policy.core.windows.net",
    "dc.services.visualstudio.com",
    "*.kusto.windows.net",
    "*.table.core.windows.net",
    "*.queue.core.windows.net",
    "westeurope.experiments.azureml.net",
}  # fmt: skip


MACHINES_CALL = {
    "pas.windows.net",
    "aka.ms",
    "azcliextensionsync.blob.core.windows.net",
    "azcliprod.blob.core.windows.net",
    "azuremlsdktestpypi.blob.core.windows.net",
}


BROWSERS_CALL = {"*.msauth.net", "*.msftauth.net", "*.aznbcontent.net", "login.live.com"}


def test_the_firewall_lets_out_what_the_platform_itself_installs_each_from_its_subnet(
    platform: Platform, option: With
) -> None:
    scoring, jump, agent = "10.150.1.0/24", "10.150.6.0/24", "10.150.9.0/24"
    found = let_out(platform("custom-vnet-everything"))
    assert {name: found.get(name) for name in CLUSTER_CALLS} == {name: {scoring} for name in CLUSTER_CALLS}
    assert {name: found.get(name) for name in MACHINES_CALL} == {name: {jump, agent} for name in MACHINES_CALL}
    assert {name: found.get(name) for name in BROWSERS_CALL} == {name: {jump} for name in BROWSERS_CALL}
    bare = let_out(option("custom-vnet", "param egress = 'firewall'"))
    assert not set(bare) & (CLUSTER_CALLS | MACHINES_CALL | BROWSERS_CALL)
    assert "pypi.org" in bare
