"""Every sync option, through the stack; each with what it leaves alone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.desired.nights import actions, by_hand, night, of, planned, reasons
from tests.road.journey import DATASTORE, SECRETS, Journey, data, datastore, registration, versions
from tests.support import LocalStack, eventually

pytestmark = pytest.mark.usefixtures("alone")


def test_what_is_ignored_is_written_once_and_left(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    asset = data("sales", version="1", tags={"team": "sales"}, description="ours")
    factory.done(registration([key], asset, name=name, sync={"ignore": ["tags", "archived"]}))
    assert versions(stack, key, "sales")["1"]["tags"] == {"team": "sales"}
    by_hand(stack, key, "data/sales/versions/1", tags={"team": "hr"}, isArchived=True)
    assert actions(planned(stack, query="&deep=true"), key) == {}
    by_hand(stack, key, "data/sales/versions/1", description="theirs")
    assert actions(night(stack), key) == {"data/sales/1": "update"}
    held = versions(stack, key, "sales")["1"]
    assert (held["description"], held["tags"], held["isArchived"]) == ("ours", {"team": "hr"}, True)


def test_older_versions_are_archived_beyond_those_to_keep(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    for path in ("a", "b", "c", "d"):
        body = registration([key], data("sales", path), name=name, sync={"keep_versions": 2})
        result = factory.done(body)
    held = versions(stack, key, "sales")
    archived = {properties["dataUri"][-5]: properties["isArchived"] for properties in held.values()}
    assert archived == {"a": True, "b": True, "c": False, "d": False}
    [change] = [change for change in of(result, key).values() if change["action"] == "archive"]
    assert reasons(change) == [("version", "older than the versions to keep")]
    assert actions(night(stack), key) == {}


def test_what_is_suspended_is_left_as_it_is(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    result = factory.done(registration([key], data("sales", version="1"), name=name, sync={"suspend": True}))
    assert result["workspaces"][0]["outcome"] == "suspended"
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    result = night(stack)
    assert {change["outcome"] for change in of(result, key).values()} == {"suspended"}
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 404
    factory.done(registration([key], data("sales", version="1"), name=name))
    assert datastore(stack, key)["filesystem"] == "silver"


def test_nothing_that_another_registration_wants_is_pruned(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    sync = {"prune": "archive", "allow_empty": True}
    factory.done(registration([key], data("sales", version="1"), data("hr", version="1"), name=name, sync=sync))
    factory.done(registration([key], data("sales", version="1"), name=f"{name}-too"))
    answer = factory.http.delete(f"/api/registrations/{name}")
    assert actions(factory.follow(answer).json(), key) == {"data/hr/1": "archive"}
    assert versions(stack, key, "sales")["1"]["isArchived"] is False
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 200


def test_what_somebody_else_made_is_adopted_and_never_pruned(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    path = "azureml://datastores/silver/paths/sales.csv"
    body = {"properties": {"dataType": "uri_file", "dataUri": path}}
    assert stack.arm("PUT", f"{key}/data/sales/versions/1", body).status_code == 201
    sync = {"prune": "archive", "allow_empty": True}
    result = factory.done(registration([key], data("sales", version="1"), name=name, sync=sync))
    assert actions(result, key) == {"datastores/silver": "create", "data/sales/1": "adopt"}
    answer = factory.http.delete(f"/api/registrations/{name}")
    assert actions(factory.follow(answer).json(), key) == {"datastores/silver": "delete"}
    assert versions(stack, key, "sales")["1"]["isArchived"] is False


def test_a_target_that_is_dropped_is_pruned_too(stack: LocalStack, factory: Journey, name: str) -> None:
    first, second = stack.new_workspace(), stack.new_workspace()
    sync = {"prune": "archive", "allow_empty": True}
    factory.done(registration([first, second], data("sales", version="1"), name=name, sync=sync))
    result = factory.done(registration([first], data("sales", version="1"), name=name, sync=sync))
    assert actions(result, second) == {"datastores/silver": "delete", "data/sales/1": "archive"}
    assert actions(result, first) == {}


def test_a_workspace_that_loses_its_tag_is_guarded_or_pruned(stack: LocalStack, factory: Journey, name: str) -> None:
    team = uuid.uuid4().hex
    key = stack.new_workspace(tags={"team": team})
    selector = {"selector": {"subscription_id": key.split("/")[0], "tags": {"team": team}}}

    def body(**sync: Any) -> dict[str, Any]:
        return {**registration([], data("sales", version="1"), name=name, sync=sync), "workspaces": [selector]}

    factory.done(body(prune="archive"))
    assert stack.arm("PATCH", key, {"tags": {}}).is_success
    assert {change["outcome"] for change in of(night(stack), key).values()} == {"kept"}
    factory.done(body(prune="archive", allow_empty=True))
    assert versions(stack, key, "sales")["1"]["isArchived"] is True


def test_a_workspace_made_anew_under_its_name_is_not_pruned(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    sync = {"prune": "archive", "allow_empty": True}
    factory.done(registration([key], data("sales", version="1"), data("hr", version="1"), name=name, sync=sync))
    assert stack.arm("DELETE", key).is_success
    stack.new_workspace(key.rsplit("/", 1)[1])
    body = {"properties": {"dataType": "uri_file", "dataUri": "azureml://datastores/silver/paths/hr.csv"}}
    assert stack.arm("PUT", f"{key}/data/hr/versions/1", body).status_code == 201
    result = factory.done(registration([key], data("sales", version="1"), name=name, sync=sync))
    assert actions(result, key) == {"datastores/silver": "create", "data/sales/1": "create"}
    assert versions(stack, key, "hr")["1"]["isArchived"] is False


def test_a_secret_that_was_rotated_is_written_again(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    body = registration([key], data("sales", version="1"), name=name)
    body["datastores"] = [{**DATASTORE, "credentials": SECRETS}]
    factory.done(body)
    stack.vault_secret("sp-password", stack.config["vault"]["sp-password"])
    stack.restart_host()  # a secret is kept in memory for a minute
    result = night(stack)
    assert actions(result, key) == {"datastores/silver": "update"}
    assert reasons(of(result, key)["datastores/silver"]) == [("client_secret", "secret rotated")]
    assert stack.config["vault"]["sp-password"] not in str(result)
    assert actions(night(stack), key) == {}


def test_where_credentials_would_go_is_watched_though_nobody_said_it(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    body = registration([key], name=name)
    body["datastores"] = [{**DATASTORE, "credentials": SECRETS}]
    del body["data"]
    factory.done(body)
    held = stack.arm("GET", f"{key}/datastores/silver").json()["properties"]
    evil = {"authorityUrl": "https://evil.example.com", "secrets": {"secretsType": "ServicePrincipal"}}
    moved = {"endpoint": "evil.example.com", "credentials": {**held["credentials"], **evil}}
    assert stack.arm("PUT", f"{key}/datastores/silver", {"properties": {**held, **moved}}).status_code == 200
    change = of(planned(stack), key)["datastores/silver"]
    assert sorted(reasons(change)) == [("authority_url", "changed in workspace"), ("endpoint", "changed in workspace")]
    night(stack)
    healed = stack.arm("GET", f"{key}/datastores/silver").json()["properties"]
    assert healed == held


def test_a_workspace_that_nobody_wants_any_more_is_not_failed_for_ever(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    gone = f"{stack.new_workspace().rsplit('/', 1)[0]}/ws-{uuid.uuid4().hex[:12]}"
    factory.done(registration([gone], data("sales", version="1"), name=name), 424)
    assert factory.http.get(f"/api/workspaces/{gone}").json()["status"] == "failed"
    assert factory.http.delete(f"/api/registrations/{name}").status_code == 204
    night(stack)
    eventually(lambda: factory.http.get(f"/api/workspaces/{gone}").status_code == 404, seconds=45)


def test_one_404_loses_nothing_that_is_known(stack: LocalStack, factory: Journey, name: str) -> None:
    team = uuid.uuid4().hex
    key = stack.new_workspace(tags={"team": team})
    selector = {"selector": {"subscription_id": key[:36], "tags": {"team": team}}}
    body = {**registration([], data("sales", version="1"), name=name), "workspaces": [selector]}
    factory.done(body)
    match = f"/workspaces/{key.rsplit('/', 1)[1]}"
    gone = {"match": match, "method": "GET", "status": 404, "count": 1}
    stack.emulator("POST", "faults", {**gone, "body": {"error": {"code": "ResourceNotFound", "message": "Not found."}}})
    assert night(stack)["status"] == "Failed"
    known = factory.http.get(f"/api/workspaces/{key}").json()
    assert {asset["applied"]["created"] for asset in known["assets"]} == {True}
    assert night(stack)["status"] == "Succeeded"
