"""What a registration asks for, put to the policy: refused whole, with every missing right by name."""

from __future__ import annotations

from typing import Any

import pytest

from registration.access.authorization import containers_of, require
from registration.access.caller import Caller
from registration.access.policy import Action, parse_policy
from registration.request.document import parse_registration
from registration.request.faults import MAX_FAULTS
from shared.assets import Observed, ObservedDatastore
from shared.errors import RequestError
from tests.request.test_registration import DATA, DATASTORE, VAULTS, WORKSPACE

TENANT = "11111111-1111-4111-8111-111111111111"
CALLER = Caller(TENANT, TENANT)


def faults_of(body: dict[str, Any], own_secrets: tuple[str, ...] = (), **rule: Any) -> list[tuple[str, str]]:
    given = {"workspaces": ["*/*/*"], "assets": ["*/*"], "sources": ["*"], "secrets": ["*"], **rule}
    text = f"rules: [{{callers: [{{tenant_id: {TENANT}, object_id: {TENANT}}}], actions: [register], "
    text += ", ".join(f"{part}: {list(values)!r}" for part, values in given.items()) + "}]"
    rights = parse_policy(text).of(CALLER, Action.REGISTER)
    registration = parse_registration(body, VAULTS, 50_000)
    try:
        require(registration, rights, VAULTS, own_secrets)
    except RequestError as refused:
        return [(fault.target or "", fault.message) for fault in refused.faults if refused.status == 403]
    return []


def signed(secret: str) -> dict[str, Any]:
    reference = {"key_vault_secret": secret}
    return {**DATASTORE, "credentials": {"tenant_id": TENANT, "client_id": TENANT, "client_secret": reference}}


BODY = {"workspaces": [WORKSPACE], "datastores": [DATASTORE], "data": [DATA]}


def test_what_a_rule_allows_whole_passes() -> None:
    assert faults_of(BODY) == []


@pytest.mark.parametrize(
    ("secret", "granted", "refused"),
    [
        ("sp-password", ["sp-password"], False),
        ("https://kv-one.vault.azure.net/secrets/sp-password", ["sp-password"], False),
        ("https://kv-two.vault.azure.net/secrets/sp-password", ["sp-password"], True),
        ("https://kv-two.vault.azure.net/secrets/sp-password", ["kv-two.vault.azure.net/sp-password"], False),
        ("sp-password", ["kv-two.vault.azure.net/*"], True),
        ("https://kv-two.vault.azure.net/secrets/sp-password", ["*"], True),
        ("sp-password", [], True),
    ],
)
def test_a_secret_is_granted_by_name_and_vault(secret: str, granted: list[str], refused: bool) -> None:
    found = faults_of({**BODY, "datastores": [signed(secret)]}, secrets=granted)
    assert [target for target, _ in found] == (["datastores[0]"] if refused else [])


@pytest.mark.parametrize("secret", ["own", "OWN", "https://kv-one.vault.azure.net/secrets/own"])
def test_the_services_own_credentials_are_granted_to_nobody(secret: str) -> None:
    [(target, message)] = faults_of({**BODY, "datastores": [signed(secret)]}, own_secrets=("own",))
    assert target == "datastores[0]"
    assert "own credentials" in message


def test_data_is_judged_by_where_its_datastore_leads() -> None:
    assert faults_of(BODY, sources=["sourcedata/silver/*"]) == []
    [(target, message)] = faults_of(BODY, sources=["sourcedata/silver/elsewhere/*"])
    assert (target, "sources" in message) == ("data[0]", True)
    through_another = {"workspaces": [WORKSPACE], "data": [DATA]}
    assert faults_of(through_another, sources=[]) == [], "only the workspace knows; asked there"


@pytest.mark.parametrize(
    ("endpoint", "leads"),
    [(None, True), ("core.windows.net", True), ("core.chinacloudapi.cn", False), ("evil.example", False)],
)
def test_a_datastore_of_the_workspace_with_a_foreign_endpoint_leads_to_nowhere_known(
    endpoint: str | None, leads: bool
) -> None:
    registration = parse_registration({"workspaces": [WORKSPACE], "data": [DATA]}, VAULTS, 9)
    found = ObservedDatastore(
        name="silver", type="azure_blob", fields={"endpoint": endpoint}, location="sourcedata/silver"
    )
    containers = containers_of(registration, Observed(datastores={"silver": found}), "core.windows.net")
    assert containers == ({"silver": "sourcedata/silver"} if leads else {})


def test_many_missing_rights_are_summed_up() -> None:
    workspaces = [{**WORKSPACE, "workspace_name": f"ml-ws-{number}"} for number in range(MAX_FAULTS + 5)]
    found = faults_of({"workspaces": workspaces, "data": [DATA]}, assets=[])
    assert len(found) == MAX_FAULTS + 1
    assert "and 5 more" in found[-1][1]
