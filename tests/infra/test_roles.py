"""Rights: what the app is assigned, and the ten roles, each action one that Azure knows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.infra.bicep import INFRA, SUBSCRIPTION, Bicep
from tests.infra.conftest import Deploy, Deployed, scope_of
from tests.local_azure.conftest import shared

FILES = sorted((INFRA / "roles").glob("*.json"))
ROLES: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text())["properties"] for file in FILES}
NAMES = {
    "data-registrar": "Data Registrar",
    "workspace-administrator": "Workspace Administrator",
    "data-scientist": "Data Scientist",
    "data-scientist-super-user": "Data Scientist Super User",
    "data-scientist-restricted": "Data Scientist Restricted",
    "labeler": "Labeler",
    "mlops": "MLOps",
    "mlflow-data-scientist": "MLflow Data Scientist",
    "endpoint-publisher": "Endpoint Publisher",
    "capacity-administrator": "Capacity Administrator",
}
RESOURCES = {  # Microsoft's permissions reference, Microsoft.Resources
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/deployments/read",
    "Microsoft.Resources/deployments/write",
    "Microsoft.Resources/deployments/validate/action",
    "Microsoft.Resources/deployments/operations/read",
    "Microsoft.Resources/deployments/operationstatuses/read",
}
ML = "Microsoft.MachineLearningServices/"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


def actions(role: str) -> set[str]:
    return {it.removeprefix(ML).removeprefix("workspaces/") for it in ROLES[role]["permissions"][0]["actions"]}


def who_may(action: str) -> set[str]:
    return {role for role in ROLES if action in actions(role)}


@pytest.fixture(scope="session")
def built_in() -> dict[str, str]:
    found: dict[str, str] = json.loads(shared("tools/infra-data/built-in-roles.json").read_text())
    return found


def test_there_are_ten() -> None:
    assert {key: role["roleName"] for key, role in ROLES.items()} == NAMES


@pytest.mark.parametrize("role", ROLES)
def test_every_action_is_one_that_azure_knows_and_none_is_a_wildcard(role: str) -> None:
    known = set(shared("tools/infra-data/ml-operations.txt").read_text().split("\n")) | RESOURCES
    [permission] = ROLES[role]["permissions"]
    assert set(permission) == {"actions", "notActions", "dataActions", "notDataActions"}
    assert not permission["notActions"] + permission["dataActions"] + permission["notDataActions"]
    assert set(permission["actions"]) - known == set()
    assert len(set(map(str.lower, permission["actions"]))) == len(permission["actions"])


def test_no_role_reads_a_key_or_a_secret_or_grants_anything() -> None:
    wide = re.compile(r"list.*keys|listsecrets|readSecrets|metadata/secrets|Microsoft\.Authorization", re.IGNORECASE)
    assert {(role, it) for role in ROLES for it in actions(role) if wide.search(it)} == set()


def test_who_may_do_what_makes_a_difference() -> None:
    administrator, capacity, super_user = (
        "workspace-administrator",
        "capacity-administrator",
        "data-scientist-super-user",
    )
    assert {it for it in who_may("write") if "workspaces" not in it} == {administrator}
    assert who_may("delete") == {administrator}
    assert who_may("connections/write") == {administrator}
    assert who_may("computes/write") == {administrator, capacity, super_user}
    assert who_may("locations/updateQuotas/action") == {capacity}
    assert who_may("datastores/write") == {"data-registrar", administrator, super_user}
    assert who_may("datastores/delete") == {"data-registrar", administrator}
    assert who_may("onlineEndpoints/write") == {"endpoint-publisher", "mlops", super_user}
    assert who_may("labeling/labels/approve_unapprove/action") == {super_user}
    assert who_may("data/versions/write") == {"data-registrar", "data-scientist", super_user, "mlops"}
    assert who_may("jobs/write") == {
        "data-scientist",
        "data-scientist-restricted",
        super_user,
        "mlops",
        "mlflow-data-scientist",
    }


def test_what_belongs_to_a_subscription_is_said_at_the_role() -> None:
    """Quota has the path /subscriptions/…/locations/…/updateQuotas: a resource group's assignment does not reach it."""
    changes = {role for role in ROLES for it in actions(role) if re.match(r"locations/.*(?<!read)$", it)}
    assert changes == {"capacity-administrator"}
    assert "assigned at a subscription" in ROLES["capacity-administrator"]["description"]


def test_no_role_is_enough_for_the_platform_as_the_guide_says() -> None:
    """It makes groups, networks, storage, vaults, roles; the administrator of workspaces makes only these."""
    granted = ROLES["workspace-administrator"]["permissions"][0]["actions"]
    written = {it.rpartition("/")[0] for it in granted if it.endswith("/write")}
    assert {it for it in written if not it.startswith(f"{ML}workspaces")} == {"Microsoft.Resources/deployments"}


def test_roles_that_build_on_each_other() -> None:
    assert actions("data-scientist-restricted") < actions("data-scientist") < actions("data-scientist-super-user")
    assert not {
        it
        for it in actions("data-scientist-restricted")
        if re.match("(models|data|environments|components)/.*write", it)
    }
    assert all(it.startswith(("read", "labeling/")) for it in actions("labeler"))
    assert not {it for it in actions("mlflow-data-scientist") if it.startswith(("computes", "datastores", "endpoints"))}


def test_the_registrar_touches_datastores_and_data_only_and_deletes_no_data() -> None:
    """A datastore is a reference, and pruning removes it; a version of data is archived, which is a write."""
    touched = {it for it in actions("data-registrar") if not it.endswith("read")}
    assert touched == {"datastores/write", "datastores/delete", "data/write", "data/versions/write"}
    assert {it.rpartition("/")[0] for it in actions("data-registrar")} == {"", "datastores", "data", "data/versions"}


def definitions(found: Deployed, environment: str) -> dict[str, dict[str, Any]]:
    """The roles that are deployed, by their titles, which stand before the environment and what tells it apart."""
    made = {}
    for it in found.all("Microsoft.Authorization/roleDefinitions"):
        named = re.fullmatch(rf"([\w ]+) \({environment} [0-9a-z]{{6}}\)", it["properties"]["roleName"])
        assert named, it["properties"]["roleName"]
        made[named[1]] = it
    return made


def test_two_subscriptions_of_a_tenant_may_have_an_environment_of_one_name(bicep: Bicep) -> None:
    """A role's name is unique in a tenant: RoleDefinitionWithSameNameExists."""
    here, there = (
        {
            it["properties"]["roleName"]
            for it in bicep.evaluate(INFRA / "parameters" / "minimal.bicepparam", subscription=subscription)
            if it["type"] == "Microsoft.Authorization/roleDefinitions"
        }
        for subscription in (SUBSCRIPTION, SUBSCRIPTION[:-1] + "c")
    )
    assert len(here) == len(there) == len(NAMES)
    assert not here & there


def test_the_roles_are_deployed_by_names_that_stay(deploy: Deploy, bicep: object) -> None:
    found = definitions(deploy("everything"), "everything")
    assert set(found) == set(NAMES.values())
    assert all(re.fullmatch(r"[0-9a-f-]{36}", it["name"]) for it in found.values())
    for role in ROLES.values():
        made = found[role["roleName"]]["properties"]
        assert made["permissions"] == role["permissions"]
        assert made["assignableScopes"] == [
            f"/subscriptions/{SUBSCRIPTION}",
            "/subscriptions/11111111-1111-4111-8111-111111111111",
            "/subscriptions/22222222-2222-4222-8222-222222222222",
            "/subscriptions/33333333-3333-4333-8333-333333333333",
        ]


def definition(found: Deployed, role: str) -> str:
    name = NAMES[role]
    [made] = [
        it
        for it in found.all("Microsoft.Authorization/roleDefinitions")
        if it["properties"]["roleName"].startswith(f"{name} (")
    ]
    return str(made["name"])


def test_every_role_that_is_assigned_is_one_of_azures_or_of_ours(deployed: Deployed, built_in: dict[str, str]) -> None:
    ours = {it["name"] for it in deployed.all("Microsoft.Authorization/roleDefinitions")}
    used = {it["properties"]["roleDefinitionId"].rpartition("/")[2] for it in deployed.all(ASSIGNMENTS)}
    assert used <= ours | set(built_in)


def test_roles_of_azures_go_by_their_own_names(built_in: dict[str, str]) -> None:
    text = "".join(file.read_text() for file in (INFRA / "modules").glob("*.bicep"))
    named = re.findall(r"^(?:  |var )(\w+)(?::| =) '([0-9a-f]{8}-[0-9a-f-]{27})'$", text, re.MULTILINE)
    assert len(named) >= 9
    for name, role in named:
        assert built_in[role].replace(" ", "").lower() == name.lower()


def test_people_get_their_roles_where_they_were_meant_to(deploy: Deploy) -> None:
    found = deploy("everything")
    group = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg"
    for number, role, scope in (
        (1, "data-scientist", group),
        (2, "endpoint-publisher", group),
        (3, "capacity-administrator", "/subscriptions/33333333-3333-4333-8333-333333333333"),
    ):
        who = f"aaaaaaaa-0000-4000-8000-00000000000{number}"
        [made] = [it for it in found.all(ASSIGNMENTS) if it["properties"]["principalId"] == who]
        assert scope_of(made) == scope
        assert made["properties"]["principalType"] == "Group"
        wanted = f"{scope.partition('/resourceGroups')[0]}/providers/Microsoft.Authorization/roleDefinitions/"
        assert made["properties"]["roleDefinitionId"] == wanted + definition(found, role)


def test_the_app_has_these_rights_and_no_other(deploy: Deploy, built_in: dict[str, str]) -> None:
    found = deploy("everything")
    rights = set()
    for it in found.all(ASSIGNMENTS):
        if "/id-registrar-" in it["properties"]["principalId"]:
            role = it["properties"]["roleDefinitionId"].rpartition("/")[2]
            scope = scope_of(it).rpartition("/providers/")[2].replace(f"/subscriptions/{SUBSCRIPTION}", "")
            own = "DATA REGISTRAR" if role == definition(found, "data-registrar") else None
            rights.add((own or built_in[role], re.sub(r"(st|kv-|appi-)[0-9a-z]{13}$", r"\1*", scope)))
    assert rights == {
        ("Storage Blob Data Owner", "Microsoft.Storage/storageAccounts/st*"),
        ("Storage Queue Data Contributor", "Microsoft.Storage/storageAccounts/st*"),
        ("Storage Table Data Contributor", "Microsoft.Storage/storageAccounts/st*"),
        ("Key Vault Secrets User", "Microsoft.KeyVault/vaults/kv-*"),
        ("Key Vault Secrets User", "Microsoft.KeyVault/vaults/kv-sales"),
        ("Monitoring Metrics Publisher", "Microsoft.Insights/components/appi-*"),
        (
            "Storage Blob Data Contributor",
            "Microsoft.Storage/storageAccounts/sourcedata/blobServices/default/containers/silver",
        ),
        ("DATA REGISTRAR", "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg"),
        ("DATA REGISTRAR", "/subscriptions/22222222-2222-4222-8222-222222222222"),
    }


def test_the_operator_may_fill_policy_and_vault_and_nothing_else(deploy: Deploy, built_in: dict[str, str]) -> None:
    who = "dddddddd-0000-4000-8000-000000000001"
    mine = [it for it in deploy("everything").all(ASSIGNMENTS) if it["properties"]["principalId"] == who]
    rights = {(built_in[it["properties"]["roleDefinitionId"].rpartition("/")[2]], scope_of(it)) for it in mine}
    assert {role for role, _ in rights} == {"Storage Blob Data Contributor", "Key Vault Secrets Officer"}
    assert {scope.rpartition("/")[2] for role, scope in rights if "Blob" in role} == {"registrar-policy"}
    assert len(deploy("minimal").all(ASSIGNMENTS)) == 6


def test_the_data_factory_has_no_right_in_azure_at_all(deployed: Deployed) -> None:
    assert not [it for it in deployed.all(ASSIGNMENTS) if "/id-data-factory-" in it["properties"]["principalId"]]
