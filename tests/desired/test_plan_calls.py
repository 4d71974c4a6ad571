"""Plans, asked for as a caller does: of a registration, and of what is stored; nothing is changed by any of them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from registration.records.inventory import read_state
from registration.wiring import Wiring
from tests.desired.nights import actions, by_hand, of, planned
from tests.desired.rules import policy, rule
from tests.road.journey import (
    DATASTORE,
    SECRETS,
    Journey,
    blobs,
    calls,
    data,
    datastore,
    outcomes,
    registration,
    target,
    verdicts,
    versions,
)
from tests.support import LocalStack

pytestmark = pytest.mark.usefixtures("alone")

LAKE = "abfss://silver@sourcedata.dfs.core.windows.net"


def stored(stack: LocalStack) -> set[str]:
    """Everything that is stored but what runs have left by the way."""
    return {name for name in blobs(stack).list_blob_names() if name.startswith(("registrations/", "operations/"))}


def plan(journey: Journey, body: Any, status: int = 200, accept: str = "application/json") -> httpx.Response:
    answer = journey.http.post("/api/plan", json=body, headers={"Accept": accept})
    assert answer.status_code == status, answer.text
    return answer


def selecting(key: str, team: str, *assets: dict[str, Any], **fields: Any) -> dict[str, Any]:
    selector = {"subscription_id": key[:36], "tags": {"team": team}}
    return {**registration([], *assets, **fields), "workspaces": [{"selector": selector}]}


def test_a_plan_changes_nothing_and_shows_no_secret(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("hr", version="1"), name=name))
    by_hand(stack, key, "data/hr/versions/1", description="theirs")
    before, known = stored(stack), read_state(parts.documents, key)
    body = registration([key], data("hr", version="1"), data("sales", version="1"), name=name)
    body["datastores"] = [{**DATASTORE, "credentials": SECRETS}]
    body["data"][0]["description"] = "ours"
    stack.emulator("POST", "reset", {})
    for accept in ("application/json", "text/plain"):
        answer = plan(factory, body, accept=accept)
        for secret in ("sp-password", "sp-id"):
            assert stack.config["vault"][secret] not in answer.text
        assert stack.config["vault"]["sp-password"] not in stack.logs()
    found = plan(factory, body).json()
    assert found["registration"] == {"name": name, "generation": 2}
    assert found["summary"] == {"update": 2, "create": 1}
    assert actions(found, key) == {"datastores/silver": "update", "data/hr/1": "update", "data/sales/1": "create"}
    assert {change["outcome"] for change in of(found, key).values()} == {"planned"}
    assert calls(stack, key, "PUT", "DELETE", "PATCH") == []
    assert (stored(stack), read_state(parts.documents, key)) == (before, known)
    assert factory.http.get(f"/api/registrations/{name}").json()["generation"] == 1
    # What was planned is what accepting does.
    assert actions(factory.done(body), key) == actions(found, key)


def test_a_plan_of_a_new_name_sees_what_is_left_and_what_is_dropped(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    one, two = stack.new_workspace(), stack.new_workspace()
    sync = {"prune": "archive", "allow_empty": True}
    factory.done(registration([one, two], data("sales", version="1"), data("hr", version="1"), name=name, sync=sync))
    found = plan(factory, registration([one], data("sales", version="1"), name=name, sync=sync)).json()
    assert actions(found, one) == {"data/hr/1": "archive"}
    assert actions(found, two) == {"datastores/silver": "delete", "data/sales/1": "archive", "data/hr/1": "archive"}
    assert (
        "  - archive  data/hr/1"
        in plan(
            factory, registration([one], data("sales", version="1"), name=name, sync=sync), accept="text/plain"
        ).text
    )
    assert versions(stack, one, "hr")["1"]["isArchived"] is False


def test_who_may_plan_need_not_be_let_register(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    stranger = Journey(stack, "stranger")
    body = registration([key], {**data("sales", version="1"), "path": f"{LAKE}/a.csv"}, name=name, datastores=[])
    assert plan(stranger, body, 403).json()["error"]["code"] == "NotAuthorized"
    with policy(stack, rule(stack, "stranger", "plan", assets=["data/sales"])):
        assert actions(plan(stranger, body).json(), key) == {"data/sales/1": "create"}
        assert stranger.send(body).status_code == 403
        refused = plan(stranger, registration([key], data("hr", version="1"), name=name), 403).json()["error"]
        assert [fault["target"] for fault in refused["details"]] == ["datastores[0]", "data[0]"]
        assert plan(stranger, {**body, "sync": {"prune": "archive"}}, 403).json()["error"]["code"] == "NotAuthorized"
    with policy(stack, rule(stack, "stranger", "register", "read")):
        plan(stranger, body, 403)
    assert Journey(stack, None).http.post("/api/plan", json=body).status_code == 401


def test_a_plan_is_refused_as_accepting_would_be(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], {**data("sales_a", version="1"), "path": f"{LAKE}/a.csv"}, name=name))
    owner = Journey(stack, "data-owner")
    other = registration([key], {**data("sales_a", version="1"), "path": f"{LAKE}/b.csv"}, datastores=[])
    assert plan(owner, {**other, "name": f"{name}-b"}, 409).json()["error"]["details"][0]["target"] == "data[0]"
    assert plan(owner, {**other, "name": name}, 403).json()["error"]["code"] == "NotOwner"
    assert plan(factory, {**other, "colour": "red"}, 400).json()["error"]["details"][0]["target"] == "colour"
    assert plan(factory, {"workspaces": []}, 400).json()["error"]["details"]
    assert plan(factory, [], 400)
    literal = {**SECRETS, "client_secret": "not-a-real-secret"}
    body = {**registration([key], name=name), "datastores": [{**DATASTORE, "credentials": literal}]}
    assert "not-a-real-secret" not in plan(factory, body, 400).text


def test_of_many_workspaces_an_operation_makes_the_plan(stack: LocalStack, factory: Journey, name: str) -> None:
    keys = [stack.new_workspace() for _ in range(11)]
    accepted = plan(factory, registration(keys, data("sales", version="1"), name=name), 202)
    assert "etag" not in accepted.headers
    result = factory.follow(accepted).json()
    assert (result["kind"], result["dryRun"], result["status"]) == ("plan", True, "Succeeded")
    assert set(outcomes(result).values()) == {"planned"}
    assert set(outcomes(result)) == set(keys)
    for key in keys:
        assert actions(result, key) == {"datastores/silver": "create", "data/sales/1": "create"}
        assert versions(stack, key, "sales") == {}
    text = factory.http.get(accepted.headers["location"], headers={"Accept": "text/plain"})
    assert text.headers["content-type"].startswith("text/plain")
    assert text.text.startswith(f"Registration {name}, generation 1\n")
    assert text.text.endswith("Plan: 22 to create, 0 to update, 0 to archive, 0 to delete, 0 conflicts; 0 unchanged.\n")
    assert factory.http.get(f"/api/registrations/{name}").status_code == 404
    assert factory.http.get(f"/api/workspaces/{keys[0]}").status_code == 404


def test_a_plan_finds_what_selectors_find(stack: LocalStack, factory: Journey, name: str) -> None:
    team = uuid.uuid4().hex
    key, legacy = stack.new_workspace(tags={"team": team}), stack.new_workspace(tags={"team": team}, v1LegacyMode=True)
    found = plan(factory, selecting(key, team, data("sales", version="1"), name=name)).json()
    assert actions(found, key) == {"datastores/silver": "create", "data/sales/1": "create"}
    failures = {it["workspace"]: it["error"]["code"] for it in found["workspaces"] if "error" in it}
    assert failures == {legacy: "WorkspaceInLegacyMode"}
    nothing = selecting(key, "nobody", data("sales", version="1"), name=name)
    assert "finds no workspace" in plan(factory, nothing).json()["warnings"][0]
    assert "Warnings:" in plan(factory, nothing, accept="text/plain").text
    listing = {"match": f"/subscriptions/{key[:36]}/providers/[^/]*/workspaces", "status": 403}
    stack.emulator("POST", "faults", {**listing, "body": {"error": {"code": "AuthorizationFailed", "message": "No."}}})
    lost = plan(factory, selecting(key, team, data("sales", version="1"), name=name)).json()["workspaces"]
    stack.emulator("POST", "reset", {})
    assert [(it["workspace"], it["error"]["code"]) for it in lost] == [(f"{key[:36]}/*/*", "DiscoveryForbidden")]


def test_a_dry_run_of_what_is_stored_changes_nothing(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    by_hand(stack, key, "data/sales/versions/1", description="theirs")
    known = read_state(parts.documents, key)
    stack.emulator("POST", "reset", {})
    answer = factory.http.post("/api/reconcile?dryRun=true&deep=true", json={})
    result = factory.follow(answer).json()
    assert (result["dryRun"], actions(result, key)) == (True, {"datastores/silver": "create"})
    text = factory.http.get(answer.headers["location"], headers={"Accept": "text/plain"}).text
    assert text.startswith("What is stored, against what the workspaces hold\n")
    assert f"  + create  datastores/silver  ({name})\n" in text
    assert calls(stack, key, "PUT", "DELETE", "PATCH") == []
    assert read_state(parts.documents, key) == known
    assert factory.http.post("/api/reconcile", content=b"").status_code == 202, "no body means all"


def test_a_run_is_about_the_registrations_that_are_named(stack: LocalStack, factory: Journey, name: str) -> None:
    key, other = stack.new_workspace(), stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    silver = {**DATASTORE, "name": "copper"}
    factory.done(registration([key, other], name=f"{name}-b", datastores=[silver]))
    for path in ("silver", "copper"):
        assert stack.arm("DELETE", f"{key}/datastores/{path}").status_code == 200
    found = planned(stack, {"registrations": [name.upper()]})
    assert outcomes(found) == {key: "planned"}
    assert actions(found, key) == {"datastores/silver": "create"}
    assert "datastores/copper" not in json.dumps(found)
    result = factory.follow(factory.http.post("/api/reconcile", json={"registrations": [name]})).json()
    assert actions(result, key) == {"datastores/silver": "create"}
    assert stack.arm("GET", f"{key}/datastores/copper").status_code == 404


def test_a_run_is_about_the_workspaces_that_are_asked_for(stack: LocalStack, factory: Journey, name: str) -> None:
    team = uuid.uuid4().hex
    one, two = stack.new_workspace(), stack.new_workspace(tags={"team": team})
    three = stack.new_workspace(tags={"team": team})
    factory.done(registration([one, two], data("sales", version="1"), name=name))
    selector = {"selector": {"subscription_id": one[:36], "tags": {"Team": team}}}
    assert outcomes(planned(stack, {"workspaces": [target(one)]})) == {one: "unchanged"}
    assert outcomes(planned(stack, {"workspaces": [selector]})) == {two: "unchanged"}, "nobody wants anything of three"
    assert set(outcomes(planned(stack, {"workspaces": [selector, target(one)]}))) == {one, two}
    assert outcomes(planned(stack, {"workspaces": [target(three)]})) == {three: "unchanged"}
    nothing = planned(stack, {"workspaces": [{"selector": {"subscription_id": one[:36], "tags": {"team": "nobody"}}}]})
    assert (outcomes(nothing), nothing["status"]) == ({}, "Succeeded")
    assert "finds no workspace" in nothing["warnings"][0]
    both = planned(stack, {"workspaces": [target(two)], "registrations": [name]})
    assert outcomes(both) == {two: "unchanged"}


def test_who_may_reconcile_some_assets_reconciles_these(stack: LocalStack, factory: Journey, name: str) -> None:
    key, other = stack.new_workspace(), stack.new_workspace()
    factory.done(registration([key, other], data("sales", version="1"), data("hr", version="1"), name=name))
    for path in ("data/sales/versions/1", "data/hr/versions/1"):
        by_hand(stack, key, path, isArchived=True)
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    stranger = Journey(stack, "stranger")
    assert stranger.http.post("/api/reconcile", json={}).status_code == 403
    some = rule(stack, "stranger", "reconcile", "plan", assets=["data/sales"], workspaces=[key])
    with policy(stack, some):
        refused = stranger.http.post("/api/reconcile", json={"workspaces": [target(other)]})
        assert (refused.status_code, refused.json()["error"]["target"]) == (403, "workspaces[0]")
        answer = stranger.http.post("/api/reconcile?deep=true", json={})
        result = stranger.follow(answer)
    assert outcomes(result.json()) == {key: "succeeded"}, result.text
    assert verdicts(result.json(), key) == {"data/sales": "updated"}
    assert versions(stack, key, "sales")["1"]["isArchived"] is False
    assert versions(stack, key, "hr")["1"]["isArchived"] is True
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 404
    assert factory.http.post("/api/reconcile", json={"registrations": [name]}).status_code == 202
    assert datastore(stack, other)["filesystem"] == "silver"


def test_a_key_makes_one_run_of_many_asked_for(stack: LocalStack, factory: Journey, name: str) -> None:
    factory.done(registration([stack.new_workspace()], data("sales", version="1"), name=name))
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (factory.http.post("/api/reconcile", json={}, headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    dry = factory.http.post("/api/reconcile?dryRun=true", json={}, headers=headers)
    assert dry.json()["id"] != first.json()["id"]
    other = factory.http.post("/api/reconcile", json={"registrations": [name]}, headers=headers)
    assert other.status_code == 422


def test_what_is_there_besides_is_told_to_those_alone_who_may_read_it(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    stray = {"properties": {"dataType": "uri_file", "dataUri": "https://example.org/stray.csv"}}
    for there in ("sales_stray", "salaries"):
        assert stack.arm("PUT", f"{key}/data/{there}/versions/1", stray).status_code == 201
    body = registration([key], {**data("sales_a", version="1"), "path": f"{LAKE}/a.csv"}, datastores=[])
    for identity, shown in (("data-factory", {"sales_stray", "salaries"}), ("data-owner", {"sales_stray"})):
        journey, own = Journey(stack, identity), {**body, "name": f"{name}-{identity}"}
        for answer in (plan(journey, own).json(), journey.done(own)):
            found = [it.partition("/") for it in answer["workspaces"][0]["unmanaged"]]
            assert {asset for kind, _, asset in found if kind == "data"} == shown
        assert ("salaries" in plan(journey, own, accept="text/plain").text) == ("salaries" in shown)
