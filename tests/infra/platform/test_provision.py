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


def rule(name: str, resource: object, part: str) -> dict[str, object]:
    """As the ml extension lists it."""
    destination = {"service_resource_id": resource, "subresource_target": part, "spark_enabled": True}
    return {"name": name, "type": "private_endpoint", "status": "Active", "destination": destination}


def from_(endpoint: str, status: str) -> dict[str, object]:
    """A connection as the resource lists it. The endpoints of managed networks are in subscriptions of Microsoft's."""
    where = "/subscriptions/theirs/resourceGroups/theirs/providers/Microsoft.Network/privateEndpoints"
    return {"properties": connection(status) | {"privateEndpoint": {"id": f"{where}/{endpoint}"}}}


@pytest.fixture
def tenant(azure: Azure, outputs: Given) -> Callable[[str], Azure]:
    def of(mode: str) -> Azure:
        told = outputs(mode)
        approvals = told["approvals"]
        assert isinstance(approvals, dict)
        storage = next(iter(approvals["value"]), "")
        rules = [
            rule("__SYS_PE_st_blob_0123abcd", storage, "blob"),
            rule("__SYS_PE_st_file_0123abcd", str(storage).upper(), "file"),
            {"name": "packages", "type": "fqdn", "status": "Active", "destination": "pypi.org"},
        ]
        azure.answers(
            ("^deployment sub show --name ml ", told),
            ("^ml workspace provision-network ", {}),
            ("^ml workspace outbound-rule list ", rules),
            ("^network private-endpoint-connection list ",
             [from_("__SYS_PE_st_blob_0123abcd", "Approved"), from_("__sys_pe_st_file_0123abcd", "Approved"),
              from_("pe-of-somebody", "Pending")]),
            ("^network private-endpoint show ", ours("Approved")),
        )  # fmt: skip
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


def test_each_resource_is_asked_once_by_the_templates_spelling(tenant: Callable[[str], Azure], outputs: Given) -> None:
    """The CLI knows types by their letters' case."""
    azure = tenant("managed-network")
    assert main("ml") is None
    approvals = outputs("managed-network")["approvals"]
    assert isinstance(approvals, dict)
    [asked] = [it for it in azure.asked() if "private-endpoint-connection" in it]
    assert f"--id {approvals['value'][0]} " in asked


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("^ml workspace outbound-rule", [{"name": "search", "status": "Failed"}]), "outbound rule search is Failed"),
        (("^ml workspace outbound-rule", []), "no outbound rule leads to it"),
        (
            ("^network private-endpoint-connection", []),
            "nothing comes from outbound rule __SYS_PE_st_blob_0123abcd, only from nowhere",
        ),
        (
            ("^network private-endpoint-connection", [from_("pe-ml-dev-storage-blob", "Approved")]),
            "nothing comes from outbound rule __SYS_PE_st_file_0123abcd, only from pe-ml-dev-storage-blob Approved",
        ),
        (
            (
                "^network private-endpoint-connection",
                [from_("__SYS_PE_st_blob_0123abcd", "Pending"), from_("__SYS_PE_st_file_0123abcd", "Approved")],
            ),
            "outbound rule __SYS_PE_st_blob_0123abcd's connection is Pending",
        ),
        (("^network private-endpoint show .*-vault ", ours("Pending")), "private endpoint pe-ml-dev-vault is Pending"),
        (("^ml workspace provision-network", {"refused": "ERROR: (Conflict) busy\n"}), "ERROR: (Conflict) busy"),
    ],
)
def test_what_is_not_well_is_said(tenant: Callable[[str], Azure], answer: tuple[str, object], said: str) -> None:
    tenant("managed-network").answers(answer)
    assert said in (main("ml") or "")
