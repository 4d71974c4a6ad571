"""What nobody was allowed to want stands in nobody's way, and leads nobody's data elsewhere."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.desired.nights import actions
from tests.desired.rules import policy, rule
from tests.road.journey import DATASTORE, Journey, blobs, data, registration, versions
from tests.support import LocalStack

pytestmark = pytest.mark.usefixtures("alone")


LAKE = "abfss://silver@sourcedata.dfs.core.windows.net/sales"
PUBLIC = {"name": "sales", "type": "uri_file", "version": "1", "path": f"{LAKE}/sales.csv"}


def selecting(key: str, name: str, **assets: Any) -> dict[str, Any]:
    return {"name": name, "workspaces": [{"selector": {"subscription_id": key[:36]}}], **assets}


def test_what_a_selector_would_bring_is_asked_about_at_once(stack: LocalStack, name: str) -> None:
    key = stack.new_workspace()
    body = selecting(key, name, datastores=[DATASTORE], data=[data("hr", version="1")])
    answer = Journey(stack, "data-owner").send(body)
    assert answer.status_code == 403, answer.text
    assert "what its selectors find" in answer.text


def test_a_wish_that_its_owner_may_not_have_stands_against_nobody(
    stack: LocalStack, factory: Journey, parts: Any, name: str
) -> None:
    """Stored while a rule allowed it, or by hand: the rule is gone, and so is the precedence."""
    key = stack.new_workspace(tags={"for": name})
    owner = Journey(stack, "data-owner")
    sales = {"name": "sales_x", "type": "uri_file", "version": "1"}
    owner.done(registration([key], {**sales, "path": f"{LAKE}/a.csv"}, name=name, datastores=[]))
    stored = parts.documents.read(f"registrations/{name}")
    value = stored.value
    value["registration"]["data"] = [{**value["registration"]["data"][0], "name": "hr"}]
    parts.documents.replace(stored.name, value, etag=stored.etag)
    other = f"{name}-{uuid.uuid4().hex[:6]}"
    parts.catalog.current(fresh=0.0)
    selector = {"selector": {"subscription_id": key.split("/")[0], "tags": {"for": name}}}
    body = {**registration([], data("hr", version="1"), name=other), "workspaces": [selector]}
    result = factory.follow(factory.accepted(body)).json()
    assert actions(result, key) == {"datastores/silver": "create", "data/hr/1": "create"}
    assert versions(stack, key, "hr")["1"]["dataUri"].endswith("paths/hr.csv")


def test_a_retry_does_not_bring_back_what_was_deleted(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    fault = {"match": f"/workspaces/{key.rsplit('/', 1)[1]}/data/", "method": "PUT", "status": 403, "count": 1}
    stack.emulator("POST", "faults", fault)
    failed = factory.done(registration([key], data("sales", version="1"), name=name), 424)
    assert factory.http.delete(f"/api/registrations/{name}").status_code == 204
    retried = factory.http.post(f"/api/operations/{failed['id']}/retry")
    assert retried.status_code == 202, retried.text
    result = factory.follow(retried).json()
    assert result["workspaces"][0]["outcome"] == "superseded"
    assert versions(stack, key, "sales") == {}


def test_what_there_is_beyond_the_policys_reach_is_told_to_nobody(stack: LocalStack, factory: Journey) -> None:
    """A subscription that is not there, one that may not be listed, and one that holds workspaces look alike."""
    team = uuid.uuid4().hex
    key = stack.new_workspace(tags={"team": team})
    there, known, unknown = key[:36], stack.description["workspaces"][2][:36], str(uuid.uuid4())
    reach = [f"{there}/ml-rg/*"]
    answers = []
    actions_ = ("register", "plan", "reconcile", "read")
    with policy(stack, rule(stack, "stranger", *actions_, workspaces=reach)):
        stranger = Journey(stack, "stranger")
        for number, subscription in enumerate((unknown, known)):
            entry = {"selector": {"subscription_id": subscription}}
            body = {"name": f"{team}-{number}", "workspaces": [entry], "data": [PUBLIC]}
            plan = stranger.send(body, "/api/plan")
            result = stranger.follow(stranger.accepted(body))
            asked = stranger.follow(stranger.accepted({"workspaces": [entry]}, "/api/reconcile"))
            told = [(it.status_code, it.json()["warnings"], it.json()["workspaces"]) for it in (plan, result, asked)]
            answers.append(json.dumps(told).replace(subscription, "<subscription>"))
        assert answers[0] == answers[1]
        assert "finds no workspace" in answers[0]
        # Within their reach they are told.
        entry = {"selector": {"subscription_id": there, "tags": {"team": team}}}
        plan = stranger.send({"name": f"{team}-2", "workspaces": [entry], "data": [PUBLIC]}, "/api/plan")
        assert [it["workspace"] for it in plan.json()["workspaces"]] == [key]
    with policy(stack, rule(stack, "stranger", "plan", workspaces=["*/*/*"])):
        body = {"name": f"{team}-3", "workspaces": [{"selector": {"subscription_id": unknown}}], "data": [PUBLIC]}
        [lost] = Journey(stack, "stranger").send(body, "/api/plan").json()["workspaces"]
        assert lost["error"]["code"] == "SubscriptionNotFound"


def test_a_damaged_registration_is_not_named_to_whoever_asks_for_a_run(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    blob = f"registrations/{name}"
    blobs(stack).upload_blob(blob, b"{")
    with policy(stack, rule(stack, "stranger", "reconcile", workspaces=[f"{stack.new_workspace()[:36]}/*/*"])):
        stranger = Journey(stack, "stranger")
        warnings = stranger.follow(stranger.accepted({}, "/api/reconcile")).json()["warnings"]
    assert [name in it for it in warnings] == [False]
    warnings = factory.follow(factory.accepted({}, "/api/reconcile")).json()["warnings"]
    assert [name in it for it in warnings] == [True]
    blobs(stack).delete_blob(blob)
