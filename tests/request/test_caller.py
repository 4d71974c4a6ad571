"""Who asks: Easy Auth's principal header, and when it is believed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from registration.access.caller import CLAIMS, HEADER, Caller, caller_of, door_problem
from shared.errors import RequestError

TID = "11111111-1111-4111-8111-111111111111"
OID = "44444444-4444-4444-8444-444444444444"
LONG = {short: name for name, short in CLAIMS.items() if name.startswith("http")}
ON = {"WEBSITE_AUTH_ENABLED": "True"}


def principal(*claims: tuple[str, str], **changes: Any) -> str:
    body = {"auth_typ": "aad", "claims": [{"typ": name, "val": value} for name, value in claims], **changes}
    return base64.b64encode(json.dumps(body).encode()).decode()


def refused(headers: dict[str, str], environment: dict[str, str]) -> str:
    with pytest.raises(RequestError) as error:
        caller_of(headers, environment)
    assert error.value.status == 401
    return json.dumps(error.value.as_json())


@pytest.mark.parametrize("tid", ["tid", LONG["tid"]])
@pytest.mark.parametrize("oid", ["oid", LONG["oid"]])
@pytest.mark.parametrize("role", ["roles", LONG["role"]])
@pytest.mark.parametrize("client", ["azp", "appid"])
def test_claims_are_read_by_either_of_their_names(tid: str, oid: str, role: str, client: str) -> None:
    header = principal((tid, TID.upper()), (oid, OID), (role, "Registrar"), (role, "Reader"), (client, OID))
    assert caller_of({HEADER: header}, ON) == Caller(TID, OID, OID, frozenset({"Registrar", "Reader"}))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "no signed-in caller"),
        ("%%%", "not base64"),
        (base64.b64encode(b"{").decode(), "not JSON"),
        (base64.b64encode(b"[" * 50_000).decode(), "not JSON"),
        (base64.b64encode(b"[]").decode(), "not an object"),
        (base64.b64encode(b"\xff\xfe\x00").decode(), "not JSON"),
        (principal(("tid", TID), ("oid", OID), auth_typ="google"), "Entra"),
        (principal(claims="x"), "no list of claims"),
        (principal(claims=["x"]), "{typ, val}"),
        (principal(claims=[{"typ": "tid", "val": 5}]), "{typ, val}"),
        (principal(("oid", OID)), "no tid"),
        (principal(("tid", TID)), "no oid"),
        (principal(("tid", TID), ("oid", OID), ("oid", OID)), "more than one (2) oid"),
        (principal(("tid", TID), ("oid", OID), (LONG["oid"], TID)), "more than one (2) oid"),
        (principal(("tid", "x"), ("oid", OID)), "tid claim is not a GUID"),
        (principal(("tid", TID), ("http://evil.example/objectidentifier", OID)), "no oid"),
        (principal(("tid", TID), ("sub", OID)), "no oid"),
        (principal(("tid", TID), ("oid", OID), ("azp", TID), ("appid", OID)), "more than one client id"),
    ],
)
def test_a_principal_that_is_not_whole_is_401(header: str, says: str) -> None:
    assert says in refused({HEADER: header}, ON)


@pytest.mark.parametrize("environment", [{}, {"WEBSITE_AUTH_ENABLED": "false"}, {"WEBSITE_AUTH_ENABLED": "1"}])
def test_a_header_is_not_believed_where_easy_auth_is_not_on(environment: dict[str, str]) -> None:
    assert "Easy Auth is not on" in refused({HEADER: principal(("tid", TID), ("oid", OID))}, environment)


def test_a_deployment_may_vouch_for_easy_auth() -> None:
    header = principal(("tid", TID), ("oid", OID))
    assert caller_of({HEADER: header}, {"EASY_AUTH_ENABLED": "true"}) == Caller(TID, OID)


DEVELOPER = {"DEVELOPMENT_CALLER": f"{TID}/{OID}", "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}


def test_a_developer_stands_in_on_their_own_machine() -> None:
    assert caller_of({}, DEVELOPER) == Caller(TID, OID)
    assert caller_of({}, {**DEVELOPER, "CONTAINER_NAME": "devcontainer"}) == Caller(TID, OID)


@pytest.mark.parametrize(
    "change",
    [
        {"AZURE_FUNCTIONS_ENVIRONMENT": "Production"},
        {"WEBSITE_INSTANCE_ID": "x"},
        {"WEBSITE_POD_NAME": "x"},
        {"LEGION_SERVICE_HOST": "x"},
        {"DEVELOPMENT_CALLER": ""},
        {"DEVELOPMENT_CALLER": "x/y"},
        {"WEBSITE_AUTH_ENABLED": "true"},
    ],
)
def test_and_nowhere_else(change: dict[str, str]) -> None:
    refused({}, {**DEVELOPER, **change})


def test_health_tells_when_nobody_can_be_believed() -> None:
    assert door_problem(ON) is None
    assert door_problem(DEVELOPER) is None
    assert "Easy Auth is not on" in (door_problem({}) or "")
    assert "DEVELOPMENT_CALLER" in (door_problem({**DEVELOPER, "DEVELOPMENT_CALLER": "x"}) or "")
