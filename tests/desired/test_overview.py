"""How the workspaces stand to their desired state, as callers are told."""

from __future__ import annotations

from typing import Any

import pytest

from registration.access.caller import Caller
from registration.records.inventory import State
from registration.views.overview import WorkspaceQuery
from shared.errors import Damaged, RequestError
from tests.desired.parts import (
    BEFORE,
    NOW,
    OTHER,
    OWNER,
    READER,
    STRANGER,
    SUBSCRIPTION,
    URL,
    House,
    inventory,
    key,
    rule,
    seen,
    stored,
    table,
)

ONE, TWO = key("ws-1"), key("ws-2")
REFUSED = {"code": "AzureRefused", "message": "There is no such workspace."}


def keys(page: dict[str, Any]) -> list[str]:
    return [it["workspace"].rpartition("/")[2] for it in page["value"]]


def missing(house: House, who: Caller, place: str) -> RequestError:
    with pytest.raises(RequestError) as error:
        house.overview.get(who, place)
    assert (error.value.status, error.value.fault.code) == (404, "WorkspaceNotFound")
    return error.value


@pytest.fixture
def house() -> House:
    """One workspace in each state, and one that nobody speaks of."""
    house = House(rule(READER, "read"))
    house.keep(stored("sales", key("never"), key("failed"), data=(table("A"),)))
    house.workspace(
        key("sound"), inventory=inventory("data/a/1"), looked={"data/a/1": BEFORE}, seen={"data/a/1": seen()}
    )
    house.workspace(key("drifted"), seen={"data/a/1": seen("drifted")})
    house.workspace(key("failed"), error=REFUSED)
    house.workspace(key("conflict", OTHER), seen={"data/a/1": seen("conflict")})
    house.workspace(key("gone"))
    house.documents.create(f"workspaces/{key('planned')}", {}, State().metadata())
    return house


def test_every_workspace_that_is_known_is_listed_with_its_status(house: House) -> None:
    found = {it["workspace"].rpartition("/")[2]: it for it in house.workspaces(READER)["value"]}
    assert {name: it["status"] for name, it in found.items()} == {
        "drifted": "drifted",
        "failed": "failed",
        "never": "neverSeen",
        "sound": "inSync",
        "conflict": "failed",
    }
    assert found["sound"] == {
        "workspace": key("sound"),
        "status": "inSync",
        "lastRun": {"operation": "operation-1", "at": NOW, "outcome": "succeeded"},
        "lastDeepLook": BEFORE,
        "assets": 1,
    }
    assert found["never"] == {"workspace": key("never"), "status": "neverSeen", "assets": 0}


def test_the_list_reads_no_document(house: House) -> None:
    house.catalog.current()
    house.documents.reads.clear()
    house.documents.listings.clear()
    house.workspaces(READER)
    assert (house.documents.reads, house.documents.listings) == ([], ["workspaces/"])


def test_metadata_that_were_lost_are_written_again(house: House) -> None:
    before = house.workspaces(READER)
    for name, (text, _) in list(house.documents.kept.items()):
        house.documents.kept[name] = text, {}
    assert house.workspaces(READER) == before
    house.documents.reads.clear()
    assert house.workspaces(READER, status="failed")["value"]
    assert house.documents.reads == []


def test_a_document_that_is_damaged_and_has_lost_its_metadata_has_failed(house: House) -> None:
    house.documents.damage(f"workspaces/{key('sound')}", {"seen": NOW})
    house.documents.damage(f"workspaces/{key('gone')}", {"health": "fine"})
    assert keys(house.workspaces(READER, status="failed")) == ["failed", "gone", "sound", "conflict"]


@pytest.mark.parametrize("text", ["null", "{}", "[]", "7"])
def test_a_document_that_should_hold_something_is_damaged_when_it_does_not(house: House, text: str) -> None:
    name = f"workspaces/{key('sound')}"
    house.documents.kept[name] = text, house.documents.kept[name][1]
    with pytest.raises(Damaged):
        house.overview.get(READER, key("sound"))


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"status": "failed"}, ["failed", "conflict"]),
        ({"status": "inSync"}, ["sound"]),
        ({"status": "drifted"}, ["drifted"]),
        ({"status": "neverSeen"}, ["never"]),
        ({"subscription": OTHER}, ["conflict"]),
        ({"subscription": SUBSCRIPTION.upper(), "status": "failed"}, ["failed"]),
        ({"subscription": TWO[:36].replace("6", "7")}, []),
    ],
)
def test_the_list_can_be_narrowed(house: House, parameters: dict[str, str], names: list[str]) -> None:
    assert keys(house.workspaces(READER, **parameters)) == names


def test_pages_lead_to_the_end_and_keep_what_was_asked(house: House) -> None:
    first = house.workspaces(READER, top="2", subscription=SUBSCRIPTION)
    assert keys(first) == ["drifted", "failed"]
    assert first["nextLink"].startswith(f"{URL}/api/workspaces?subscription={SUBSCRIPTION}&top=2&continuation=")
    after = first["nextLink"].rpartition("=")[2]
    second = house.workspaces(READER, top="2", subscription=SUBSCRIPTION, continuation=after)
    assert (keys(second), "nextLink" in second) == (["never", "sound"], False)


def test_only_what_a_rule_to_read_reaches_is_there(house: House) -> None:
    house.rules = [
        rule(READER, "read", workspaces="*/ml-rg/so*", assets="data/*"),
        rule(READER, "administer", "register"),
        rule(OWNER, "register", "administer"),
    ]
    [found] = house.workspaces(READER)["value"]
    assert found["workspace"] == key("sound")
    assert "assets" not in found  # how many there are is for those who may read them all
    for who in (OWNER, STRANGER):
        assert house.workspaces(who) == {"value": []}
        missing(house, who, key("sound"))
    missing(house, READER, key("drifted"))


@pytest.mark.parametrize("place", ["gone", "planned", "unknown"])
def test_a_workspace_that_nobody_speaks_of_is_none(house: House, place: str) -> None:
    """It was planned for once, or is gone since, or was never there."""
    missing(house, READER, key(place))


@pytest.mark.parametrize("place", ["a/b/c", "..", f"{SUBSCRIPTION}/ml-rg/..", f"{SUBSCRIPTION}/ml-rg/" + "w" * 2000])
def test_what_is_no_workspaces_name_is_not_looked_for(house: House, place: str) -> None:
    house.documents.reads.clear()
    missing(house, READER, place)
    assert house.documents.reads == []


def test_a_workspace_that_was_never_seen_says_so(house: House) -> None:
    assert house.overview.get(READER, key("never")) == {
        "workspace": key("never"),
        "status": "neverSeen",
        "runs": [],
        "assets": [],
        "unmanaged": [],
    }


def test_a_workspace_tells_of_each_asset() -> None:
    house = House(rule(READER, "read"))
    house.keep(stored("Sales", ONE, data=(table("Accounting"), table("b"))))
    reason = {"field": "tags", "reason": "changed in workspace", "found": {"a": "1"}, "wanted": {}}
    left = inventory("data/accounting/1", "data/old/1", "datastores/silver")
    found = {
        "data/accounting/1": seen("drifted", "Sales", asset="data/Accounting/1", reasons=(reason,)),
        "data/b/1": seen("failed", "Sales", error={"code": "UserError", "message": "No."}),
        "datastores/silver": seen("created", "Sales"),
    }
    house.workspace(
        ONE, inventory=left, seen=found, looked={"data/accounting/1": NOW}, unmanaged=("data/stray", "datastores/Blob")
    )
    body = house.overview.get(READER, ONE.upper())
    applied = {"registration": "Sales", "at": BEFORE, "created": True}
    assert (body["workspace"], body["workspaceId"], body["status"]) == (ONE, "id-1", "failed")
    assert body["assets"] == [
        {
            "asset": "data/Accounting/1",
            "state": "drifted",
            "registration": "Sales",
            "at": NOW,
            "reasons": [reason],
            "applied": applied,
            "lookedAt": NOW,
        },
        {
            "asset": "data/b/1",
            "state": "failed",
            "registration": "Sales",
            "at": NOW,
            "error": {"code": "UserError", "message": "No."},
        },
        {"asset": "data/old/1", "state": "kept", "registration": "Sales", "at": BEFORE, "applied": applied},
        {"asset": "datastores/silver", "state": "created", "registration": "Sales", "at": NOW, "applied": applied},
    ]
    assert body["unmanaged"] == ["data/stray", "datastores/Blob"]
    assert body["runs"][0]["counts"] == {"created": 1}
    assert body["lastDeepLook"] == NOW  # of what is wanted: nobody looks at what is left over
    assert "error" not in body


def test_who_may_read_a_part_sees_that_part() -> None:
    house = House(rule(READER, "read", workspaces=ONE, assets="data/sales_* data/stray_a"))
    found = {"data/sales_a/1": seen(), "data/other/1": seen(), "datastores/silver": seen()}
    house.workspace(ONE, seen=found, unmanaged=("data/stray_a", "data/stray_b"), inventory=inventory("data/other/1"))
    body = house.overview.get(READER, ONE)
    assert [it["asset"] for it in body["assets"]] == ["data/sales_a/1"]
    assert body["unmanaged"] == ["data/stray_a"]
    assert [set(run) for run in body["runs"]] == [{"operation", "kind", "at", "outcome"}]


def test_why_a_workspace_failed_is_told(house: House) -> None:
    body = house.overview.get(READER, key("failed"))
    assert (body["status"], body["error"]) == ("failed", REFUSED)


def test_a_damaged_document_is_an_error_of_its_own(house: House) -> None:
    house.damaged_workspace(key("sound"))
    with pytest.raises(Damaged):
        house.overview.get(READER, key("sound"))
    assert len(house.workspaces(READER)["value"]) == 5


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        ({"state": "failed"}, "state"),
        ({"status": "failing"}, "status"),
        ({"subscription": "sub"}, "subscription"),
        ({"top": "-1"}, "top"),
        ({"continuation": "x"}, "continuation"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, str], target: str) -> None:
    with pytest.raises(RequestError) as error:
        WorkspaceQuery.parse(parameters)
    assert (error.value.status, error.value.fault.target) == (400, target)
