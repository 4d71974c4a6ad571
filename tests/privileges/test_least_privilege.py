"""The role Data Registrar is enough, and none of it is too much: on one stack, its actions switched while it runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.azurite import ROOT
from tests.privileges.scenarios import SCENARIOS, rights
from tests.road.journey import Journey, data, registration
from tests.support import LocalStack

ROLE = json.loads((ROOT / "infra" / "roles" / "data-registrar.json").read_text())
ACTIONS: list[str] = ROLE["properties"]["permissions"][0]["actions"]


@pytest.mark.least_privilege
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_role_is_enough(stack: LocalStack, factory: Journey, name: str) -> None:
    with rights(stack, ACTIONS):
        done = SCENARIOS[name](stack, factory)()
    assert done["status"] == "Succeeded", done


@pytest.mark.least_privilege
@pytest.mark.parametrize("action", ACTIONS)
def test_without_any_one_action_something_fails(stack: LocalStack, factory: Journey, action: str) -> None:
    """And says which right is missing."""
    acts = [scenario(stack, factory) for scenario in SCENARIOS.values()]
    with rights(stack, [it for it in ACTIONS if it != action]):
        failed = [done for act in acts if (done := act())["status"] != "Succeeded"]
    assert failed, f"{action} is of no use: take it out of the role"
    assert all(f"'{action}'" in json.dumps(done) for done in failed)


def test_the_running_stack_gives_the_app_just_this_role(stack: LocalStack) -> None:
    app = stack.description["identities"]["app"]["object_id"]
    assert stack.config["assignments"][app] == ACTIONS


CREDENTIALS = {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "bm90LWEtcmVhbC1rZXk="}}
BLOB = {"datastoreType": "AzureBlob", "accountName": "sourcedata", "containerName": "c", "credentials": CREDENTIALS}
COMPUTE = {
    "location": "westeurope",
    "properties": {"computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_D3_V2"}},
}


@pytest.mark.parametrize(
    ("method", "path", "body", "action"),
    [
        ("POST", "/datastores/keyed/listSecrets", {}, "datastores/listSecrets/action"),
        ("POST", "/listKeys", {}, "listKeys/action"),
        ("POST", "/listStorageAccountKeys", {}, "listStorageAccountKeys/action"),
        ("POST", "/computes/c/listKeys", {}, "computes/listKeys/action"),
        ("POST", "/connections/c/listSecrets", {}, "connections/listSecrets/action"),
        ("POST", "/onlineEndpoints/e/listKeys", {}, "onlineEndpoints/listKeys/action"),
        ("PUT", "/computes/c", COMPUTE, "computes/write"),
        ("DELETE", "/computes/c", None, "computes/delete"),
        ("PUT", "", {"location": "westeurope", "properties": {"description": "mine"}}, "write"),
        ("PATCH", "", {"tags": {"mine": "yes"}}, "write"),
        ("DELETE", "", None, "delete"),
        ("DELETE", "/data/accounting/versions/1", None, "data/versions/delete"),
        ("DELETE", "/data/accounting", None, "data/delete"),
    ],
)
def test_what_the_app_must_not(
    stack: LocalStack, factory: Journey, method: str, path: str, body: Any, action: str
) -> None:
    key = stack.new_workspace()
    assert stack.arm("PUT", f"{key}/datastores/keyed", {"properties": BLOB}).is_success
    factory.done(registration([key], data("accounting", version="1")))
    answer = stack.arm(method, key + path, body, identity="app")
    assert answer.status_code == 403, answer.text
    assert f"'Microsoft.MachineLearningServices/workspaces/{action}'" in answer.json()["error"]["message"]
    assert stack.arm(method, key + path, body).status_code != 403
