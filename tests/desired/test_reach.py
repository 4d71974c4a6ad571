"""What nobody was allowed to want stands in nobody's way, and leads nobody's data elsewhere."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.desired.nights import actions
from tests.road.journey import DATASTORE, Journey, data, registration, versions
from tests.support import LocalStack

pytestmark = pytest.mark.usefixtures("alone")


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
    key = stack.new_workspace()
    owner = Journey(stack, "data-owner")
    sales = {"name": "sales_x", "type": "uri_file", "version": "1"}
    lake = "abfss://silver@sourcedata.dfs.core.windows.net/sales"
    owner.done(registration([key], {**sales, "path": f"{lake}/a.csv"}, name=name, datastores=[]))
    stored = parts.documents.read(f"registrations/{name}")
    value = stored.value
    value["registration"]["data"] = [{**value["registration"]["data"][0], "name": "hr"}]
    parts.documents.replace(stored.name, value, etag=stored.etag)
    other = f"{name}-{uuid.uuid4().hex[:6]}"
    parts.catalog.current(fresh=0.0)
    selector = {"selector": {"subscription_id": key.split("/")[0], "resource_group": "ml-rg"}}
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
