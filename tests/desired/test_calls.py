"""What is stored and how the workspaces stand to it, asked for as a caller does."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.road.journey import SECRETS, Journey, blobs, data, registration
from tests.support import LocalStack, eventually

DATASTORE = {"type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}


@pytest.fixture
def name() -> str:
    return f"Read-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def owner(stack: LocalStack) -> Journey:
    """It may read `data/sales_*`."""
    return Journey(stack, "data-owner")


@pytest.fixture
def stranger(stack: LocalStack) -> Journey:
    return Journey(stack, "stranger")


def got(journey: Journey, path: str, status: int = 200) -> dict[str, Any]:
    answer = journey.http.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


def everything(journey: Journey, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found, link = [], path
    while link:
        page = got(journey, link)
        found += page["value"]
        link = page.get("nextLink", "")
    return found


def test_what_was_sent_is_read_and_can_be_sent_again(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    body = registration([key], data("sales_a"), name=name)
    body["datastores"] = [{**DATASTORE, "name": "silver", "credentials": SECRETS}]
    accepted = factory.accepted(body)
    assert factory.follow(accepted).status_code == 200
    answer = factory.http.get(f"/api/registrations/{name.lower()}")
    found = answer.json()
    assert answer.headers["etag"] == found["etag"] == accepted.headers["etag"]
    assert (found["name"], found["generation"]) == (name, 1)
    assert found["operation"] == accepted.headers["operation-location"]
    document = found["registration"]
    assert document["datastores"][0]["credentials"] == SECRETS
    again = factory.http.put(f"/api/registrations/{name}", json=document, headers={"If-Match": found["etag"]})
    assert again.status_code == 202, again.text
    assert factory.follow(again).json()["workspaces"][0]["outcome"] == "unchanged"
    assert got(factory, f"/api/registrations/{name}")["registration"] == document


def test_what_has_not_changed_is_not_sent(stack: LocalStack, factory: Journey, name: str) -> None:
    factory.done(registration([stack.new_workspace()], data("sales_a"), name=name))
    path = f"/api/registrations/{name}"
    etag = factory.http.get(path).headers["etag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = factory.http.get(path, headers={"If-None-Match": condition})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert factory.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert factory.http.get(path, headers={"If-None-Match": "other"}).status_code == 400


def test_others_see_their_part_of_a_registration(
    stack: LocalStack, factory: Journey, owner: Journey, stranger: Journey, name: str
) -> None:
    factory.done(registration([stack.new_workspace()], data("sales_a"), data("hr"), name=name))
    found = got(owner, f"/api/registrations/{name}")
    assert (found["partial"], found["registration"]["datastores"]) == (True, [])
    assert [it["name"] for it in found["registration"]["data"]] == ["sales_a"]
    error = got(stranger, f"/api/registrations/{name}", 404)["error"]
    assert error == got(factory, f"/api/registrations/{name}-none", 404)["error"]
    path = "/api/registrations?top=1&asset=data/SALES_A"
    assert name in [it["name"] for it in everything(factory, path)]
    [mine] = [it for it in everything(owner, path) if it["name"] == name]
    assert mine["counts"] == {"workspaces": 1, "selectors": 0, "datastores": 0, "data": 1}
    assert everything(stranger, "/api/registrations") == []


def test_what_was_deleted_is_not_there(stack: LocalStack, factory: Journey, name: str) -> None:
    factory.done(registration([stack.new_workspace()], data("sales_a"), name=name))
    assert factory.http.delete(f"/api/registrations/{name}").status_code == 204
    got(factory, f"/api/registrations/{name}", 404)
    assert name not in [it["name"] for it in everything(factory, "/api/registrations")]


def test_a_workspace_tells_what_it_holds(
    stack: LocalStack, factory: Journey, owner: Journey, stranger: Journey, name: str
) -> None:
    key = stack.new_workspace()
    stray = {"properties": {"dataType": "uri_file", "dataUri": "https://example.org/stray.csv"}}
    assert stack.arm("PUT", f"{key}/data/stray/versions/1", stray).status_code == 201
    done = factory.done(registration([key], data("sales_a", version="1"), data("hr", version="1"), name=name))
    subscription = key.split("/")[0]
    [listed] = [
        it for it in everything(factory, f"/api/workspaces?subscription={subscription}") if it["workspace"] == key
    ]
    assert (listed["status"], listed["assets"]) == ("inSync", 3)
    assert (listed["lastRun"]["operation"], listed["lastRun"]["outcome"]) == (done["id"], "succeeded")
    assert "lastDeepLook" in listed
    found = got(factory, f"/api/workspaces/{key.upper()}")
    assert {it["asset"]: (it["state"], it["registration"]) for it in found["assets"]} == {
        "data/hr/1": ("created", name),
        "data/sales_a/1": ("created", name),
        "datastores/silver": ("created", name),
    }
    assert "data/stray" in found["unmanaged"]
    assert [run["operation"] for run in found["runs"]] == [done["id"]]
    mine = got(owner, f"/api/workspaces/{key}")
    assert ([it["asset"] for it in mine["assets"]], mine["unmanaged"]) == (["data/sales_a/1"], [])
    assert got(stranger, f"/api/workspaces/{key}", 404)["error"]["code"] == "WorkspaceNotFound"
    assert everything(stranger, "/api/workspaces") == []


def test_a_workspace_that_fails_says_why(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace().rpartition("/")[0] + f"/ws-{uuid.uuid4().hex[:12]}"
    factory.done(registration([key], data("sales_a"), name=name), 424)
    found = got(factory, f"/api/workspaces/{key}")
    assert (found["status"], found["assets"]) == ("failed", [])
    assert found["error"]["message"]
    assert key in [it["workspace"] for it in everything(factory, "/api/workspaces?status=failed&top=1")]


def test_an_asset_is_seen_across_all_workspaces(
    stack: LocalStack, factory: Journey, owner: Journey, stranger: Journey, name: str
) -> None:
    one, two = sorted([stack.new_workspace(), stack.new_workspace()])
    asset = f"sales_{uuid.uuid4().hex[:12]}"
    factory.done(registration([one], data(asset, version="1"), name=name))
    factory.done(registration([two], data(asset, version="2"), data("hr", version="1"), name=f"{name}-two"))
    found = got(owner, f"/api/assets/data/{asset.upper()}")
    assert (found["asset"], sorted(found["versions"])) == (f"data/{asset}", ["1", "2"])
    assert [(it["registration"], it["version"]) for it in found["wanted"]] == [(name, "1"), (f"{name}-two", "2")]
    assert [(it["workspace"], [v["version"] for v in it["versions"]]) for it in found["workspaces"]] == [
        (one, ["1"]),
        (two, ["2"]),
    ]
    first = got(owner, f"/api/assets/data/{asset}?top=1")
    assert got(owner, first["nextLink"])["workspaces"] == found["workspaces"][1:]
    for journey, path in ((stranger, f"data/{asset}"), (owner, "data/hr"), (factory, f"datastores/{asset}")):
        assert got(journey, f"/api/assets/{path}", 404)["error"]["code"] == "AssetNotFound"


def test_a_damaged_workspace_stops_no_other(stack: LocalStack, factory: Journey, name: str) -> None:
    one, two = sorted([stack.new_workspace(), stack.new_workspace()])
    asset = f"sales_{uuid.uuid4().hex[:12]}"
    factory.done(registration([one, two], data(asset, version="1"), name=name))
    blob = blobs(stack).get_blob_client(f"workspaces/{one}")
    eventually(lambda: blob.get_blob_properties().lease.state != "leased")
    blob.upload_blob(b"{", overwrite=True, metadata=blob.get_blob_properties().metadata)
    first, second = got(factory, f"/api/assets/data/{asset}")["workspaces"]
    assert (first["workspace"], first["error"]["code"]) == (one, "DocumentDamaged")
    assert [it["version"] for it in second["versions"]] == ["1"]
    assert got(factory, f"/api/workspaces/{one}", 409)["error"]["code"] == "DocumentDamaged"
    assert one in [it["workspace"] for it in everything(factory, "/api/workspaces")]
    blob.delete_blob()


def test_a_plan_is_read_as_text(stack: LocalStack, factory: Journey, name: str) -> None:
    key = stack.new_workspace()
    body = registration([key], data("sales_a", version="1"), name=name)
    answer = factory.http.post("/api/plan", json=body, headers={"Accept": "text/plain"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith(f"Registration {name}, generation 1\n\n{key}\n  + create  datastores/silver\n")
    end = "Plan: 2 to create, 0 to update, 0 to archive, 0 to delete, 0 conflicts; 0 unchanged.\n"
    assert answer.text.endswith(end)


@pytest.mark.parametrize(
    "path", ["registrations", "registrations/x", "workspaces", "workspaces/a/b/c", "assets/data/x"]
)
def test_nobody_is_told_anything_unasked(stack: LocalStack, path: str) -> None:
    assert Journey(stack, None).http.get(f"/api/{path}").status_code == 401


@pytest.mark.parametrize("path", ["registrations?status=x", "workspaces?status=x", "assets/data/x?status=x"])
def test_a_parameter_that_is_wrong_is_named(factory: Journey, path: str) -> None:
    assert got(factory, f"/api/{path}", 400)["error"]["target"] == "status"


@pytest.mark.parametrize(
    "path", ["workspaces/a/b/c", "workspaces/a/b/%2F", "registrations/%2F", "registrations/a%20b", "assets/models/x"]
)
def test_what_is_no_name_is_not_there(factory: Journey, path: str) -> None:
    got(factory, f"/api/{path}", 404)
