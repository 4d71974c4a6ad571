"""What the app does in Azure ML, each with the least that must be there before. To add one: a function and its line.

A scenario prepares with all rights of the role, then acts; what it acts must need at least one of the role's actions.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.road.journey import Journey, data, registration, target
from tests.support import LocalStack

Act = Callable[[], dict[str, Any]]
"""Does it, and gives the operation's result, whatever it is."""
Scenario = Callable[[LocalStack, Journey], Act]


def first_registration(stack: LocalStack, caller: Journey) -> Act:
    """A datastore and data where nothing is yet."""
    body = registration([stack.new_workspace()], data("accounting"))
    return lambda: result(caller, body)


def registration_again(stack: LocalStack, caller: Journey) -> Act:
    """Data that is there already is read before anything is written; then there is more of it."""
    key = stack.new_workspace()
    caller.done(registration([key], data("accounting", version="1")))
    body = registration([key], data("accounting", version="1"), data("sales", version="1"))
    return lambda: result(caller, body)


def pruning(stack: LocalStack, caller: Journey) -> Act:
    """What a deleted registration made is removed: its data archived, its datastore deleted."""
    name, sync = unique(), {"prune": "archive", "allow_empty": True}
    caller.done(registration([stack.new_workspace()], data("accounting", version="1"), name=name, sync=sync))
    return lambda: end(caller, caller.http.delete(f"/api/registrations/{name}"))


def reconciling(stack: LocalStack, caller: Journey) -> Act:
    """A datastore that somebody deleted, and a tag that somebody edited, are as they were."""
    key, name, wanted = stack.new_workspace(), unique(), {"team": "sales"}
    caller.done(registration([key], data("accounting", version="1", tags=wanted), name=name))
    assert stack.arm("DELETE", f"{key}/datastores/silver").is_success
    path = f"{key}/data/accounting/versions/1"
    held = stack.arm("GET", path).json()["properties"]
    assert stack.arm("PUT", path, {"properties": {**held, "tags": {"team": "hr"}}}).is_success

    def act() -> dict[str, Any]:
        done = end(caller, caller.http.post("/api/reconcile?deep=true", json={"registrations": [name]}))
        healed = stack.arm("GET", path).json()["properties"]["tags"] == wanted
        assert healed == (done["status"] == "Succeeded"), done
        return done

    return act


def discovering(stack: LocalStack, caller: Journey) -> Act:
    """A workspace that nobody names: a selector finds it by its tag."""
    team, key = unique(), stack.new_workspace()
    tagged = stack.new_workspace(tags={"team": team})
    selector = {"subscription_id": target(key)["subscription_id"], "tags": {"team": team}}
    body = {**registration([], data("accounting", version="1")), "workspaces": [{"selector": selector}]}

    def act() -> dict[str, Any]:
        done = result(caller, body)
        if done["status"] == "Succeeded":
            assert [it["workspace"] for it in done["workspaces"]] == [tagged]
        return done

    return act


SCENARIOS: dict[str, Scenario] = {
    "a first registration": first_registration,
    "a registration over what is there": registration_again,
    "a deleted registration, pruned": pruning,
    "drift, reconciled": reconciling,
    "workspaces, found by a selector": discovering,
}


def result(caller: Journey, body: dict[str, Any]) -> dict[str, Any]:
    return end(caller, caller.send(body))


def end(caller: Journey, accepted: httpx.Response) -> dict[str, Any]:
    assert accepted.status_code == 202, accepted.text
    return dict(caller.follow(accepted).json())


def unique() -> str:
    return f"least-{uuid.uuid4().hex[:12]}"


@contextmanager
def rights(stack: LocalStack, actions: list[str]) -> Iterator[None]:
    """The app's role holds just these, while the stack runs."""
    app = stack.description["identities"]["app"]["object_id"]
    stack.emulator("PATCH", "settings", {"roles": {app: actions}})
    try:
        yield
    finally:
        stack.emulator("PATCH", "settings", {"roles": {app: None}})
