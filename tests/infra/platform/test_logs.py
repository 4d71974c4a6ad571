"""Diagnostics: each resource that Azure Monitor has logs of sends them to Log Analytics."""

from __future__ import annotations

from tests.infra.conftest import Deployed

LOGGED = {
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/fileServices",
    "Microsoft.Storage/storageAccounts/queueServices",
    "Microsoft.Storage/storageAccounts/tableServices",
    "Microsoft.KeyVault/vaults",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.CognitiveServices/accounts",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.ApiManagement/service",
    "Microsoft.Cdn/profiles",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/azureFirewalls",
    "Microsoft.Network/bastionHosts",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/virtualNetworkGateways",
    "Microsoft.Network/virtualNetworks",
}
"""Types in Azure Monitor's index of supported logs (2026)."""

WITHOUT = {
    "Microsoft.Insights/components": "its telemetry is in Log Analytics already, and would be there twice",
    "Microsoft.Compute/virtualMachines": "two categories of updates, without a table in Log Analytics",
    "Microsoft.Network/natGateways": "flow logs, which only the tier StandardV2 has",
}
"""Types in that index that send none, and why."""

SILENT = {
    "Microsoft.Authorization/locks",
    "Microsoft.Authorization/policyAssignments",
    "Microsoft.Authorization/policyDefinitions",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.KubernetesConfiguration/extensions",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies",
    "Microsoft.Network/FrontDoorWebApplicationFirewallPolicies",
    "Microsoft.Network/connections",
    "Microsoft.Network/dnsResolvers",
    "Microsoft.Network/firewallPolicies",
    "Microsoft.Network/localNetworkGateways",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/routeTables",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Storage/storageAccounts",
}
"""Types that the index does not have. Those within another are silent unless they stand above."""


def logged(found: Deployed) -> set[str]:
    """Ids of what has a diagnostic setting with at least one log."""
    return {
        str(it["scope"])
        for it in found.all("Microsoft.Insights/diagnosticSettings")
        if any(log["enabled"] for log in it["properties"]["logs"])
    }


def test_whatever_has_logs_sends_them(made: Deployed) -> None:
    there = logged(made)
    for it in made.resources:
        if it["type"] in LOGGED:
            assert it["id"] in there, it["id"]


def test_every_type_is_one_that_was_decided_on(made: Deployed) -> None:
    for kind in made.kinds() - LOGGED - set(WITHOUT):
        parent = "/".join(kind.split("/")[:2])
        assert kind in SILENT or (kind != parent and parent in LOGGED | set(WITHOUT) | SILENT), kind


def test_everything_goes_to_the_platforms_own_log_analytics(made: Deployed) -> None:
    [logs] = made.all("Microsoft.OperationalInsights/workspaces")
    assert {it["properties"]["workspaceId"] for it in made.all("Microsoft.Insights/diagnosticSettings")} == {logs["id"]}
