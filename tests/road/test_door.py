"""Who gets in, who sees what, and what bad input gets: a 4xx, with nothing stored and nothing sent to Azure."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any

import httpx
import pytest

from tests.road.journey import (
    DATASTORE,
    SECRETS,
    Journey,
    blobs,
    calls,
    data,
    fault,
    original,
    outcomes,
    registration,
)
from tests.support import LocalStack, eventually

LAKE = "abfss://silver@sourcedata.dfs.core.windows.net"


def stored(stack: LocalStack) -> set[str]:
    """Everything that is stored but the heartbeats of hosts."""
    return {name for name in blobs(stack).list_blob_names() if not name.startswith("hosts/")}


@pytest.fixture
def untouched(stack: LocalStack) -> Any:
    """Nothing may be stored and nothing sent to Azure while the test runs."""
    done = Journey(stack).done(registration([stack.new_workspace()], data("warm")))
    eventually(lambda: f"open/{done['id']}" not in stored(stack))
    before = stored(stack)
    yield
    assert stored(stack) == before


def test_without_a_token_and_with_a_forged_header_it_is_401(stack: LocalStack, untouched: None) -> None:
    claims = [{"typ": "tid", "val": stack.config["tenant_id"]}]
    claims.append({"typ": "oid", "val": stack.description["identities"]["data-factory"]["object_id"]})
    forged = base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims}).encode()).decode()
    nobody = Journey(stack, None).http
    body = registration([stack.new_workspace()], data("sales"))
    for path in ("/send_data", "/api/send_data", "/api/registrations"):
        assert nobody.post(path, json=body).status_code == 401
        assert nobody.post(path, json=body, headers={"X-MS-CLIENT-PRINCIPAL": forged}).status_code == 401
    with_token = Journey(stack, "stranger").http
    assert (
        with_token.post("/api/registrations", json=body, headers={"x-ms-client-principal": forged}).status_code == 403
    )


@pytest.mark.parametrize(
    "principal", ["%%%", "{}", "[]", '{"auth_typ": "aad", "claims": [{"typ": "oid", "val": "x"}]}']
)
def test_a_principal_that_is_not_whole_is_401_behind_the_door_too(
    stack: LocalStack, untouched: None, principal: str
) -> None:
    encoded = principal if principal == "%%%" else base64.b64encode(principal.encode()).decode()
    headers = {"X-Local-Front": stack.config["front_secret"], "X-MS-CLIENT-PRINCIPAL": encoded}
    url = f"{stack.description['host_api']}/registrations"
    answer = httpx.post(
        url, json=registration([stack.new_workspace()], data("sales")), headers=headers, trust_env=False
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["details"][0]["target"].startswith("x-ms-client-principal")


@pytest.mark.parametrize(
    "target",
    [
        "/admin/functions/sweep",
        "/ADMIN/functions/sweep",
        "/admin//../functions/sweep",
        "/x/../admin/functions/sweep",
        "/%61dmin//%2e%2e/functions/sweep",
        "/admin/./functions/sweep",
        "//admin/functions/sweep",
        "/api//..//../admin/functions/sweep",
    ],
)
def test_nobody_gets_at_the_admin_endpoints_through_the_door(stack: LocalStack, target: str) -> None:
    door = http.client.HTTPConnection(stack.front.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {stack.token('platform-admin')}", "Content-Type": "application/json"}
    door.request("POST", target, body='{"input": ""}', headers=headers)
    assert door.getresponse().status == 404
    door.close()


def test_a_stranger_is_403_and_told_only_what_is_missing(stack: LocalStack, untouched: None) -> None:
    key = stack.new_workspace()
    answer = Journey(stack, "stranger").send(original([key], "sales"), "/send_data")
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "No rule of the policy lets you register anything."
    assert calls(stack, key) == []


def test_a_data_owner_registers_sales_data_and_nothing_else(stack: LocalStack) -> None:
    key, owner = stack.new_workspace(), Journey(stack, "data-owner")
    sales = {**data("sales_2026"), "path": f"{LAKE}/sales/2026.csv"}
    assert outcomes(owner.done(registration([key], sales, datastores=[]))) == {key: "succeeded"}
    hr = {**data("hr_2026"), "path": f"{LAKE}/hr/2026.csv"}
    refused = owner.send(registration([key], sales, hr))
    assert refused.status_code == 403
    targets = {detail["target"] for detail in refused.json()["error"]["details"]}
    assert targets == {"datastores[0]", "data[1]"}


def test_a_secret_that_policy_does_not_grant(stack: LocalStack, untouched: None) -> None:
    key, factory = stack.new_workspace(), Journey(stack)
    secrets = {**SECRETS, "client_secret": {"key_vault_secret": "admin-password"}}
    body = registration([key], datastores=[{**DATASTORE, "credentials": secrets}])
    refused = factory.send(body)
    assert refused.status_code == 403
    [detail] = refused.json()["error"]["details"]
    assert "(secrets)" in detail["message"]
    assert calls(stack, key) == []


def test_an_operation_is_its_senders_and_others_see_what_they_may_read(stack: LocalStack) -> None:
    key, factory = stack.new_workspace(), Journey(stack)
    done = factory.follow(factory.accepted(registration([key], data("sales_1"), data("hr_1"))))
    operation = f"/api/operations/{done.json()['id']}"
    assert len(done.json()["workspaces"][0]["changes"]) == 3
    owner, stranger = Journey(stack, "data-owner").http, Journey(stack, "stranger").http
    seen = owner.get(f"{operation}/result").json()["workspaces"][0]["changes"]
    assert [change["asset"].split("/")[1] for change in seen] == ["sales_1"]
    assert "changes" not in owner.get(operation).json()["workspaces"][0], "counts would tell of other assets"
    for path in (operation, f"{operation}/result"):
        assert stranger.get(path).status_code == 404
    assert owner.post(f"{operation}/retry").status_code == 404
    unknown = factory.http.get("/api/operations/00000000-0000-4000-8000-000000000000")
    assert stranger.get(operation).json()["error"]["code"] == unknown.json()["error"]["code"] == "OperationNotFound"
    assert factory.http.get("/api/operations/not-a-guid").status_code == 404
    assert factory.http.get(f"{operation}/result?skip=x").status_code == 400


def test_a_failure_outside_of_what_one_may_read_says_so(stack: LocalStack) -> None:
    key, factory = stack.new_workspace(), Journey(stack)
    with fault(
        stack, key, match="/data/hr_1", method="PUT", status=400, body={"error": {"code": "x", "message": "No."}}
    ):
        failed = factory.done(registration([key], data("sales_1"), data("hr_1")), 424)
    answer = Journey(stack, "data-owner").http.get(f"/api/operations/{failed['id']}/result")
    assert answer.status_code == 424
    assert "outside of what you may read" in answer.json()["error"]["message"]
    assert "hr_1" not in answer.text


def test_a_name_belongs_to_its_creator(stack: LocalStack) -> None:
    key = stack.new_workspace()
    sales = {**data("sales_2026"), "path": f"{LAKE}/sales/2026.csv"}
    body = registration([key], sales, name=f"Owned-{key.rsplit('/', 1)[1]}", datastores=[])
    Journey(stack).done(body)
    refused = Journey(stack, "data-owner").send({**body, "name": body["name"].lower()})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "NotOwner")


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"a: [", "application/yaml", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"a: &a [*a]", "application/yaml", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"colour": "blue"}', "application/json", 400),
        (b'{"workspace_definition": 5, "dataset_definition": [[]]}', "application/json", 400),
        (b'{"x": "' + b"a" * 5_000_000 + b'"}', "application/json", 413),
    ],
)
def test_bad_input_is_a_4xx_and_leaves_nothing(
    stack: LocalStack, untouched: None, content: bytes, content_type: str, status: int
) -> None:
    answer = Journey(stack).http.post("/api/registrations", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_chunked_body_arrives_empty_as_on_azure_and_is_told_so(stack: LocalStack, untouched: None) -> None:
    answer = Journey(stack).http.post("/api/registrations", content=iter([b'{"a": ', b"1}"]))
    assert answer.status_code == 400
    assert "Content-Length" in answer.json()["error"]["message"]


@pytest.mark.parametrize("key", ["x" * 300, "a\tb"])
def test_an_idempotency_key_has_a_form(stack: LocalStack, untouched: None, key: str) -> None:
    answer = Journey(stack).http.post(
        "/api/registrations",
        json=registration([stack.new_workspace()], data("sales")),
        headers={"Idempotency-Key": key},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidIdempotencyKey")


def test_health_answers_without_sign_in_and_without_data(stack: LocalStack) -> None:
    answer = stack.api(None).get("/api/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "problems": []})
