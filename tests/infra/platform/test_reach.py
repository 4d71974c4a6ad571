"""Options, each for itself: ways in for people, sites and callers, an agent, and what else may be switched on."""

from __future__ import annotations

import base64
import json
import re

import pytest
import yaml

from tests.infra.bicep import TENANT, Failed
from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import ELSEWHERE, MODES, Platform, With, names, target_of

KEY = "ssh-ed25519 AAAAexample nobody@example"
JUMP = f"param jumpHost = {{ vmSize: 'x', image: 'ubuntu', sshPublicKey: '{KEY}', administrators: [], users: [] }}"
AGENT = f"param deploymentAgent = {{ vmSize: 'x', sshPublicKey: '{KEY}' }}"
POINT = "param pointToSite = { clientAddressPrefix: '172.20.0.0/24' }"
SITE = (
    "param siteToSite = { gatewayAddress: '198.51.100.7', addressPrefixes: ['192.168.0.0/16'],"
    f" vaultId: '{ELSEWHERE}/Microsoft.KeyVault/vaults/kv-network', secretName: 'shared' }}"
)
INGRESS = (
    "param ingress = {{ kind: '{}', publisherName: 'p', publisherEmail: 'p@example.com',"
    " endpointUrl: 'https://e.example.com', audience: 'api://scoring'{} }}"
)
CERTIFICATE = f", certificate: {{ vaultId: '{ELSEWHERE}/Microsoft.KeyVault/vaults/kv-network', secretName: 'tls' }}"
GATEWAY = INGRESS.format("applicationGateway", CERTIFICATE)
FRONT_DOOR = INGRESS.format("frontDoor", "")


def network(found: Deployed) -> set[str]:
    return {it["name"] for it in found.properties("Microsoft.Network/virtualNetworks")["subnets"]}


def added(found: Deployed, before: Deployed) -> set[str]:
    """Types that were not deployed before."""
    return {it.removeprefix("Microsoft.") for it in found.kinds() - before.kinds()}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("parameter", "kinds", "subnets"),
    [
        (JUMP, {"Compute/virtualMachines", "Compute/virtualMachines/extensions", "Network/networkInterfaces",
                "Network/bastionHosts"}, {"jump", "AzureBastionSubnet"}),
        (AGENT, {"Compute/virtualMachines", "Compute/virtualMachines/extensions", "Network/networkInterfaces",
                 "Authorization/roleDefinitions"}, {"agent"}),
        (POINT, {"Network/virtualNetworkGateways", "Network/dnsResolvers", "Network/dnsResolvers/inboundEndpoints"},
         {"GatewaySubnet", "dns-resolver"}),
        (SITE, {"Network/virtualNetworkGateways", "Network/dnsResolvers", "Network/dnsResolvers/inboundEndpoints",
                "Network/localNetworkGateways", "Network/connections"}, {"GatewaySubnet", "dns-resolver"}),
        ("param openAi = {}", {"CognitiveServices/accounts"}, set()),
        ("param lockResources = true", {"Authorization/locks"}, set()),
        ("param customerManagedKey = { metadata: 'microsoft', keySize: 4096, rotateEvery: 'P90D' }",
         {"KeyVault/vaults/keys"}, set()),
        ("param customerManagedKey = { metadata: 'customer', keySize: 4096, rotateEvery: 'P90D' }",
         {"KeyVault/vaults/keys", "Authorization/roleDefinitions"}, set()),
        ("param registrarPrincipalId = 'eeeeeeee-0000-4000-8000-000000000001'", {"Authorization/roleDefinitions"},
         set()),
    ],
)  # fmt: skip
def test_each_option_brings_its_own_and_nothing_else(
    platform: Platform, option: With, mode: str, parameter: str, kinds: set[str], subnets: set[str]
) -> None:
    found, before = option(mode, parameter), platform(mode)
    managed = {"Network/natGateways", "Network/publicIPAddresses", "MachineLearningServices/workspaces/outboundRules"}
    sometimes = managed if mode == "managed-network" else set()
    assert added(found, before) - sometimes == kinds - {it.removeprefix("Microsoft.") for it in before.kinds()}
    assert network(found) - network(before) == subnets
    assert not before.kinds() - found.kinds()


API_MANAGEMENT = {"ApiManagement/service", "ApiManagement/service/apis", "ApiManagement/service/apis/operations",
                  "ApiManagement/service/apis/policies", "Authorization/roleDefinitions"}  # fmt: skip


@pytest.mark.parametrize(
    ("parameter", "kinds", "subnets"),
    [
        (GATEWAY, {"Network/applicationGateways", "Network/ApplicationGatewayWebApplicationFirewallPolicies",
                   "Network/publicIPAddresses"}, {"ingress", "api-management"}),
        (FRONT_DOOR, {"Cdn/profiles", "Cdn/profiles/originGroups", "Cdn/profiles/originGroups/origins",
                      "Cdn/profiles/afdEndpoints", "Cdn/profiles/afdEndpoints/routes", "Cdn/profiles/securityPolicies",
                      "Network/FrontDoorWebApplicationFirewallPolicies"}, {"api-management"}),
    ],
)  # fmt: skip
def test_callers_are_let_in_to_managed_endpoints_alone(
    platform: Platform, option: With, parameter: str, kinds: set[str], subnets: set[str]
) -> None:
    """Those on Kubernetes take no Entra token, and the gateway has nothing else."""
    found, before = option("managed-network", parameter), platform("managed-network")
    assert added(found, before) == kinds | API_MANAGEMENT
    assert network(found) - network(before) == subnets
    with pytest.raises(Failed, match="networkMode managedNetwork"):
        option("custom-vnet", parameter)


FIREWALL = {"Network/azureFirewalls", "Network/firewallPolicies", "Network/firewallPolicies/ruleCollectionGroups",
            "Network/routeTables"}  # fmt: skip


def test_a_firewall_takes_the_place_of_the_nat_gateway(platform: Platform, option: With) -> None:
    """Where there are machines that go out by it: a managed network has a firewall of its own."""
    found = option("custom-vnet", "param egress = 'firewall'")
    assert added(found, platform("custom-vnet")) == FIREWALL
    assert platform("custom-vnet").kinds() - found.kinds() == {"Microsoft.Network/natGateways"}
    assert network(found) - network(platform("custom-vnet")) == {"AzureFirewallSubnet"}
    managed = option("managed-network", "param egress = 'firewall'")
    assert managed.kinds() == platform("managed-network").kinds()
    assert network(managed) == {"endpoints"}
    assert added(option("managed-network", "param egress = 'firewall'", JUMP), platform("managed-network")) >= FIREWALL


def test_no_machine_has_a_public_address_or_a_password(platform: Platform) -> None:
    for name in ("custom-vnet-everything", "managed-network-everything"):
        found = platform(name)
        for machine in found.all("Microsoft.Compute/virtualMachines"):
            system = machine["properties"]["osProfile"]
            assert system["linuxConfiguration"]["disablePasswordAuthentication"] is True
            assert "adminPassword" not in system
            assert machine["identity"]["type"].startswith("SystemAssigned")
            assert machine["properties"]["securityProfile"]["encryptionAtHost"] is True
        for card in found.all("Microsoft.Network/networkInterfaces"):
            for it in card["properties"]["ipConfigurations"]:
                assert "publicIPAddress" not in it["properties"]
        extensions = found.all("Microsoft.Compute/virtualMachines/extensions")
        assert [it["properties"]["type"] for it in extensions] == ["AADSSHLoginForLinux"] * 2


def test_azure_is_asked_for_nothing_that_an_image_cannot_do(platform: Platform) -> None:
    """It patches and trusts the images on its lists, and refuses a machine of another that asks for it."""
    trusted = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
    for name in ("custom-vnet-everything", "managed-network-everything"):
        for machine in platform(name).all("Microsoft.Compute/virtualMachines"):
            found = machine["properties"]
            listed = found["storageProfile"]["imageReference"]["publisher"] == "Canonical"
            patches = found["osProfile"]["linuxConfiguration"]["patchSettings"]
            assert set(patches.values()) == {"AutomaticByPlatform" if listed else "ImageDefault"}
            assert found["securityProfile"] == {"encryptionAtHost": True, **(trusted if listed else {})}
    images = [
        it["properties"]["storageProfile"]["imageReference"]["publisher"]
        for it in platform("custom-vnet-everything").all("Microsoft.Compute/virtualMachines")
    ]
    assert sorted(images) == ["Canonical", "microsoft-dsvm"]


def test_the_jump_host_is_reached_by_bastion_alone(platform: Platform) -> None:
    for name in ("custom-vnet-everything", "managed-network-everything"):
        group = platform(name).properties("Microsoft.Network/networkSecurityGroups", "-jump")
        [way_in] = [it["properties"] for it in group["securityRules"] if it["properties"]["access"] == "Allow"]
        assert (way_in["sourceAddressPrefix"], way_in["destinationPortRange"]) == ("10.150.3.0/24", "22")


def test_people_sign_in_at_the_jump_host_by_their_roles(platform: Platform) -> None:
    """Bastion lets nobody through who may not read itself, the machine, and the machine's card."""
    reader, administrator, user = (
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "1c0163c0-47e6-4577-8991-ea5c82e286e4",
        "fb879df8-f326-4884-b1cf-06f3ad86be52",
    )
    administrators, users = (f"aaaaaaaa-0000-4000-8000-00000000000{number}" for number in (3, 1))
    found = platform("custom-vnet-everything").all("Microsoft.Authorization/roleAssignments")

    def at(resource: str) -> set[tuple[str, str]]:
        return {
            (it["properties"]["roleDefinitionId"].rpartition("/")[2], it["properties"]["principalId"])
            for it in found
            if f"/{resource}/" in it["id"]
        }

    assert at("virtualMachines/vm-ml-all-jump") == {(administrator, administrators), (user, users)}
    for seen in ("networkInterfaces/nic-vm-ml-all-jump", "bastionHosts/bas-ml-all"):
        assert at(seen) == {(reader, administrators), (reader, users)}
    assert not at("virtualMachines/vm-ml-all-agent") | at("networkInterfaces/nic-vm-ml-all-agent")


def test_somebody_who_both_administers_and_uses_is_a_reader_once(option: With) -> None:
    who = "{ principalId: 'aaaaaaaa-0000-4000-8000-000000000001', principalType: 'User' }"
    found = option("custom-vnet", JUMP.replace("[]", f"[{who}]")).all("Microsoft.Authorization/roleAssignments")
    assert len([it for it in found if "/bastionHosts/" in it["id"]]) == 1


@pytest.mark.parametrize("name", ["custom-vnet-everything", "managed-network-everything"])
def test_jump_host_and_agent_come_with_what_the_proof_needs(platform: Platform, name: str) -> None:
    machines = platform(name).all("Microsoft.Compute/virtualMachines")
    assert [it["name"].rpartition("-")[2] for it in machines] == ["jump", "agent"]
    for machine in machines:
        text = base64.b64decode(machine["properties"]["osProfile"]["customData"]).decode()
        assert text.startswith("#cloud-config\n")
        found = yaml.safe_load(text)
        assert any("az extension add --name ml" in it for it in found["runcmd"])
        assert "git" in found["packages"]


def test_the_agent_comes_with_an_identity(platform: Platform) -> None:
    machine = platform("custom-vnet-everything").one("Microsoft.Compute/virtualMachines", "-agent")
    assert next(iter(machine["identity"]["userAssignedIdentities"])).endswith("/id-ml-all-agent")


def test_the_vpn_takes_entra_tokens_alone(platform: Platform) -> None:
    for name in ("custom-vnet-everything", "managed-network-everything"):
        client = platform(name).properties("Microsoft.Network/virtualNetworkGateways")["vpnClientConfiguration"]
        assert (client["vpnAuthenticationTypes"], client["vpnClientProtocols"]) == (["AAD"], ["OpenVPN"])
        assert client["aadTenant"] == f"https://login.microsoftonline.com/{TENANT}/"
        assert client["aadIssuer"] == f"https://sts.windows.net/{TENANT}/"


def test_the_other_sites_secret_is_read_from_a_vault(platform: Platform) -> None:
    connection = platform("custom-vnet-everything").properties("Microsoft.Network/connections")
    assert re.search(r"kv-network.*site-to-site|getSecret", json.dumps(connection["sharedKey"]))
    [policy] = connection["ipsecPolicies"]
    assert {policy["ikeEncryption"], policy["dhGroup"]} == {"AES256", "ECP384"}


def test_api_management_ends_up_without_a_public_address(platform: Platform, option: With) -> None:
    for found in (option("managed-network", GATEWAY), platform("managed-network-everything")):
        first, last = found.all("Microsoft.ApiManagement/service")
        assert (first["properties"]["publicNetworkAccess"], last["properties"]["publicNetworkAccess"]) == (
            None,
            "Disabled",
        )
        assert {**first["properties"], "publicNetworkAccess": "Disabled"} == last["properties"]
        parts = [target_of(it)[1] for it in found.all("Microsoft.Network/privateEndpoints")]
        assert "Gateway" in parts


def test_its_endpoint_waits_for_nobody(option: With) -> None:
    """Else it could not be shut."""
    found = option("managed-network", FRONT_DOOR, "param endpointApproval = 'manual'")
    waiting = {
        it["name"]
        for it in found.all("Microsoft.Network/privateEndpoints")
        if it["properties"]["manualPrivateLinkServiceConnections"]
    }
    assert names(found, "Microsoft.Network/privateEndpoints") - waiting == {"pe-ml-dev-api-management"}


def test_callers_come_with_a_token_and_by_front_door_alone(platform: Platform, option: With) -> None:
    gateway, door = (
        found.properties("Microsoft.ApiManagement/service/apis/policies")["value"]
        for found in (option("managed-network", GATEWAY), platform("managed-network-everything"))
    )
    for text in (gateway, door):
        assert "validate-azure-ad-token" in text
        assert "api://scoring" in text
        assert TENANT in text
        assert "authentication-managed-identity" in text
    assert "X-Azure-FDID" in door
    assert "frontDoorId" in door
    assert "X-Azure-FDID" not in gateway


def test_firewalls_before_the_internet_prevent(platform: Platform, option: With) -> None:
    gateway = option("managed-network", GATEWAY)
    kind = "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies"
    assert gateway.properties(kind)["policySettings"]["mode"] == "Prevention"
    listeners = gateway.properties("Microsoft.Network/applicationGateways")["httpListeners"]
    assert {it["properties"]["protocol"] for it in listeners} == {"Https"}
    door = platform("managed-network-everything")
    settings = door.properties("Microsoft.Network/FrontDoorWebApplicationFirewallPolicies")["policySettings"]
    assert (settings["enabledState"], settings["mode"]) == ("Enabled", "Prevention")
    origin = door.properties("Microsoft.Cdn/profiles/originGroups/origins")
    assert origin["sharedPrivateLinkResource"]["groupId"] == "Gateway"
    assert door.properties("Microsoft.Cdn/profiles/afdEndpoints/routes")["supportedProtocols"] == ["Https"]


def test_an_application_gateway_needs_its_certificate(option: With) -> None:
    with pytest.raises(Failed, match="certificate"):
        option("managed-network", INGRESS.format("applicationGateway", ""))


def test_locks_hold_what_cannot_be_made_again(option: With) -> None:
    found = option(
        "custom-vnet", "param lockResources = true",
        "param customerManagedKey = { metadata: 'customer', keySize: 3072, rotateEvery: 'P90D' }",
    )  # fmt: skip
    locks = found.all("Microsoft.Authorization/locks")
    assert {it["properties"]["level"] for it in locks} == {"CanNotDelete"}
    held = sorted("/".join(str(it["scope"]).rpartition("/providers/")[2].split("/")[:2]) for it in locks)
    assert held == ["Microsoft.ContainerRegistry/registries", *["Microsoft.KeyVault/vaults"] * 2,
                    "Microsoft.Storage/storageAccounts"]  # fmt: skip
    assert names(found, "Microsoft.KeyVault/vaults/keys") == {"workspace"}
