"""One asset across all workspaces."""

from __future__ import annotations

from typing import Any

import pytest

from registration.access.caller import Caller
from registration.plan import Applied, Inventory, Origin
from registration.records.inventory import MAX_MARKS
from shared.errors import RequestError
from tests.desired.parts import (
    BEFORE,
    NOW,
    OWNER,
    READER,
    STRANGER,
    SUBSCRIPTION,
    URL,
    House,
    caller,
    inventory,
    key,
    rule,
    seen,
    stored,
    table,
)

ONE, TWO, THREE = key("ws-1"), key("ws-2"), key("ws-3")
SELECTOR = {"selector": {"subscription_id": SUBSCRIPTION, "tags": {"team": "sales"}}}


def missing(house: House, who: Caller, kind: str = "data", name: str = "a") -> None:
    with pytest.raises(RequestError) as error:
        house.asset(who, kind, name)
    assert (error.value.status, error.value.fault.code) == (404, "AssetNotFound")


def held(house: House, place: str, *assets: str, **fields: Any) -> None:
    """A workspace in which a registration has these assets."""
    house.workspace(
        place, inventory=inventory(*assets), seen={it: seen(registration="Sales") for it in assets}, **fields
    )


def test_versions_stand_side_by_side() -> None:
    house = House(rule(READER, "read"))
    house.keep(stored("Sales", ONE, THREE, SELECTOR, data=(table("A", "10"), table("A", "9"), table("b"))))
    held(house, ONE, "data/a/9", "data/b/1", "datastores/silver")
    held(house, TWO, "data/a/8", "data/a/9")
    body = house.asset(READER, "Data", "a")
    applied = {"registration": "Sales", "at": BEFORE, "created": True}
    nine = {"version": "9", "state": "unchanged", "registration": "Sales", "at": NOW, "applied": applied}
    assert body == {
        "asset": "data/A",
        "wanted": [{"registration": "Sales", "version": "10"}, {"registration": "Sales", "version": "9"}],
        "versions": ["10", "9", "8"],
        "workspaces": [
            {"workspace": ONE, "status": "inSync", "versions": [nine]},
            {"workspace": TWO, "status": "inSync", "versions": [{**nine, "version": "8"}, nine]},
            {"workspace": THREE, "status": "neverSeen", "versions": []},
        ],
    }


def test_a_datastore_has_no_versions() -> None:
    house = House(rule(READER, "read"))
    house.keep(stored("Sales", ONE))
    held(house, ONE, "datastores/silver")
    body = house.asset(READER, "datastores", "SILVER")
    assert body["wanted"] == [{"registration": "Sales"}]
    assert "versions" not in body
    [workspace] = body["workspaces"]
    assert [(it["state"], "version" in it) for it in workspace["versions"]] == [("unchanged", False)]


def test_only_documents_that_may_say_something_are_read() -> None:
    house = House(rule(READER, "read"))
    house.keep(stored("Sales", ONE, data=(table("a"),)), stored("other", TWO, data=(table("b"),)))
    held(house, ONE, "data/a/1")
    house.workspace(TWO, inventory=inventory("data/b/1", registration="other"))
    many = {f"data/d{n}/1": seen(registration=f"r-{n}") for n in range(MAX_MARKS // 9 + 1)}
    house.workspace(THREE, seen={**many, "data/a/1": seen("conflict", "Sales")})
    house.catalog.current()
    house.documents.reads.clear()
    body = house.asset(READER, "data", "a")
    assert [it["workspace"] for it in body["workspaces"]] == [ONE, THREE]
    assert sorted(house.documents.reads) == [f"workspaces/{ONE}", f"workspaces/{THREE}"]


def test_a_damaged_document_is_named_and_the_rest_goes_on() -> None:
    house = House(rule(READER, "read"))
    house.keep(stored("Sales", ONE, TWO, data=(table("a"),)))
    held(house, ONE, "data/a/1")
    held(house, TWO, "data/a/1")
    house.damaged_workspace(ONE)
    first, second = house.asset(READER, "data", "a")["workspaces"]
    assert (first["workspace"], first["error"]["code"], first["versions"]) == (ONE, "DocumentDamaged", [])
    assert [it["version"] for it in second["versions"]] == ["1"]


def test_only_workspaces_where_it_may_be_read_are_there() -> None:
    house = House(
        rule(READER, "read", workspaces=TWO, assets="data/a"),
        rule(STRANGER, "register", "administer", assets="data/b"),
        rule(caller(5), "read", workspaces=ONE, assets="data/b"),
    )
    house.keep(stored("Sales", ONE, TWO, data=(table("a"),)), stored("hidden", ONE, data=(table("a", "2"),)))
    held(house, ONE, "data/a/1")
    held(house, TWO, "data/a/1")
    body = house.asset(READER, "data", "a")
    assert [it["workspace"] for it in body["workspaces"]] == [TWO]
    assert body["wanted"] == [{"registration": "Sales", "version": "1"}]
    assert body["versions"] == ["1"]
    mine = house.asset(OWNER, "data", "a")
    assert ([it["registration"] for it in mine["wanted"]], mine["workspaces"]) == (["hidden", "Sales"], [])
    missing(house, STRANGER)
    missing(house, caller(5))


@pytest.mark.parametrize(("kind", "name"), [("data", "none"), ("environments", "a"), ("data", ""), ("data", "a/1")])
def test_what_no_registration_wants_is_not_there(kind: str, name: str) -> None:
    house = House(rule(READER, "read"))
    house.keep(stored("Sales", ONE, data=(table("a"),)))
    held(house, ONE, "data/a/1", "data/none/1")
    house.documents.listings.clear()
    missing(house, READER, kind, name)
    assert house.documents.listings == ["registrations/"]


def test_of_a_deleted_registration_what_is_left_is_seen() -> None:
    house = House(rule(READER, "read"))
    house.bury(stored("Sales", ONE, TWO, data=(table("a"),)))
    held(house, ONE, "data/a/1")
    body = house.asset(READER, "data", "a")
    assert (body["wanted"], [it["workspace"] for it in body["workspaces"]]) == ([], [ONE])


def test_pages_lead_to_the_end_and_show_each_once() -> None:
    house = House(rule(READER, "read"))
    places = [key(f"ws-{n:03}") for n in range(150)]
    house.keep(stored("Sales", *places[:75], data=(table("a"),)), stored("x", SELECTOR, data=(table("a"),)))
    for place in places:
        held(house, place, *(["data/a/1"] if place[-1] != "5" else ["data/b/1"]))
    found, parameters = [], {"top": "40"}
    while parameters:
        page = house.asset(READER, "data", "A", **parameters)
        found.append([it["workspace"] for it in page["workspaces"]])
        link = page.get("nextLink", "")
        assert not link or link.startswith(f"{URL}/api/assets/data/A?top=40&continuation=")
        parameters = {"top": "40", "continuation": link.rpartition("=")[2]} if link else {}
    expected = [place for place in places if place in places[:75] or place[-1] != "5"]
    assert [place for page in found for place in page] == expected
    assert [len(page) for page in found[:-1]] == [40] * (len(found) - 1)


def test_the_newest_version_is_the_one_that_was_applied_last() -> None:
    house = House(rule(READER, "read"))
    house.keep(stored("Sales", ONE, TWO, data=(table("a", "z"), table("a", "10"))))

    def made(**times: str) -> Inventory:
        origin = Origin("sales", BEFORE)
        return Inventory({f"data/a/{it[1:]}": Applied({}, {}, origin, True, at) for it, at in times.items()})

    house.workspace(ONE, inventory=made(vb="2026-01-02", va="2026-01-03", v9="2026-01-01", v10="2026-01-01"))
    house.workspace(TWO, inventory=made(vb="2026-01-05"))
    assert house.asset(READER, "data", "a")["versions"] == ["z", "a", "b", "10", "9"]


def test_a_wrong_parameter_is_named() -> None:
    with pytest.raises(RequestError) as error:
        House().asset(READER, "data", "a", status="failed", top="x")
    assert [it.target for it in error.value.faults] == ["status", "top"]
