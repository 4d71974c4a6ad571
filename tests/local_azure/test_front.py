"""The door: who gets in, what the host behind it hears, and what no client can make it say."""

import asyncio
import base64
import http.client
import json
from typing import Any

import httpx
import pytest

from local.azure.config import Config
from local.azure.front import Front
from local.azure.tokens import Authority
from local.http1 import Request
from tests.local_azure.conftest import ARM, TENANT, LocalAzure

PRINCIPAL = "X-MS-CLIENT-PRINCIPAL"
SPELLINGS = [
    "X-MS-CLIENT-PRINCIPAL",
    "x-ms-client-principal-id",
    "X-Ms-Client-Principal-Name",
    "X_MS_CLIENT_PRINCIPAL",
    "x_ms-client_PRINCIPAL-idp",
    "X.MS.CLIENT.PRINCIPAL",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN",
    "x_ms_token_aad_id_token",
    "X-Local-Front",
    "x_local_front",
]


def knock(azure: LocalAzure, name: str | None = "data-factory", path: str = "/api/x", **more: Any) -> httpx.Response:
    headers = dict(more.pop("headers", {}))
    if name:
        headers["Authorization"] = f"Bearer {azure.token(name, azure.config['audience'])}"
    return azure.http.request(more.pop("method", "GET"), azure.front + path, headers=headers, **more)


def heard(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.status_code == 203, answer.text
    found: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        found.setdefault(name.lower(), []).append(value)
    return found


def test_who_the_host_is_told_of(azure: LocalAzure) -> None:
    answer = knock(azure, method="POST", path="/api/a%2Fb//c?x=%20&y", content=b"\x00body", headers={"X-Mine": "1"})
    headers, own = heard(answer), azure.config["identities"]["data-factory"]
    assert answer.headers["X-From-Host"] == "yes"
    assert (answer.json()["target"], answer.json()["body"]) == ("/api/a%2Fb//c?x=%20&y", "\x00body")
    assert headers["x-local-front"] == ["between-front-and-host"]
    assert headers["x-mine"] == ["1"]
    assert headers["x-ms-client-principal-id"] == [own["object_id"]]
    assert headers["x-ms-client-principal-idp"] == ["aad"]
    principal = json.loads(base64.b64decode(headers[PRINCIPAL.lower()][0]))
    claims = {claim["typ"]: claim["val"] for claim in principal["claims"]}
    assert principal["auth_typ"] == "aad"
    assert claims["http://schemas.microsoft.com/identity/claims/tenantid"] == TENANT
    assert claims["http://schemas.microsoft.com/identity/claims/objectidentifier"] == own["object_id"]
    assert claims["azp"] == own["client_id"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("path", ["/api/x", "/api/health"])
def test_forged_headers_do_not_pass(azure: LocalAzure, spelling: str, path: str) -> None:
    headers = heard(knock(azure, path=path, headers={spelling: "forged", "Connection": f"keep-alive, {PRINCIPAL}"}))
    assert "forged" not in json.dumps(headers)
    assert len(headers.get(PRINCIPAL.lower(), [])) == (path == "/api/x")
    assert knock(azure, None, headers={spelling: "forged"}).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/health", 203),
        ("/api/health?deep=true", 203),
        ("/api/%68ealth", 203),
        ("/api/health/", 401),
        ("/API/health", 401),
        ("/api%2Fhealth", 401),
        ("/api/%2568ealth", 401),
        ("/api/health/../x", 401),
        ("/api/health;a", 401),
        ("//api/health", 401),
        ("/admin", 404),
        ("/Admin/functions/x", 404),
        ("/%61dmin/host/status", 404),
        ("//admin", 404),
        ("/api/../admin/x", 404),
        ("/api/%2e%2e/admin/x", 404),
        ("/administrators", 401),
    ],
)
def test_what_is_open_and_what_is_shut(azure: LocalAzure, path: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", azure.config["ports"]["front"])
    connection.request("GET", path)  # as it is written: httpx would tidy it
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == status
    assert (b"x-ms-client-principal" in body.lower()) is False
    if status == 401:
        assert (answer.getheader("WWW-Authenticate") or "").startswith("Bearer ")
    connection.close()


def test_tokens_that_do_not_open(azure: LocalAzure) -> None:
    good = azure.token("data-factory", azure.config["audience"])
    head, payload, signature = good.split(".")
    for token in (azure.token("data-factory", ARM), f"{head}.{payload}.", f"{head}.{payload}x.{signature}", "x"):
        assert knock(azure, None, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    for value in ("Bearer", good, f"Basic {good}", f"Bearer  {good}", f"Bearer {good},Bearer {good}"):
        assert knock(azure, None, headers={"Authorization": value}).status_code == 401
    twice = [("Authorization", f"Bearer {good}"), ("authorization", f"Bearer {good}")]
    assert azure.http.get(f"{azure.front}/api/x", headers=twice).status_code == 401
    assert knock(azure, None, headers={"Authorization": f"bEARER {good}"}).status_code == 203


def test_admitted_are_the_listed_identities_only(azure: LocalAzure) -> None:
    for name, status in (("data-owner", 203), ("stranger", 203), ("platform-admin", 203), ("app", 403)):
        assert knock(azure, name).status_code == status
    secret = {"client_id": azure.config["vault"]["sp-id"], "client_secret": azure.config["vault"]["sp-password"]}
    form = {"grant_type": "client_credentials", "scope": f"{azure.config['audience']}/.default", **secret}
    token = azure.http.post(f"{azure.arm}/{TENANT}/oauth2/v2.0/token", data=form).json()["access_token"]
    assert knock(azure, None, headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_a_host_that_is_down_and_a_door_that_would_stand_open(azure: LocalAzure) -> None:
    config = Config.model_validate(azure.config | {"ports": dict.fromkeys(azure.config["ports"], 9)})
    settings = json.loads(config.auth.read_text())
    front, health = Front(Authority(config), settings, print), Request("GET", "/api/health", (), b"")
    answer = asyncio.run(front.handle(health))
    assert (answer.status, answer.body) == (502, b"The Functions host does not answer.")
    too_large = Request("POST", "/api/health", (), b"", "Request body too large.")
    assert asyncio.run(front.handle(too_large)).status == 413
    for section, name, value in (
        ("platform", "enabled", False),
        ("globalValidation", "requireAuthentication", False),
        ("globalValidation", "unauthenticatedClientAction", "AllowAnonymous"),
    ):
        with pytest.raises(ValueError, match="must"):
            Front(Authority(config), settings | {section: settings[section] | {name: value}}, print)
