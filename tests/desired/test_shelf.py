"""What callers are told of stored registrations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registration.access.caller import Caller
from registration.request.document import parse_registration
from registration.views.shelf import ShelfQuery
from shared.errors import Damaged, RequestError
from tests.desired.parts import (
    ADMIN,
    BEFORE,
    OWNER,
    READER,
    STRANGER,
    SUBSCRIPTION,
    URL,
    House,
    caller,
    key,
    rule,
    stored,
    table,
)

ONE, TWO = key("ws-1"), key("ws-2")
SELECTOR = {"selector": {"subscription_id": SUBSCRIPTION, "tags": {"team": "sales"}}}
IN_GROUP = {"selector": {"subscription_id": SUBSCRIPTION, "resource_group": "ML-RG"}}
SECRETS = {
    "tenant_id": {"key_vault_secret": "tenant-id"},
    "client_id": {"key_vault_secret": "sp-id"},
    "client_secret": {"key_vault_secret": "sp-password"},
}


def refused(house: House, who: Caller, name: str) -> RequestError:
    with pytest.raises(RequestError) as error:
        house.shelf.get(who, name)
    return error.value


def shown(house: House, who: Caller, name: str = "sales") -> dict[str, Any]:
    return house.shelf.get(who, name)[0]


def names(page: dict[str, Any]) -> list[str]:
    return [it["name"] for it in page["value"]]


def test_an_owner_sees_it_whole_and_could_send_it_again() -> None:
    house = House()
    it = stored(
        "Sales",
        ONE,
        SELECTOR,
        data=(table("a", "20260101T000000000Z"), table("b", tags={"x": "1"})),
        sync={"prune": "archive", "keep_versions": 2},
    )
    house.keep(it)
    body, etag = house.shelf.get(OWNER, "SALES")
    document = body.pop("registration")
    assert body == {
        "name": "Sales",
        "generation": 1,
        "owner": {"tenant_id": OWNER.tenant_id, "object_id": OWNER.object_id},
        "createdDateTime": BEFORE,
        "updatedDateTime": BEFORE,
        "etag": it.etag,
        "operation": f"{URL}/api/operations/operation-Sales",
    }
    assert etag == it.etag
    assert document["workspaces"][1] == SELECTOR
    assert document["sync"] == {"prune": "archive", "keep_versions": 2}
    assert parse_registration(document, ["https://vault.test"], 1000) == it.registration


def test_a_secret_stays_a_reference() -> None:
    house = House()
    store = {"name": "gold", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "gold"}
    it = stored("sales", ONE, datastores=[{**store, "credentials": SECRETS}])
    house.keep(it)
    document = shown(house, OWNER)["registration"]
    assert document["datastores"][0]["credentials"]["client_secret"] == {"key_vault_secret": "sp-password"}
    assert parse_registration(document, ["https://vault.test"], 1000) == it.registration


@pytest.mark.parametrize("action", ["read", "administer"])
def test_others_see_the_workspaces_and_assets_that_they_may(action: str) -> None:
    house = House(rule(READER, action, workspaces=TWO, assets="data/A"))
    house.keep(stored("sales", ONE, TWO, SELECTOR, data=(table("a"), table("a", "2"), table("b"))))
    body = shown(house, READER)
    document = body["registration"]
    assert body["partial"] is True
    assert [it["workspace_name"] for it in document["workspaces"]] == ["ws-2"]
    assert (document["datastores"], [it["version"] for it in document["data"]]) == ([], ["1", "2"])


@pytest.mark.parametrize("action", ["read", "administer"])
def test_who_may_see_everything_sees_it_whole(action: str) -> None:
    house = House(rule(ADMIN, action))
    house.keep(stored("sales", ONE, TWO, SELECTOR, IN_GROUP, data=(table("a"),)))
    assert shown(house, ADMIN) == shown(house, OWNER)


def test_rights_to_a_place_and_to_an_asset_count_together_only() -> None:
    """One rule must allow both."""
    rules = rule(READER, "read", workspaces=ONE, assets="data/b"), rule(READER, "read", workspaces=TWO, assets="data/c")
    house = House(*rules)
    house.keep(stored("sales", ONE, TWO, data=(table("a"), table("b"))))
    document = shown(house, READER)["registration"]
    assert [it["workspace_name"] for it in document["workspaces"]] == ["ws-1"]
    assert [it["name"] for it in document["data"]] == ["b"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*/*/*", [SELECTOR, IN_GROUP]),
        (f"{SUBSCRIPTION}/*/*", [SELECTOR, IN_GROUP]),
        (f"{SUBSCRIPTION}/ml-rg/*", [IN_GROUP]),
        (f"{SUBSCRIPTION}/ml-rg/ws-*", []),
        (f"{SUBSCRIPTION}/*/ws-1", []),
    ],
)
def test_a_selector_is_shown_to_those_who_may_see_whatever_it_finds(pattern: str, found: list[Any]) -> None:
    house = House(rule(READER, "read", workspaces=pattern))
    house.keep(stored("sales", SELECTOR, IN_GROUP, data=(table("a"),)))
    if found:
        entries = shown(house, READER)["registration"]["workspaces"]
        assert [it["selector"].get("tags") for it in entries] == [it["selector"].get("tags") for it in found]
    else:
        assert refused(house, READER, "sales").status == 404


@pytest.mark.parametrize("name", ["nothing", "buried", "", "..", "a" * 2000, "sales\n", "sal es"])
def test_what_is_not_there_and_what_is_not_for_you_look_alike(name: str) -> None:
    house = House(rule(STRANGER, "register", "plan", "reconcile", "delete"))
    house.keep(stored("sales", ONE))
    house.bury(stored("buried", ONE))
    unknown, hidden = refused(house, OWNER, name), refused(house, STRANGER, "sales")
    assert (unknown.status, unknown.fault) == (hidden.status, hidden.fault)
    assert (unknown.status, unknown.fault.code) == (404, "RegistrationNotFound")


def test_a_damaged_one_is_named_to_those_who_administer_everywhere() -> None:
    house = House(
        rule(ADMIN, "administer"), rule(READER, "read"), rule(caller(5), "administer", workspaces=f"{SUBSCRIPTION}/*/*")
    )
    house.keep(stored("sales", ONE), stored("other", ONE))
    house.documents.damage("registrations/sales")
    house.documents.replace("registrations/odd", {"registration": {}})
    with pytest.raises(Damaged):
        house.shelf.get(ADMIN, "sales")
    assert house.registrations(ADMIN)["damaged"] == ["odd", "sales"]
    for who in (OWNER, READER, caller(5)):
        page = house.registrations(who)
        assert names(page) == ["other"]
        assert "damaged" not in page
        assert refused(house, who, "sales").status == 404
    house.keep(stored("sales", ONE))
    first = house.registrations(ADMIN, top="1")
    assert first["damaged"] == ["odd"]
    assert "damaged" not in house.registrations(ADMIN, continuation=first["nextLink"].rpartition("=")[2])


def test_the_list_is_by_name_and_counts_what_is_seen() -> None:
    house = House(rule(READER, "read", workspaces=ONE, assets="data/*"))
    house.keep(
        stored("b", ONE, TWO, SELECTOR, data=(table("a"), table("a", "2"))),
        stored("A", ONE, data=(table("a"),), sync={"suspend": True}),
        stored("c", TWO),
    )
    house.bury(stored("buried", ONE))
    assert names(house.registrations(OWNER)) == ["A", "b", "c"]
    first, second = house.registrations(READER)["value"]
    assert (first["name"], first["suspended"], second["suspended"]) == ("A", True, False)
    assert second["counts"] == {"workspaces": 1, "selectors": 0, "datastores": 0, "data": 2}
    assert house.registrations(OWNER)["value"][1]["counts"] == {
        "workspaces": 2,
        "selectors": 1,
        "datastores": 1,
        "data": 2,
    }
    assert second["partial"] is True
    assert "registration" not in second
    assert house.registrations(STRANGER) == {"value": []}


def test_pages_lead_to_the_end_and_show_each_once() -> None:
    house = House(rule(READER, "read", workspaces=ONE))
    house.keep(*(stored(f"n-{n:02}", ONE if n % 2 else TWO) for n in range(14)))
    found, parameters = [], {"top": "3"}
    while parameters:
        page = house.registrations(READER, **parameters)
        found.append(names(page))
        link = page.get("nextLink", "")
        assert not link or link.startswith(f"{URL}/api/registrations?top=3&continuation=")
        parameters = {"top": "3", "continuation": link.rpartition("=")[2]} if link else {}
    assert found == [["n-01", "n-03", "n-05"], ["n-07", "n-09", "n-11"], ["n-13"]]


def test_the_list_of_those_that_hold_an_asset() -> None:
    house = House(rule(READER, "read", assets="data/a"))
    house.keep(stored("one", ONE, data=(table("A"), table("b"))), stored("two", ONE, data=(table("b"),)))
    assert names(house.registrations(OWNER, asset="data/a")) == ["one"]
    assert names(house.registrations(OWNER, asset="Data/B", top="1")) == ["one"]
    assert "asset=Data%2FB" in house.registrations(OWNER, asset="Data/B", top="1")["nextLink"]
    assert names(house.registrations(OWNER, asset="datastores/silver")) == ["one", "two"]
    assert names(house.registrations(READER, asset="data/a")) == ["one"]
    assert names(house.registrations(READER, asset="data/b")) == []


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        ({"name": "x"}, "name"),
        ({"top": "0"}, "top"),
        ({"top": "201"}, "top"),
        ({"top": "²"}, "top"),
        ({"asset": "environments/x"}, "asset"),
        ({"asset": "data/"}, "asset"),
        ({"asset": "data/x/1"}, "asset"),
        ({"continuation": ""}, "continuation"),
        ({"continuation": "!"}, "continuation"),
        ({"continuation": "W10"}, "continuation"),
        ({"continuation": "ö"}, "continuation"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, str], target: str) -> None:
    with pytest.raises(RequestError) as error:
        ShelfQuery.parse(parameters)
    assert (error.value.status, error.value.fault.code, error.value.fault.target) == (400, "InvalidParameter", target)


def test_every_wrong_parameter_is_named_at_once() -> None:
    with pytest.raises(RequestError) as error:
        ShelfQuery.parse({"name": "x", "top": "0", "asset": "x", "continuation": "!"})
    assert [it.target for it in error.value.faults] == ["name", "asset", "top", "continuation"]


def test_a_thousand_registrations_cost_one_call_when_nothing_changed() -> None:
    house = House()
    house.keep(*(stored(f"n-{n:04}", ONE) for n in range(1000)))
    house.registrations(OWNER)
    house.documents.reads.clear()
    house.documents.listings.clear()
    assert len(house.registrations(OWNER, top="200")["value"]) == 200
    assert (house.documents.reads, house.documents.listings) == ([], ["registrations/"])
    house.keep(stored("n-0001", TWO))
    assert len(house.registrations(OWNER, top="200")["value"]) == 200
    assert house.documents.reads == ["registrations/n-0001"]


def test_what_is_told_is_json() -> None:
    house = House(rule(ADMIN, "administer"))
    house.keep(stored("sales", ONE, SELECTOR, data=(table("a"),), sync={"ignore": ["tags"]}))
    assert json.loads(json.dumps([shown(house, OWNER), house.registrations(ADMIN)]))
