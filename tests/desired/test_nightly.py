"""A night in the life of a workspace: what was changed by hand is named, healed or left, as the options say."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.desired.nights import actions, by_hand, night, of, planned, reasons
from tests.road.journey import Journey, blobs, data, datastore, outcomes, registration, target, versions
from tests.support import LocalStack

pytestmark = pytest.mark.usefixtures("alone")


def spoil(stack: LocalStack, key: str) -> None:
    """Someone edits a tag, deletes a datastore, archives a data version, adds a stray asset."""
    by_hand(stack, key, "data/sales/versions/1", tags={"team": "hr"})
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    by_hand(stack, key, "data/hr/versions/1", isArchived=True)
    body = {"properties": {"dataType": "uri_file", "dataUri": "https://example.org/stray.csv"}}
    assert stack.arm("PUT", f"{key}/data/stray/versions/1", body).status_code == 201


def assets() -> tuple[dict[str, Any], ...]:
    return data("sales", version="1", tags={"team": "sales"}), data("hr", version="1")


def test_what_was_changed_by_hand_is_named_and_healed(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], *assets(), name=name))
    spoil(stack, key)
    plan = planned(stack)
    assert actions(plan, key) == {"data/sales/1": "update", "datastores/silver": "create", "data/hr/1": "update"}
    found = of(plan, key)
    assert reasons(found["data/sales/1"]) == [("tags", "changed in workspace")]
    assert reasons(found["datastores/silver"]) == [("name", "missing")]
    assert reasons(found["data/hr/1"]) == [("archived", "changed in workspace")]
    assert "data/stray" in plan["workspaces"][0]["unmanaged"]
    result = night(stack)
    assert actions(result, key) == actions(plan, key)
    assert datastore(stack, key)["filesystem"] == "silver"
    assert versions(stack, key, "sales")["1"]["tags"] == {"team": "sales"}
    assert versions(stack, key, "hr")["1"]["isArchived"] is False
    assert "1" in versions(stack, key, "stray")
    assert actions(planned(stack, query="&deep=true"), key) == {}


def test_under_report_drift_is_told_and_left(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], *assets(), name=name, sync={"drift": "report"}))
    spoil(stack, key)
    result = night(stack)
    assert result["status"] == "Succeeded"
    assert result["workspaces"][0]["outcome"] == "drifted"
    assert {asset: change["outcome"] for asset, change in of(result, key).items()} == {
        "datastores/silver": "drifted",
        "data/sales/1": "drifted",
        "data/hr/1": "drifted",
    }
    assert versions(stack, key, "sales")["1"]["tags"] == {"team": "hr"}
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 404


def test_drift_stays_reported_where_a_run_does_not_look(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    body = registration([key], *assets(), name=name, sync={"drift": "report"})
    factory.done(body)
    by_hand(stack, key, "data/sales/versions/1", tags={"team": "hr"})
    asked = {"registrations": [name]}
    deep = factory.follow(factory.accepted(asked, "/api/reconcile?deep=true")).json()
    shallow = factory.follow(factory.accepted(asked, "/api/reconcile?deep=false")).json()
    for result in (deep, shallow, planned(stack, asked, "&deep=false")):
        change = of(result, key)["data/sales/1"]
        assert (change["outcome"], reasons(change)) == ("drifted", [("tags", "changed in workspace")])
        assert change["reasons"] == of(deep, key)["data/sales/1"]["reasons"]
    assert shallow["workspaces"][0]["outcome"] == "drifted"
    assert factory.http.get(f"/api/workspaces/{key}").json()["status"] == "drifted"
    # Once somebody has put it right, whoever looks says so.
    by_hand(stack, key, "data/sales/versions/1", tags={"team": "sales"})
    for query, outcome in (("deep=false", "drifted"), ("deep=true", "unchanged"), ("deep=false", "unchanged")):
        result = factory.follow(factory.accepted(asked, f"/api/reconcile?{query}")).json()
        assert of(result, key)["data/sales/1"]["outcome"] == outcome
    assert factory.http.get(f"/api/workspaces/{key}").json()["status"] == "inSync"


def test_drift_that_is_written_over_is_told(stack: LocalStack, factory: Journey, name: str) -> None:
    """Azure takes an asset whole; whoever changes one field of it is told what else is lost."""
    key = stack.new_workspace()
    sync = {"drift": "report"}
    factory.done(registration([key], *assets(), name=name, sync=sync))
    by_hand(stack, key, "data/sales/versions/1", tags={"team": "hr"})
    body = registration([key], {**assets()[0], "description": "new"}, assets()[1], name=name, sync=sync)
    told = {"tags": "changed in workspace, and written over with the rest", "description": "differs"}
    for result in (factory.send(body, "/api/plan").json(), factory.done(body)):
        change = of(result, key)["data/sales/1"]
        assert (change["action"], dict(reasons(change))) == ("update", told)
    assert versions(stack, key, "sales")["1"]["tags"] == {"team": "sales"}


def test_a_new_workspace_gets_its_data_without_anyone_asking(stack: LocalStack, factory: Journey, name: str) -> None:
    team = uuid.uuid4().hex
    selector = {"subscription_id": target(stack.new_workspace())["subscription_id"], "tags": {"team": team}}
    body = {**registration([], *assets(), name=name), "workspaces": [{"selector": selector}]}
    first = factory.done(body)
    assert first["counts"]["total"] == 0
    assert "finds no workspace" in first["warnings"][0]
    key = stack.new_workspace(tags={"Team": team})
    result = night(stack)
    assert actions(result, key) == {"datastores/silver": "create", "data/sales/1": "create", "data/hr/1": "create"}
    assert list(versions(stack, key, "sales")) == ["1"]


def test_prune_archives_what_a_registration_no_longer_wants(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    sync = {"prune": "archive"}
    factory.done(registration([key], *assets(), name=name, sync=sync))
    result = factory.done(registration([key], assets()[0], name=name, sync=sync))
    assert actions(result, key) == {"data/hr/1": "archive"}
    assert versions(stack, key, "hr")["1"]["isArchived"] is True
    assert versions(stack, key, "sales")["1"]["isArchived"] is False


def test_delete_prunes_where_it_may_empty_a_workspace(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    sync = {"prune": "archive", "allow_empty": True}
    factory.done(registration([key], *assets(), name=name, sync=sync))
    answer = factory.http.delete(f"/api/registrations/{name}")
    assert answer.status_code == 202, answer.text
    result = factory.follow(answer).json()
    assert actions(result, key) == {"datastores/silver": "delete", "data/sales/1": "archive", "data/hr/1": "archive"}
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 404
    assert factory.http.get(f"/api/registrations/{name}").status_code == 404
    assert list(blobs(stack).list_blob_names(name_starts_with=f"registrations/{name}")) == []


def test_an_emptied_workspace_is_guarded(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], *assets(), name=name, sync={"prune": "archive"}))
    result = factory.follow(factory.http.delete(f"/api/registrations/{name}")).json()
    assert result["status"] == "Succeeded"
    assert {change["outcome"] for change in of(result, key).values()} == {"kept"}
    assert versions(stack, key, "sales")["1"]["isArchived"] is False


def test_nights_end_where_only_what_nobody_wants_is_left(stack: LocalStack, factory: Journey, name: str) -> None:
    key, other = stack.new_workspace(), stack.new_workspace()
    factory.done(registration([key], *assets(), name=name))
    moved = registration([key, other], *assets(), name=f"{name}-b", sync={"prune": "archive"})
    factory.done(moved)
    factory.done({**moved, "workspaces": moved["workspaces"][:1]})
    assert set(outcomes(night(stack))) == {key, other}, "what is guarded is told every night"
    assert factory.http.delete(f"/api/registrations/{name}").status_code == 204
    factory.follow(factory.http.delete(f"/api/registrations/{name}-b"))
    assert set(outcomes(night(stack))) == {key, other}, "once, to note that nobody wants anything any more"
    assert outcomes(night(stack)) == {}
    # What is known is kept, and a run that names the workspace goes there.
    left = factory.http.get(f"/api/workspaces/{key}").json()
    assert {asset["state"] for asset in left["assets"]} == {"kept"}
    assert set(outcomes(planned(stack, {"workspaces": [target(key)]}))) == {key}


def test_what_was_archived_and_is_wanted_again_is_pruned_no_more(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    sync = {"prune": "archive"}
    for wanted in (assets(), assets()[:1], assets(), assets()[:1]):
        result = factory.done(registration([key], *wanted, name=name, sync=sync))
    assert actions(result, key) == {}
    assert versions(stack, key, "hr")["1"]["isArchived"] is False
    found = factory.http.get(f"/api/workspaces/{key}").json()
    assert "data/hr/1" not in [asset["asset"] for asset in found["assets"]]
    assert "data/hr" in found["unmanaged"], "it is nobody's"
    # Nor is the workspace visited for it once nothing is wanted there.
    factory.done(registration([stack.new_workspace()], *assets(), name=name, sync={**sync, "allow_empty": True}))
    night(stack)
    assert key not in outcomes(night(stack))


def test_delete_keeps_everything_by_default(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], *assets(), name=name))
    assert factory.http.delete(f"/api/registrations/{name}").status_code == 204
    assert factory.http.get(f"/api/registrations/{name}").status_code == 404
    night(stack)
    assert versions(stack, key, "sales")["1"]["isArchived"] is False
    assert stack.arm("GET", f"{key}/datastores/silver").status_code == 200
