"""The network that Azure ML keeps: isolation, rules one after another, who approves, what is not possible in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.bicep import Failed
from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import ELSEWHERE, PLATFORM, Platform, With, names, target_of
from tests.infra.platform.test_custom_vnet import PUBLIC, compute
from tests.infra.platform.test_scoring import SCORING

ML = "Microsoft.MachineLearningServices"
APPROVER = "b556d68e-0be0-4f35-a333-ad7ee1ce17ea"


def rules(found: Deployed) -> dict[str, Any]:
    return {it["name"].rpartition("/")[2]: it["properties"] for it in found.all(f"{ML}/workspaces/outboundRules")}


def approving(found: Deployed) -> set[str]:
    """Resource groups in which the workspace's identity approves."""
    return {
        it["id"].partition("/resourceGroups/")[2].partition("/")[0]
        for it in found.all("Microsoft.Authorization/roleAssignments")
        if it["properties"]["roleDefinitionId"].endswith(APPROVER)
    }


def test_it_is_made_with_the_workspace(platform: Platform) -> None:
    for name, mode in (
        ("managed-network", "AllowInternetOutbound"),
        ("managed-network-everything", "AllowOnlyApprovedOutbound"),
    ):
        found = platform(name).properties(f"{ML}/workspaces")
        assert found["managedNetwork"]["isolationMode"] == mode
        assert found["provisionNetworkNow"] is True
    assert platform("custom-vnet").properties(f"{ML}/workspaces")["provisionNetworkNow"] is False


def test_computes_are_in_no_subnet_of_ours(platform: Platform) -> None:
    for name in ("managed-network", "managed-network-everything"):
        for it in names(platform(name), f"{ML}/workspaces/computes"):
            found = compute(platform(name), it)
            assert (found["subnet"], found["enableNodePublicIp"]) == (None, False)
        network = platform(name).properties("Microsoft.Network/virtualNetworks")
        assert not {it["name"] for it in network["subnets"]} & {"training", "scoring"}


def test_rules_of_three_kinds(platform: Platform) -> None:
    found = rules(platform("managed-network-everything"))
    assert {it["type"] for it in found.values()} == {"PrivateEndpoint", "FQDN", "ServiceTag"}
    account = platform("managed-network-everything").one("Microsoft.CognitiveServices/accounts")["id"]
    assert found["allowOpenAi"]["destination"] == {
        "serviceResourceId": account,
        "subresourceTarget": "account",
        "sparkEnabled": True,
    }
    assert found["packages"]["destination"] == "pypi.org"
    assert found["data-factory"]["destination"] == {"serviceTag": "DataFactory", "protocol": "TCP", "portRanges": "443"}
    assert found["allow-sourcedata-dfs"]["destination"]["subresourceTarget"] == "dfs"


def test_they_are_made_one_after_another(platform: Platform) -> None:
    """The network takes one change at a time."""
    text = (PLATFORM / "modules" / "outbound-rules.bicep").read_text()
    assert "@batchSize(1)\nresource outbound " in text
    assert len(rules(platform("managed-network-everything"))) == 9
    assert rules(platform("managed-network")) == {}


def test_the_workspace_approves_wherever_its_rules_lead(platform: Platform) -> None:
    assert approving(platform("managed-network")) == {"rg-ml-dev"}
    assert approving(platform("managed-network-everything")) == {"rg-ml-all", "lake-rg", "search-rg"}
    assert approving(platform("custom-vnet-everything")) == set()


def test_inwards_there_is_a_network_of_ours(platform: Platform) -> None:
    found = platform("managed-network")
    reached = {target_of(it)[1] for it in found.all("Microsoft.Network/privateEndpoints")}
    assert reached == {"amlworkspace", "vault", "registry", "blob", "file", "dfs"}
    [subnet] = found.properties("Microsoft.Network/virtualNetworks")["subnets"]
    assert subnet["name"] == "endpoints"
    assert not found.all("Microsoft.Network/natGateways")


def test_open_ai_answers_inside_alone(platform: Platform) -> None:
    for name in ("managed-network-everything", "custom-vnet-everything"):
        account = platform(name).properties("Microsoft.CognitiveServices/accounts")
        assert (account["disableLocalAuth"], account["publicNetworkAccess"]) == (True, "Disabled")
        parts = [target_of(it) for it in platform(name).all("Microsoft.Network/privateEndpoints")]
        assert "account" in {part for _, part in parts}
    assert rules(platform("custom-vnet-everything")) == {}


def test_an_account_that_is_there(option: With) -> None:
    theirs = f"{ELSEWHERE}/Microsoft.CognitiveServices/accounts/gpt"
    found = option("managed-network", f"param openAi = {{ existingId: '{theirs}' }}")
    assert not found.all("Microsoft.CognitiveServices/accounts")
    assert rules(found)["allowOpenAi"]["destination"]["serviceResourceId"] == theirs
    assert approving(found) == {"rg-ml-dev", "theirs"}


TO_NAME = "{ type: 'FQDN', name: 'packages', destination: 'pypi.org' }"
TO_TAG = "{ type: 'ServiceTag', name: 'tag', serviceTag: 'DataFactory', protocol: 'TCP', portRanges: '443' }"
TO_ENDPOINT = (
    f"{{ type: 'PrivateEndpoint', name: 'e', serviceResourceId: '{ELSEWHERE}/Microsoft.Search/searchServices/s',"
    " subresourceTarget: 'searchService', sparkEnabled: false }"
)


def with_rule(mode: str, rule: str) -> str:
    return f"param managedNetwork = {{ isolationMode: '{mode}', firewallSku: 'Basic', rules: [{rule}] }}"


def test_where_all_may_be_called_only_private_endpoints_need_rules(option: With) -> None:
    """Azure ML refuses rules of the other kinds there."""
    assert set(rules(option("managed-network", with_rule("AllowInternetOutbound", TO_ENDPOINT)))) == {"e"}
    for rule in (TO_NAME, TO_TAG):
        with pytest.raises(Failed, match="AllowOnlyApprovedOutbound"):
            option("managed-network", with_rule("AllowInternetOutbound", rule))
        assert len(rules(option("managed-network", with_rule("AllowOnlyApprovedOutbound", rule)))) == 1


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (PUBLIC, "no address of their own"),
        ((SCORING.format("true"),), "networkMode customVnet"),
    ],
)
def test_what_a_managed_network_cannot_do_is_refused(option: With, parameters: tuple[str, ...], said: str) -> None:
    with pytest.raises(Failed, match=said):
        option("managed-network", *parameters)
