"""The hook: provisions the managed network, and believes no endpoint that both ends have not agreed on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.platform.provision import main
from tests.infra.platform.conftest import Azure

Given = Callable[[str], dict[str, object]]


def connection(status: str) -> dict[str, object]:
    return {"privateLinkServiceConnectionState": {"status": status}}


def ours(status: str) -> dict[str, object]:
    return {"privateLinkServiceConnections": [connection(status)], "manualPrivateLinkServiceConnections": []}


@pytest.fixture
def tenant(azure: Azure, outputs: Given) -> Callable[[str], Azure]:
    def of(mode: str) -> Azure:
        azure.answers(
            ("^deployment sub show --name ml ", outputs(mode)),
            ("^ml workspace provision-network ", {}),
            ("^ml workspace outbound-rule list ", [{"name": "allowOpenAi", "status": "Active"}]),
            ("^network private-endpoint-connection list ", [{"properties": connection("Approved")}]),
            ("^network private-endpoint show ", ours("Approved")),
        )
        return azure

    return of


def test_the_network_is_provisioned_and_all_is_well(tenant: Callable[[str], Azure]) -> None:
    azure = tenant("managed-network")
    assert main("ml") is None
    [told] = [it for it in azure.asked() if "provision-network" in it]
    assert told.startswith(
        "ml workspace provision-network --name mlw-ml-dev --resource-group rg-ml-dev --include-spark"
    )


def test_a_network_of_ones_own_is_only_looked_at(tenant: Callable[[str], Azure]) -> None:
    azure = tenant("custom-vnet")
    assert main("ml") is None
    assert not [it for it in azure.asked() if it.startswith("ml ")]
    assert len([it for it in azure.asked() if it.startswith("network private-endpoint show")]) == 6


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("^ml workspace outbound-rule", [{"name": "search", "status": "Failed"}]), "outbound rule search is Failed"),
        (("^network private-endpoint-connection", []), "its private endpoint connections are none"),
        (
            (
                "^network private-endpoint-connection",
                [{"properties": connection("Approved")}, {"properties": connection("Pending")}],
            ),
            "its private endpoint connections are Approved, Pending",
        ),
        (("^network private-endpoint show .*-vault ", ours("Pending")), "private endpoint pe-ml-dev-vault is Pending"),
        (("^ml workspace provision-network", {"refused": "ERROR: (Conflict) busy\n"}), "ERROR: (Conflict) busy"),
    ],
)
def test_what_is_not_well_is_said(tenant: Callable[[str], Azure], answer: tuple[str, object], said: str) -> None:
    tenant("managed-network").answers(answer)
    assert said in (main("ml") or "")
