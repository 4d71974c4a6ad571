"""The main road: one request, many workspaces, the same data in the same version, and a pipeline that knows."""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from tests.road.journey import (
    SECRETS,
    Journey,
    calls,
    changes,
    data,
    datastore,
    fault,
    original,
    outcomes,
    registration,
    verdicts,
    versions,
)
from tests.support import LocalStack


@pytest.mark.parametrize("path", ["/send_data", "/api/send_data", "/api/registrations"])
def test_the_original_body_makes_every_workspace_hold_the_same_version(
    stack: LocalStack, factory: Journey, path: str
) -> None:
    keys = [stack.new_workspace() for _ in range(3)]
    accepted = factory.accepted(original(keys, "accounting", "sales"), path)
    result = factory.follow(accepted)
    assert result.status_code == 200, result.text
    seen = set()
    for key in keys:
        store = datastore(stack, key)
        assert store["credentials"]["credentialsType"] == "ServicePrincipal"
        assert store["credentials"]["clientId"] == stack.config["vault"]["sp-id"]
        assert "secrets" not in store["credentials"]
        for name in ("accounting", "sales"):
            [(version, held)] = versions(stack, key, name).items()
            assert held["dataUri"] == f"azureml://datastores/silver/paths/{name}/{name}.csv"
            assert held["dataType"] == "uri_file"
            assert re.fullmatch(r"Registered at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\.", held["description"])
            seen.add(version)
    [version] = seen
    assert datetime.strptime(version, "%Y%m%dT%H%M%S%fZ")  # noqa: DTZ007 - the form is the point
    assert re.match("send-data-[0-9a-f]{16}$", result.json()["registration"]["name"])


def test_a_202_says_where_to_look_by_the_public_address_whatever_the_host_header(
    stack: LocalStack, factory: Journey
) -> None:
    body = registration([stack.new_workspace()], data("accounting"))
    accepted = factory.http.post("/api/registrations", json=body, headers={"Host": "evil.example"})
    assert accepted.status_code == 202
    operation = accepted.headers["operation-location"]
    assert operation == f"{stack.front}/api/operations/{accepted.json()['id']}"
    assert accepted.headers["location"] == f"{operation}/result"
    assert int(accepted.headers["retry-after"]) > 0
    assert factory.follow(accepted).json()["id"] == accepted.json()["id"]
    status = factory.http.get(operation)
    assert (status.status_code, status.json()["status"]) == (200, "Succeeded")
    assert status.json()["counts"] == {"total": 1, "finished": 1, "succeeded": 1}


def test_every_call_to_azure_and_every_log_line_carry_the_operations_id(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    result = factory.done(registration([key], data("accounting")))
    made = calls(stack, key)
    assert {call["method"] for call in made} == {"GET", "PUT"}
    assert {call["client_request_id"] for call in made} == {result["id"]}
    lines = [line for line in stack.logs().splitlines() if key in line]
    assert len(lines) >= 3
    assert all(f"operation={result['id']}" in line for line in lines)


def test_yaml_is_taken_too(stack: LocalStack, factory: Journey) -> None:
    subscription, group, name = (key := stack.new_workspace()).split("/")
    text = f"""
name: sales-silver-{name}
workspaces:
  - {{subscription_id: {subscription}, resource_group: {group}, workspace_name: {name}}}
datastores:
  - {{name: silver, type: azure_data_lake_gen2, account_name: sourcedata, filesystem: silver}}
data:
  - {{name: sales, type: uri_folder, path: azureml://datastores/silver/paths/sales/, version: 7}}
"""
    accepted = factory.http.post("/api/registrations", content=text, headers={"Content-Type": "application/yaml"})
    assert factory.follow(accepted).status_code == 200
    assert datastore(stack, key)["credentials"] == {"credentialsType": "None"}
    assert versions(stack, key, "sales")["7"]["dataType"] == "uri_folder"


def test_sent_again_it_changes_nothing_that_is_right(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    body = registration([key], data("accounting"), data("sales", version="1"))
    body["datastores"] = [{**body["datastores"][0], "credentials": SECRETS}]
    first = factory.done(body)
    assert verdicts(first, key) == dict.fromkeys(["datastores/silver", "data/accounting", "data/sales"], "created")
    wrote = len(calls(stack, key, "PUT"))
    again = factory.done(body)
    assert outcomes(again) == {key: "unchanged"}
    assert set(verdicts(again, key).values()) == {"unchanged"}
    assert len(calls(stack, key, "PUT")) == wrote
    assert again["registration"] == {"name": first["registration"]["name"], "generation": 2}


def test_a_version_left_out_is_kept_until_the_path_changes(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales")))
    factory.done(registration([key], data("sales")))
    assert len(versions(stack, key, "sales")) == 1
    moved = factory.done(registration([key], data("sales", "moved/sales")))
    assert changes(moved, key)["data/sales"]["action"] == "new_version"
    assert len(versions(stack, key, "sales")) == 2
    factory.done(registration([key], data("sales", "moved/sales", version="new")))
    assert len(versions(stack, key, "sales")) == 3


def test_a_datastore_is_updated_in_place_only_where_a_field_differs(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    body = registration([key], data("sales", version="1"))
    factory.done(body)
    held = datastore(stack, key)
    stack.arm("PUT", f"{key}/datastores/silver", {"properties": {**held, "filesystem": "other", "description": "mine"}})
    result = factory.done(body)
    change = changes(result, key)["datastores/silver"]
    assert (change["outcome"], change["action"]) == ("updated", "update")
    assert change["reasons"] == [
        {"field": "filesystem", "reason": "changed in workspace", "found": "other", "wanted": "silver"}
    ]
    assert datastore(stack, key)["filesystem"] == "silver"
    assert datastore(stack, key)["description"] == "mine", "what the registration does not manage stays"
    assert verdicts(result, key)["data/sales"] == "unchanged"


def test_the_same_version_with_another_path_is_a_conflict_and_stays(stack: LocalStack, factory: Journey) -> None:
    key, name = stack.new_workspace(), f"Sales-{uuid.uuid4().hex}"
    factory.done(registration([key], data("sales", version="1"), name=name))
    changed = registration([key], data("sales", "elsewhere", version="1"), data("hr", version="1"), name=name)
    result = factory.done(changed, 424)
    assert outcomes(result) == {key: "conflict"}
    assert verdicts(result, key) == {"data/sales": "conflict", "datastores/silver": "unchanged", "data/hr": "created"}
    assert changes(result, key)["data/sales"]["reasons"][0]["reason"] == "immutable"
    assert versions(stack, key, "sales")["1"]["dataUri"].endswith("paths/sales.csv")


def test_a_version_made_by_another_between_look_and_write_is_a_conflict(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    message = "A data version with this name and version already exists."
    body = {"error": {"code": "UserError", "message": message}}
    with fault(stack, key, match="/data/sales/versions", method="PUT", status=409, body=body, count=1):
        result = factory.done(registration([key], data("sales", version="1")), 424)
    assert changes(result, key)["data/sales"]["outcome"] == "conflict"
    assert changes(result, key)["data/sales"]["error"]["message"] == message


def test_one_workspaces_failure_stops_no_other_and_is_told_in_azures_own_words(
    stack: LocalStack, factory: Journey
) -> None:
    good, legacy = stack.new_workspace(), stack.new_workspace(v1LegacyMode=True)
    unknown, forbidden = good.replace("/ws-", "/no-"), stack.new_workspace()
    app = stack.description["identities"]["app"]["object_id"]
    denied = f"The client '{app}' does not have authorization to perform action 'read'."
    body = {"error": {"code": "AuthorizationFailed", "message": denied}}
    with fault(stack, forbidden, status=403, body=body):
        result = factory.done(registration([good, unknown, forbidden, legacy], data("sales")), 424)
    assert outcomes(result) == {good: "succeeded", unknown: "failed", forbidden: "failed", legacy: "failed"}
    assert [item["outcome"] for item in result["workspaces"]] == ["failed"] * 3 + ["succeeded"], "failures first"
    errors = {item["workspace"]: item["error"] for item in result["workspaces"] if "error" in item}
    assert errors[unknown]["code"] == "ResourceNotFound"
    assert "was not found" in errors[unknown]["message"]
    assert errors[forbidden] == {"code": "AuthorizationFailed", "message": denied}
    assert errors[legacy]["code"] == "WorkspaceInLegacyMode"
    assert result["error"]["code"] == "OperationFailed"
    assert "3 of 4 workspaces failed" in result["error"]["message"]
    assert {detail["target"] for detail in result["error"]["details"]} == {unknown, forbidden, legacy}


def test_one_assets_failure_stops_no_other(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    body = {"error": {"code": "UserError", "message": "Azure does not like this one."}}
    with fault(stack, key, match="/data/bad/versions", method="PUT", status=400, body=body):
        result = factory.done(registration([key], data("bad"), data("good")), 424)
    assert verdicts(result, key) == {"data/bad": "failed", "datastores/silver": "created", "data/good": "created"}
    assert changes(result, key)["data/bad"]["error"]["message"] == "Azure does not like this one."


def test_data_waits_for_its_datastore_and_is_not_tried_without(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    refusal = {"error": {"code": "UserError", "message": "No."}}
    with fault(stack, key, match="/datastores/silver", method="PUT", status=400, body=refusal):
        outside = {**data("lake"), "path": "abfss://silver@sourcedata.dfs.core.windows.net/lake.csv"}
        result = factory.done(registration([key], data("sales"), outside), 424)
    assert verdicts(result, key) == {"datastores/silver": "failed", "data/sales": "failed", "data/lake": "created"}
    assert changes(result, key)["data/sales"]["error"]["code"] == "DatastoreFailed"
    written = [call["path"] for call in calls(stack, key, "PUT")]
    assert not any("/data/sales/" in path for path in written)


def test_datastores_are_written_before_data(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], *[data(f"d{number}") for number in range(8)]))
    written = [call["path"] for call in calls(stack, key, "PUT")]
    assert "/datastores/" in written[0]
    assert len(written) == 9


def test_a_datastore_that_the_sdk_does_not_know_is_left_alone(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    strange = {"properties": {"datastoreType": "QuantumLake", "credentials": {"credentialsType": "None"}}}
    subscription, group, name = key.split("/")
    path = f"subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces"
    stack.emulator("PUT", f"resources/{path}/{name}/datastores/strange", strange)
    assert outcomes(factory.done(registration([key], data("sales")))) == {key: "succeeded"}


def test_data_may_point_through_a_datastore_that_the_workspace_has(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales")))
    body = registration([key], data("more", version="1"), datastores=[])
    assert outcomes(factory.done(body)) == {key: "succeeded"}
    absent = {**data("lost"), "path": "azureml://datastores/gold/paths/x.csv"}
    result = factory.done(registration([key], absent, datastores=[]), 424)
    assert changes(result, key)["data/lost"]["error"]["code"] == "DatastoreNotFound"


def test_many_requests_at_once_for_one_workspace_all_come_to_their_end(stack: LocalStack) -> None:
    """Two workers on one workspace: the lease lets one in, the other comes back."""
    key = stack.new_workspace()

    def send(number: int) -> int:
        factory = Journey(stack)
        return factory.follow(factory.accepted(registration([key], data(f"d{number}", version="1")))).status_code

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(send, range(6))) == [200] * 6
    assert all(list(versions(stack, key, f"d{number}")) == ["1"] for number in range(6))


def test_a_rotated_secret_is_written_again(stack: LocalStack, factory: Journey) -> None:
    key = stack.new_workspace()
    body = registration([key])
    body["datastores"] = [{**body["datastores"][0], "credentials": SECRETS}]
    factory.done(body)
    stack.vault_secret("sp-password", stack.config["vault"]["sp-password"])
    stack.restart_host()  # secrets are kept for a minute
    result = factory.done(body)
    assert changes(result, key)["datastores/silver"]["reasons"] == [
        {"field": "client_secret", "reason": "secret rotated"}
    ]
