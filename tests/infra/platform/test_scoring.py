"""AKS for scoring: private, attached, its router behind an internal load balancer with a certificate from a vault."""

from __future__ import annotations

import re

import pytest

from tests.infra.bicep import Failed
from tests.infra.platform.conftest import ELSEWHERE, NEARBY, Platform, With, names, waits_for
from tests.infra.platform.test_custom_vnet import ML, subnets


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


def test_its_subnet_holds_all_nodes_their_pods_and_one_node_more(option: With) -> None:
    """Of 256 addresses, 51 for each node and one that an upgrade adds, and eight that Azure and the balancer take."""
    three, four = (SCORING.format("true").replace("nodes: 1", f"nodes: {count}") for count in (3, 4))
    assert option("custom-vnet", three).properties("Microsoft.ContainerService/managedClusters")
    with pytest.raises(Failed, match="widen it"):
        option("custom-vnet", four)
    wide = "param network = { addressPrefix: '10.150.0.0/16', subnetPrefixes: { scoring: '10.150.16.0/22' } }"
    assert option("custom-vnet", four, wide).properties("Microsoft.ContainerService/managedClusters")
    hub = f"{NEARBY}/Microsoft.Network/virtualNetworks/hub"
    theirs = f"param existing = {{ virtualNetworkId: '{hub}', subnetIds: {{ scoring: '{hub}/subnets/pods' }} }}"
    assert option("custom-vnet", four, theirs).properties("Microsoft.ContainerService/managedClusters")


def test_a_cluster_that_is_attached_is_not_attached_again(option: With) -> None:
    """Azure ML refuses that, other than to make a cluster of its own again. All else is deployed as before."""
    first, then = (option("custom-vnet", SCORING.format(f"true, attached: {it}")) for it in ("false", "true"))
    assert names(first, f"{ML}/workspaces/computes") - names(then, f"{ML}/workspaces/computes") == {"scoring"}
    assert len(first.resources) == len(then.resources) + 1
