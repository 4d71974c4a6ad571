"""The audit trail through the whole stack: who asked for what, and what came of it, with never a secret in it."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.storage.blob import ContainerClient

from shared.settings import AUDIT_CONTAINER
from tests.desired.nights import night
from tests.desired.rules import of, policy, rule
from tests.road.journey import DATASTORE, SECRETS, Journey, data, fault, registration
from tests.support import LocalStack

pytestmark = pytest.mark.usefixtures("alone")

LAKE = "abfss://silver@sourcedata.dfs.core.windows.net"
CANARY = "not-a-real-secret-canary-7c2e"


def container(stack: LocalStack) -> ContainerClient:
    return ContainerClient.from_connection_string(stack.storage, AUDIT_CONTAINER)


def text(stack: LocalStack) -> str:
    """All that was ever recorded."""
    found = container(stack)
    return "".join(found.download_blob(name).readall().decode() for name in list(found.list_blob_names()))


def trail(stack: LocalStack, **fields: str) -> list[dict[str, str]]:
    """The lines with these fields, in the order of their times."""
    lines = [json.loads(line) for line in text(stack).splitlines()]
    kept = [line for line in lines if fields.items() <= line.items()]
    return sorted(kept, key=lambda line: line["at"])


def requests(stack: LocalStack) -> list[dict[str, str]]:
    """The lines about requests; work that another test left behind may still make some about assets."""
    return [line for line in trail(stack) if "where" not in line]


def who(stack: LocalStack, identity: str) -> str:
    return f"{stack.config['tenant_id']}/{stack.description['identities'][identity]['object_id']}"


def put(journey: Journey, name: str, body: Any, **headers: str) -> httpx.Response:
    return journey.http.put(f"/api/registrations/{name}", json=body, headers=headers)


def test_what_was_accepted_and_what_it_changed_stand_in_the_trail(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key, begun = stack.new_workspace(), datetime.now(UTC)
    sync = {"prune": "archive", "allow_empty": True}
    result = factory.done(registration([key], data("sales", version="1"), name=name, sync=sync))
    [asked] = trail(stack, operation=result["id"], event="accepted")
    at = asked.pop("at")
    assert begun - timedelta(seconds=2) < datetime.fromisoformat(at) < datetime.now(UTC)
    assert asked == {
        "event": "accepted",
        "who": who(stack, "data-factory"),
        "action": "register",
        "outcome": "202",
        "what": name,
        "operation": result["id"],
    }
    applied = trail(stack, operation=result["id"], event="applied")
    for line in applied:
        assert datetime.fromisoformat(line.pop("at")) > begun
    same = {"event": "applied", "who": who(stack, "data-factory"), "where": key, "registration": name}
    same |= {"operation": result["id"], "action": "create", "outcome": "created"}
    assert sorted(applied, key=lambda line: line["what"]) == [
        {**same, "what": "data/sales/1"},
        {**same, "what": "datastores/silver"},
    ]
    factory.done(registration([key], data("sales", version="1"), name=name, sync=sync))
    assert len(trail(stack, event="applied", where=key)) == 2, "what was left as it is makes no line"
    removed = factory.follow(factory.http.delete(f"/api/registrations/{name}")).json()
    [asked] = trail(stack, operation=removed["id"], event="accepted")
    assert (asked["action"], asked["what"]) == ("delete", name)
    gone = {line["what"]: line["outcome"] for line in trail(stack, operation=removed["id"], event="applied")}
    assert gone == {"data/sales/1": "archived", "datastores/silver": "deleted"}
    assert all(asked["at"] <= line["at"] for line in trail(stack, operation=removed["id"], event="applied"))


def test_what_was_refused_stands_there_with_its_reason(stack: LocalStack, factory: Journey, name: str) -> None:
    key, owner = stack.new_workspace(), Journey(stack, "data-owner")
    lake = {**data("sales_a", version="1"), "path": f"{LAKE}/a.csv"}
    first = registration([key], lake, name=name)
    factory.done(first)
    other = {**registration([key], {**lake, "path": f"{LAKE}/b.csv"}, datastores=[])}
    answers = [
        put(factory, name, {"workspaces": []}),
        put(owner, name, other),
        put(owner, f"{name}-b", other),
        put(owner, f"{name}-b", registration([key])),
        put(factory, name, first, **{"If-None-Match": "*"}),
        factory.http.delete(f"/api/registrations/{name}", headers={"If-Match": '"other"'}),
        owner.http.delete(f"/api/registrations/{name}"),
        factory.http.delete(f"/api/registrations/{name}-none"),
    ]
    codes = [400, 403, 409, 403, 412, 412, 403, 404]
    assert [answer.status_code for answer in answers] == codes
    found = [line for line in trail(stack, event="refused") if line.get("what", "").startswith(name)]
    senders = [who(stack, "data-owner" if it in {1, 2, 3, 6} else "data-factory") for it in range(8)]
    assert [(line["outcome"], line["who"]) for line in found] == list(zip(map(str, codes), senders, strict=True))
    assert [line["action"] for line in found] == [*["register"] * 5, *["delete"] * 3]
    for line, answer in zip(found, answers, strict=True):
        assert line["code"] == answer.json()["error"]["code"]
        assert line["message"] == answer.json()["error"]["message"][:1000]
    assert trail(stack, event="applied", where=key, what="data/sales_a/1")[0]["registration"] == name


def test_who_cannot_be_told_is_unknown_and_reading_makes_no_line(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    factory.done(registration([stack.new_workspace()], data("sales", version="1"), name=name))
    before = len(requests(stack))
    stranger = Journey(stack, "stranger")
    for path in (f"registrations/{name}", "registrations", "operations", "workspaces", "me"):
        factory.http.get(f"/api/{path}")
        stranger.http.get(f"/api/{path}")
    assert factory.send(registration([stack.new_workspace()], data("sales")), "/api/plan").status_code == 200
    assert len(requests(stack)) == before
    nobody = Journey(stack, None)
    assert nobody.send({}).status_code == 401
    assert len(requests(stack)) == before, "Easy Auth refuses it, and the app never sees it"
    assert stranger.http.post("/api/reconcile", json={}).status_code == 403
    last = requests(stack)[-1]
    assert (last["who"], last["action"], last["outcome"]) == (who(stack, "stranger"), "reconcile", "403")


def test_a_nights_work_is_the_services_own(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), data("hr", version="1"), name=name))
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    some = rule(stack, "data-factory", "register", "read", assets=["datastores/*", "data/hr"])
    with policy(stack, some, rule(stack, "platform-admin", "read"), without=of(stack, "data-factory")):
        result = night(stack)
    found = trail(stack, operation=result["id"])
    assert {line["who"] for line in found} == {"service"}
    told = [(line["event"], line["action"], line["outcome"], line.get("what")) for line in found]
    assert told[0] == ("accepted", "reconcile", "202", None)
    assert ("applied", "create", "created", "datastores/silver") in told
    assert ("refused", "reconcile", "notAuthorized", "data/sales/1") in told
    assert len(told) == 3
    [refused] = [line for line in found if line["event"] == "refused"]
    assert (refused["where"], refused["registration"], refused["code"]) == (key, name, "NotAuthorized")


def test_runs_cancels_and_retries_are_told_and_dry_runs_are_plans(
    stack: LocalStack, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    body = registration([key], data("sales", version="1"), name=name)
    refusal = {"error": {"code": "UserError", "message": "No, see https://example.org/x?sig=abc."}}
    with fault(stack, key, match="/data/sales", method="PUT", status=400, body=refusal, count=1):
        failed = factory.done(body, 424)
    [line] = trail(stack, operation=failed["id"], event="refused")
    assert (line["outcome"], line["action"], line["code"]) == ("failed", "create", "UserError")
    assert "sig=abc" not in line["message"]
    retried = factory.http.post(f"/api/operations/{failed['id']}/retry")
    factory.follow(retried)
    [line] = trail(stack, action="retry", what=failed["id"])
    assert (line["operation"], line["event"]) == (retried.json()["id"], "accepted")
    factory.http.post(f"/api/operations/{failed['id']}/cancel")
    assert trail(stack, action="cancel", what=failed["id"])[0]["outcome"] == "409"
    unknown = str(uuid.uuid4())
    factory.http.post(f"/api/operations/{unknown}/cancel")
    assert trail(stack, action="cancel", what=unknown)[0]["outcome"] == "404"
    assert stack.arm("DELETE", f"{key}/datastores/silver").status_code == 200
    dry = factory.http.post("/api/reconcile?dryRun=true", json={})
    factory.follow(dry)
    assert [line["action"] for line in trail(stack, operation=dry.json()["id"])] == ["plan"]
    run = factory.http.post("/api/reconcile", json={})
    factory.follow(run)
    assert [line["action"] for line in trail(stack, operation=run.json()["id"])] == ["reconcile", "create"]


def test_a_secret_turns_up_in_no_line(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    stack.vault_secret("sp-password", CANARY)
    try:
        stack.restart_host()  # secrets are kept for a minute
        body = {**registration([key], name=name), "datastores": [{**DATASTORE, "credentials": SECRETS}]}
        echo = {"error": {"code": "UserError", "message": f"The secret '{CANARY}' is weak."}}
        with fault(stack, key, match="/datastores/", method="PUT", status=400, body=echo, count=1):
            factory.done(body, 424)
        factory.done(body)
        literal = {**SECRETS, "client_secret": CANARY}
        wrong = {**body, "datastores": [{**DATASTORE, "credentials": literal}]}
        assert put(factory, name, wrong).status_code == 400
        assert put(factory, name, {**body, CANARY: "x", "name": name}).status_code == 400
        assert factory.http.put(f"/api/registrations/{name}", content=f"{{{CANARY}").status_code == 400
    finally:
        stack.vault_secret("sp-password", stack.config["vault"]["sp-password"])
    assert len(trail(stack, what=name)) >= 4
    assert CANARY not in text(stack)
