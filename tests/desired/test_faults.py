"""What goes wrong in a night: named where it is, and nothing else is the worse for it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from registration.records.inventory import workspace_blob
from tests.desired.nights import actions, by_hand, night, of, operations
from tests.desired.rules import of as rules_of
from tests.desired.rules import policy, rule
from tests.road.journey import (
    Journey,
    blobs,
    calls,
    data,
    datastore,
    fault,
    outcomes,
    registration,
    target,
    versions,
)
from tests.support import LocalStack, arm_id, eventually

pytestmark = pytest.mark.usefixtures("alone")

PRUNES = {"prune": "archive", "allow_empty": True}


def errors(result: dict[str, Any]) -> dict[str, str]:
    """Place -> the code of its failure as a whole."""
    return {it["workspace"]: it["error"]["code"] for it in result["workspaces"] if "error" in it}


@pytest.mark.parametrize(
    ("query", "body", "target"),
    [
        ("?deeep=true", {}, "deeep"),
        ("?dryRun=maybe", {}, "dryRun"),
        ("", {"workspace": []}, "workspace"),
        ("", {"registrations": []}, "registrations"),
        ("", {"registrations": "all"}, "registrations"),
        ("", {"workspaces": []}, "workspaces"),
        ("", {"workspaces": [{"selector": {"subscription_id": "x"}}]}, "workspaces[0].selector.subscription_id"),
        ("", [], None),
    ],
)
def test_what_is_unknown_is_refused(
    stack: LocalStack, factory: Journey, query: str, body: Any, target: str | None
) -> None:
    before = len(operations(factory))
    answer = factory.http.post(f"/api/reconcile{query}", json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400, answer.text
    assert target in {error.get("target"), *(it.get("target") for it in error.get("details", []))}
    assert len(operations(factory)) == before


@pytest.mark.parametrize(
    "sync", [{"prun": "keep"}, {"drift": "never"}, {"keep_versions": 0}, {"ignore": ["path"]}, {"allow_empty": True}]
)
def test_an_option_that_is_none_is_refused(
    stack: LocalStack, factory: Journey, name: str, sync: dict[str, Any]
) -> None:
    for path in ("/api/registrations", "/api/plan"):
        answer = factory.send(registration([stack.new_workspace()], data("sales"), name=name, sync=sync), path)
        assert (answer.status_code, answer.json()["error"]["details"][0]["target"][:5]) == (400, "sync."), answer.text


def test_a_selector_that_contradicts_itself_is_refused(factory: Journey, stack: LocalStack, name: str) -> None:
    selector = {"subscription_id": stack.new_workspace()[:36], "tags": {"team": "a", "Team": "b"}}
    body = {**registration([], data("sales"), name=name), "workspaces": [{"selector": selector}]}
    assert factory.send(body).status_code == 400


def test_a_name_that_is_unknown_is_404(stack: LocalStack, factory: Journey, name: str) -> None:
    factory.done(registration([stack.new_workspace()], data("hr", version="1"), name=name))
    answer = factory.http.post("/api/reconcile", json={"registrations": [name, "no-such"]})
    assert answer.status_code == 404
    assert answer.json()["error"]["target"] == "registrations[1]"
    # Nor is one that is not for the sender told from one that is not there.
    with policy(stack, rule(stack, "stranger", "reconcile", assets=["data/sales"])):
        stranger = Journey(stack, "stranger")
        answers = [stranger.http.post("/api/reconcile", json={"registrations": [it]}) for it in (name, "no-such")]
    assert [answer.status_code for answer in answers] == [404, 404]
    told = [answer.json()["error"]["message"] for answer in answers]
    assert told[0].replace(name, "X") == told[1].replace("no-such", "X")


def test_a_damaged_registration_is_named_and_nothing_is_pruned(stack: LocalStack, factory: Journey, name: str) -> None:
    key, other = stack.new_workspace(), stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), data("hr", version="1"), name=name, sync=PRUNES))
    factory.done(registration([other], data("sales", version="1"), name=f"{name}-b"))
    assert stack.arm("DELETE", f"{other}/datastores/silver").status_code == 200
    bad = f"registrations/{name}-c"
    blobs(stack).upload_blob(bad, json.dumps({"registration": "?"}))
    # What is left over stays, while nobody knows whether the damaged one wants it.
    result = factory.done(registration([key], data("sales", version="1"), name=name, sync=PRUNES))
    assert actions(result, key) == {}
    result = night(stack)
    assert (result["status"], actions(result, other)) == ("Succeeded", {"datastores/silver": "create"})
    assert [f"{name}-c" in warning for warning in result["warnings"]] == [True]
    assert versions(stack, key, "hr")["1"]["isArchived"] is False
    blobs(stack).delete_blob(bad)
    result = night(stack)
    assert "warnings" not in result
    assert actions(result, key) == {"data/hr/1": "archive"}


def test_a_removal_finds_a_workspace_whose_documents_metadata_were_lost(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name, sync=PRUNES))
    blob = blobs(stack).get_blob_client(workspace_blob(key))
    eventually(lambda: blob.get_blob_properties().lease.state != "leased")
    known = blob.get_blob_properties().metadata
    blob.set_blob_metadata({})
    listed = factory.http.get(f"/api/workspaces?subscription={key[:36]}&status=inSync").json()["value"]
    assert key in [it["workspace"] for it in listed]
    assert blob.get_blob_properties().metadata == known
    blob.set_blob_metadata({})
    result = factory.follow(factory.http.delete(f"/api/registrations/{name}")).json()
    assert actions(result, key) == {"datastores/silver": "delete", "data/sales/1": "archive"}


def test_a_removal_does_not_pass_over_a_workspace_of_which_nothing_is_known(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name, sync=PRUNES))
    blob = blobs(stack).get_blob_client(workspace_blob(key))
    eventually(lambda: blob.get_blob_properties().lease.state != "leased")
    blob.upload_blob(b"{", overwrite=True)
    answer = factory.follow(factory.http.delete(f"/api/registrations/{name}"))
    assert (answer.status_code, errors(answer.json())) == (424, {key: "DocumentDamaged"})
    blob.delete_blob()


def test_what_one_workspace_refuses_is_its_own_failure(stack: LocalStack, factory: Journey, name: str) -> None:
    good, gone, forbidden, legacy, damaged = keys = [stack.new_workspace() for _ in range(5)]
    factory.done(registration(keys, data("sales", version="1"), name=name))
    for key in keys:
        assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    assert stack.arm("DELETE", gone).is_success
    held = stack.arm("GET", legacy).json()
    body = {"location": held["location"], "properties": {**held["properties"], "v1LegacyMode": True}}
    assert stack.arm("PUT", legacy, body).is_success
    blob = blobs(stack).get_blob_client(workspace_blob(damaged))
    eventually(lambda: blob.get_blob_properties().lease.state != "leased")
    blob.upload_blob(b"{", overwrite=True, metadata=blob.get_blob_properties().metadata)
    denied = {"error": {"code": "AuthorizationFailed", "message": "You may not."}}
    with fault(stack, forbidden, status=403, body=denied):
        result = night(stack)
        stack.emulator("POST", "reset", {})
    assert result["status"] == "Failed"
    assert errors(result) == {
        gone: "ResourceNotFound",
        forbidden: "AuthorizationFailed",
        legacy: "WorkspaceInLegacyMode",
        damaged: "DocumentDamaged",
    }
    assert actions(result, good) == {"datastores/silver": "create"}
    found = factory.http.get(f"/api/workspaces/{forbidden}").json()
    assert (found["status"], found["error"]["message"]) == ("failed", "You may not.")
    # What healed by itself is healed the next night, by what is known of it still.
    assert actions(night(stack), forbidden) == {"datastores/silver": "create"}
    blob.delete_blob()


def test_a_workspace_that_is_gone_and_that_nobody_names_fails_one_night(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    team = uuid.uuid4().hex
    key = stack.new_workspace(tags={"team": team})
    selector = {"subscription_id": key[:36], "tags": {"team": team}}
    body = {**registration([], data("sales", version="1"), name=name), "workspaces": [{"selector": selector}]}
    factory.done(body)
    assert stack.arm("DELETE", key).is_success
    assert outcomes(night(stack)) == {key: "failed"}, "once, it may be a mistake of Azure's"
    result = night(stack)
    assert (result["status"], outcomes(result)) == ("Succeeded", {key: "unchanged"})
    assert outcomes(night(stack)) == {}


def test_a_datastore_of_an_unknown_type_is_shown_and_left_alone(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    odd = {"properties": {"datastoreType": "QuantumFoam", "foam": 7, "credentials": {"credentialsType": "Entangled"}}}
    stack.emulator("PUT", f"resources{arm_id(key)}/datastores/odd", odd)
    stack.emulator("PUT", f"resources{arm_id(key)}/datastores/taken", odd)
    factory.done(registration([key], data("sales", version="1"), name=name, sync=PRUNES))
    result = night(stack)
    assert (result["status"], actions(result, key)) == ("Succeeded", {})
    assert {"datastores/odd", "datastores/taken"} <= set(result["workspaces"][0]["unmanaged"])
    assert "datastores/odd" in factory.http.get(f"/api/workspaces/{key}").json()["unmanaged"]
    silver = registration([])["datastores"][0]
    taken = registration([key], name=f"{name}-b", datastores=[{**silver, "name": "taken"}])
    [change] = factory.done(taken, 424)["workspaces"][0]["changes"]
    assert (change["outcome"], change["reasons"][0]["field"]) == ("conflict", "type")
    factory.follow(factory.http.delete(f"/api/registrations/{name}"))
    assert [datastore(stack, key, it)["foam"] for it in ("odd", "taken")] == [7, 7]


def test_an_owner_who_lost_the_right_is_reported_and_touched_by_nothing(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    assets = data("sales", version="1"), data("hr", version="1")
    factory.done(registration([key], *assets, name=name, sync=PRUNES))
    by_hand(stack, key, "data/sales/versions/1", isArchived=True)
    stack.emulator("POST", "reset", {})
    some = rule(stack, "data-factory", "register", "read", "reconcile", assets=["datastores/*", "data/hr"])
    with policy(stack, some, rule(stack, "platform-admin", "read"), without=rules_of(stack, "data-factory")):
        result = night(stack)
        assert factory.send(registration([key], assets[0], name=name)).status_code == 403
    assert (result["status"], outcomes(result)) == ("Failed", {key: "notAuthorized"})
    found = {asset: change["outcome"] for asset, change in of(result, key).items()}
    assert found == {"data/sales/1": "notAuthorized", "data/hr/1": "unchanged", "datastores/silver": "unchanged"}
    assert calls(stack, key, "PUT", "DELETE") == []
    assert versions(stack, key, "sales")["1"]["isArchived"] is True
    with policy(stack, rule(stack, "platform-admin", "read"), without=rules_of(stack, "data-factory")):
        result = night(stack)
    assert {change["outcome"] for change in of(result, key).values()} == {"notAuthorized"}
    assert actions(night(stack), key) == {"data/sales/1": "update"}


def test_a_selector_that_cannot_be_listed_is_a_failure_of_its_own(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    team = uuid.uuid4().hex
    key, named = stack.new_workspace(tags={"team": team}), stack.new_workspace()
    subscription = key[:36]
    selector = {"subscription_id": subscription, "tags": {"team": team}}
    body = registration([named], data("sales", version="1"), name=name)
    body["workspaces"] = [target(named), {"selector": selector}]
    listing = {"match": f"/subscriptions/{subscription}/providers/[^/]*/workspaces", "status": 403}
    stack.emulator("POST", "faults", {**listing, "body": {"error": {"code": "AuthorizationFailed", "message": "No."}}})
    failed = factory.done(body, 424)
    place = f"{subscription}/*/*"
    assert outcomes(failed) == {named: "succeeded", place: "failed"}
    assert errors(failed) == {place: "DiscoveryForbidden"}
    result = night(stack)
    assert outcomes(result) == {named: "unchanged", place: "failed"}
    stack.emulator("POST", "reset", {})
    retried = factory.http.post(f"/api/operations/{failed['id']}/retry")
    assert retried.status_code == 202, retried.text
    assert outcomes(factory.follow(retried).json()) == {key: "succeeded", named: "unchanged"}
    assert outcomes(night(stack)) == {key: "unchanged", named: "unchanged"}
