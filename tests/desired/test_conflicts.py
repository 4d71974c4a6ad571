"""Registrations that want the same asset otherwise: who is refused, whose definition stands, who is told."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registration.records.catalog import PREFIX
from registration.wiring import Wiring
from tests.desired.nights import night
from tests.desired.rules import policy, rule
from tests.road.journey import DATASTORE, Journey, changes, data, datastore, registration, verdicts, versions
from tests.support import LocalStack

pytestmark = pytest.mark.usefixtures("alone")

LAKE = "abfss://silver@sourcedata.dfs.core.windows.net"


def refused(journey: Journey, body: dict[str, Any]) -> list[dict[str, str]]:
    """The details of a 409; nothing was stored."""
    answer = journey.send(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "Conflict"), answer.text
    assert Journey(journey.stack).http.get(f"/api/registrations/{body['name']}").status_code == 404
    return list(answer.json()["error"]["details"])


def selecting(key: str, team: str, *assets: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A registration that finds workspaces by a tag."""
    selector = {"subscription_id": key.split("/", maxsplit=1)[0], "tags": {"team": team}}
    return {**registration([], *assets, **fields), "workspaces": [{"selector": selector}]}


def raced(parts: Wiring, name: str, seconds: float, **changed: Any) -> str:
    """Stores a twin of the registration `name`, born so many seconds from now, with other fields: both were admitted
    before either was stored. Returns its name."""
    document = parts.documents.read(f"{PREFIX}{name}")
    assert document is not None
    twin = f"{name}-twin"
    born = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    registered = {**document.value["registration"], "name": twin, **changed}
    value = {**document.value, "registration": registered, "created": born, "operation": str(uuid.uuid4())}
    assert parts.documents.create(f"{PREFIX}{twin}", value) is not None
    return twin


def whose(result: dict[str, Any], key: str, asset: str) -> dict[str, dict[str, Any]]:
    """Registration -> its change of one asset in one workspace."""
    workspace = next(it for it in result["workspaces"] if it["workspace"] == key)
    return {it["registration"]: it for it in workspace["changes"] if it["asset"] == asset}


def test_what_contradicts_is_refused_at_once(stack: LocalStack, factory: Journey, name: str) -> None:
    one, two = stack.new_workspace(), stack.new_workspace()
    factory.done(registration([one], data("sales", version="1"), name=name))
    other = registration([two, one], data("Sales", "elsewhere", version="1"), name=f"{name}-b")
    [fault] = refused(factory, other)
    assert fault["target"] == "data[0]"
    assert name in fault["message"]
    assert one in fault["message"]
    assert two not in fault["message"]
    gold = {**DATASTORE, "name": "Silver", "filesystem": "gold"}
    path = f"{LAKE}/hr.csv"
    [fault] = refused(factory, {**registration([one], {**data("hr"), "path": path}), "datastores": [gold], "name": "b"})
    assert fault["target"] == "datastores[0]"
    assert versions(stack, one, "sales")["1"]["dataUri"].endswith("paths/sales.csv")
    # By itself, a registration contradicts nothing; nor where it is not.
    factory.done(registration([one], data("sales", version="1"), name=name))
    factory.done({**other, "workspaces": other["workspaces"][:1]})


def test_the_other_is_named_to_those_alone_who_may_read_it(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    lake = {**data("sales_a", version="1"), "path": f"{LAKE}/a.csv"}
    factory.done(registration([key], lake, name=name, datastores=[]))
    body = registration([key], {**lake, "path": f"{LAKE}/b.csv"}, name=f"{name}-b", datastores=[])
    owner = Journey(stack, "data-owner")
    assert name in refused(owner, body)[0]["message"], "it may read data/sales_*"
    with policy(stack, rule(stack, "stranger", "register", "plan")):
        told = refused(Journey(stack, "stranger"), body)[0]["message"]
        assert name not in told
        assert "another registration" in told
        answer = Journey(stack, "stranger").send(body, "/api/plan")
        assert (answer.status_code, name in answer.text) == (409, False)


def test_what_agrees_is_accepted(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    same = {**data("Sales", "sales", version="1"), "tags": {"team": "sales"}}
    silver = {**DATASTORE, "name": "Silver", "description": "what the other one leaves open"}
    result = factory.done(registration([key], same, name=f"{name}-b", datastores=[silver]))
    assert set(verdicts(result, key).values()) == {"updated"}
    other = data("sales", "elsewhere", version="2")
    assert verdicts(factory.done(registration([key], other, name=f"{name}-c")), key)["data/sales"] == "created"
    assert sorted(versions(stack, key, "sales")) == ["1", "2"]
    [found] = [it for it in night(stack)["workspaces"] if it["workspace"] == key]
    assert {change["outcome"] for change in found["changes"]} == {"unchanged"}


def test_whoever_is_sent_now_is_refused_and_told_no_untruth(stack: LocalStack, factory: Journey, name: str) -> None:
    """The earlier one, too: at a run its definition would stand, and the later one, which was accepted, would not."""
    key = stack.new_workspace()
    plain = registration([key], data("sales", version="1"), name=name)
    factory.done(plain)
    factory.done(registration([key], data("sales", version="1", tags={"team": "sales"}), name=f"{name}-b"))
    answer = factory.send({**plain, "data": [data("sales", version="1", tags={"team": "hr"})]})
    assert answer.status_code == 409, answer.text
    [told] = answer.json()["error"]["details"]
    assert f"'{name}-b'" in told["message"]
    assert "first" not in answer.text
    factory.done({**plain, "data": [data("sales", version="1", tags={"team": "sales"})]})


def test_through_selectors_the_earlier_stands(stack: LocalStack, factory: Journey, name: str) -> None:
    team = uuid.uuid4().hex
    key = stack.new_workspace(tags={"team": team})
    lake = {**data("sales_a", version="1"), "path": f"{LAKE}/a.csv"}
    factory.done(registration([key], lake, data("hr", version="1"), name=name))
    other = {**lake, "path": f"{LAKE}/b.csv"}
    owner = Journey(stack, "data-owner")
    later = selecting(key, team, other, name=f"{name}-b", datastores=[])
    result = owner.done(later, 424)
    assert verdicts(result, key) == {"data/sales_a": "conflict"}
    assert changes(result, key)["data/sales_a"]["conflictsWith"] == name
    assert versions(stack, key, "sales_a")["1"]["dataUri"] == f"{LAKE}/a.csv"
    result = night(stack)
    found = whose(result, key, "data/sales_a/1")
    assert {it: change["outcome"] for it, change in found.items()} == {name: "unchanged", f"{name}-b": "conflict"}
    assert (result["status"], found[f"{name}-b"]["conflictsWith"]) == ("Failed", name)
    # What the earlier one gives up is there still, and cannot be changed; a version of its own is the way out.
    factory.done(registration([key], data("hr", version="1"), name=name))
    [reason] = changes(owner.done(later, 424), key)["data/sales_a"]["reasons"]
    assert (reason["field"], reason["reason"], reason["wanted"]) == ("path", "immutable", f"{LAKE}/b.csv")
    owner.done(selecting(key, team, {**other, "version": "2"}, name=f"{name}-b", datastores=[]))
    assert versions(stack, key, "sales_a")["2"]["dataUri"] == f"{LAKE}/b.csv"


def test_who_may_not_read_the_earlier_is_not_told_its_name(stack: LocalStack, factory: Journey, name: str) -> None:
    team = uuid.uuid4().hex
    key = stack.new_workspace(tags={"team": team})
    secret = f"secret-plans-{name}"
    lake = {**data("sales_a", version="1"), "path": f"{LAKE}/a.csv"}
    factory.done(registration([key], lake, name=secret))
    body = selecting(key, team, {**lake, "path": f"{LAKE}/b.csv"}, name=f"{name}-b", datastores=[])
    with policy(stack, rule(stack, "stranger", "register", "plan", "reconcile")):
        stranger = Journey(stack, "stranger")
        plan = stranger.send(body, "/api/plan")
        assert plan.status_code == 200, plan.text
        assert verdicts(plan.json(), key) == {"data/sales_a": "conflict"}
        accepted = stranger.accepted(body)
        result = stranger.follow(accepted)
        assert verdicts(result.json(), key) == {"data/sales_a": "conflict"}
        everything = [plan, result, stranger.http.get(accepted.headers["operation-location"])]
        assert not [answer.text for answer in everything if secret in answer.text]


@pytest.mark.parametrize("seconds", [1.0, -3600.0])
def test_of_two_that_raced_the_earlier_stands(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str, seconds: float
) -> None:
    """Which one stands does not depend on whose run comes first; what is there already cannot be changed."""
    key = stack.new_workspace()
    factory.done(registration([key], data("sales", version="1"), name=name))
    twin = raced(parts, name, seconds, data=[{**data("sales", version="1"), "path": f"{LAKE}/twin.csv"}])
    first, second = (name, twin) if seconds > 0 else (twin, name)
    for _ in range(2):
        found = whose(night(stack), key, "data/sales/1")
        assert (found[second]["outcome"], found[second]["conflictsWith"]) == ("conflict", first)
        assert found[first]["outcome"] == ("unchanged" if first == name else "conflict")
        assert "conflictsWith" not in found[first]
    assert versions(stack, key, "sales")["1"]["dataUri"].endswith("paths/sales.csv")


def test_the_later_one_takes_over_when_the_earlier_is_deleted(
    stack: LocalStack, parts: Wiring, factory: Journey, name: str
) -> None:
    key = stack.new_workspace()
    factory.done(registration([key], name=name))
    gold = {**DATASTORE, "filesystem": "gold"}
    twin = raced(parts, name, 0.0, datastores=[gold])
    for outcome, filesystem in (("conflict", "silver"), ("updated", "gold"), ("unchanged", "gold")):
        found = whose(night(stack), key, "datastores/silver")
        assert (found[twin]["outcome"], datastore(stack, key)["filesystem"]) == (outcome, filesystem)
        if outcome == "conflict":
            assert found[name]["outcome"] == "unchanged"
            again = registration([key], name=twin, datastores=[gold])
            assert factory.send(again).status_code == 409, "sent now, it is a contradiction"
            assert factory.http.delete(f"/api/registrations/{name}").status_code == 204
