"""Nights: the timer by its admin endpoint, and what came of it."""

from __future__ import annotations

from typing import Any

from tests.road.journey import Journey, run_function
from tests.support import LocalStack, eventually


def operations(journey: Journey, kind: str = "reconcile") -> list[dict[str, Any]]:
    """The operations of a kind, the newest first."""
    listed = journey.http.get("/api/operations?top=200").json()["value"]
    return [operation for operation in listed if operation["kind"] == kind]


def night(stack: LocalStack) -> dict[str, Any]:
    """One nightly run, to its end: its result as platform-admin may read it."""
    journey = Journey(stack, "platform-admin")
    before = {operation["id"] for operation in operations(journey)}
    run_function(stack, "nightly")
    begun = eventually(lambda: [it for it in operations(journey) if it["id"] not in before])[0]["id"]
    address = f"/api/operations/{begun}/result"
    eventually(lambda: journey.http.get(address).status_code != 202, seconds=90)
    return dict(journey.http.get(address).json())


def of(result: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """Asset -> its change in one workspace."""
    for workspace in result["workspaces"]:
        if workspace["workspace"] == key:
            return {change["asset"]: change for change in workspace["changes"]}
    return {}


def actions(result: dict[str, Any], key: str) -> dict[str, str]:
    """Asset -> what was, or would be, done; what needs nothing is left out."""
    return {asset: change["action"] for asset, change in of(result, key).items() if change.get("action") != "none"}


def reasons(change: dict[str, Any]) -> list[tuple[str, str]]:
    return [(reason["field"], reason["reason"]) for reason in change.get("reasons", [])]


def planned(stack: LocalStack, body: dict[str, Any] | None = None, query: str = "") -> dict[str, Any]:
    """A dry run over what is stored, to its end."""
    journey = Journey(stack)
    answer = journey.http.post(f"/api/reconcile?dryRun=true{query}", json=body or {})
    assert answer.status_code == 202, answer.text
    result = journey.follow(answer)
    assert result.status_code == 200, result.text
    return dict(result.json())


def by_hand(stack: LocalStack, key: str, path: str, **properties: Any) -> None:
    """What a person does in the portal: a GET and a PUT."""
    held = stack.arm("GET", f"{key}/{path}").json()
    body = {"properties": {**held["properties"], **properties}}
    assert stack.arm("PUT", f"{key}/{path}", body).status_code in {200, 201}
