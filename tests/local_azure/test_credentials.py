"""Key Vault's and Entra's clients, unmodified: secrets, managed identities, a service principal."""

from typing import Any

import jwt
import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from tests.local_azure.conftest import ARM, TENANT, LocalAzure


def identity(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch, name: str) -> ManagedIdentityCredential:
    monkeypatch.setenv("IDENTITY_ENDPOINT", azure.endpoint(name))
    monkeypatch.setenv("IDENTITY_HEADER", azure.config["identities"][name]["header"])
    return ManagedIdentityCredential()


def test_secrets(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    with SecretClient(azure.vault, identity(azure, monkeypatch, "platform-admin")) as admin:
        first = admin.get_secret("sp-password").properties.version
        admin.set_secret("sp-password", "rotated", tags={"a": "b"})
        assert [p.name for p in admin.list_properties_of_secrets()] == ["tenant-id", "sp-id", "sp-password"]
        assert len(list(admin.list_properties_of_secret_versions("sp-password"))) == 2
        admin.set_secret("off", "x", enabled=False)
        admin.set_secret("gone", "x")
        admin.begin_delete_secret("gone").wait()
        with pytest.raises(HttpResponseError, match="deleted but recoverable"):
            admin.set_secret("gone", "y")
    with SecretClient(azure.vault, identity(azure, monkeypatch, "app")) as app:
        assert app.get_secret("SP-password").value == "rotated"
        assert app.get_secret("sp-password", first).value == "canary-5e"
        with pytest.raises(HttpResponseError, match="disabled secret"):
            app.get_secret("off")
        for name in ("gone", "never"):
            with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
                app.get_secret(name)
        with pytest.raises(HttpResponseError, match="not authorized") as caught:
            app.set_secret("new", "x")
        assert caught.value.status_code == 403


def test_the_vault_takes_its_own_tokens_only(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = azure.http.get(f"{azure.vault}/secrets/sp-id", headers={"Authorization": f"Bearer {azure.token('app')}"})
    assert answer.status_code == 401
    port = azure.config["ports"]["vault"]
    assert f'resource="https://0.0.1:{port}"' in answer.headers["WWW-Authenticate"]
    with (
        SecretClient(azure.vault, identity(azure, monkeypatch, "stranger")) as stranger,
        pytest.raises(HttpResponseError, match="Forbidden"),
    ):
        stranger.get_secret("sp-id")
    bearer = {"Authorization": f"Bearer {azure.token('app', 'https://vault.azure.net')}"}
    assert azure.http.get(f"{azure.vault}/secrets/sp-id", headers=bearer).status_code == 200
    assert azure.http.get(f"{azure.vault}/keys/x", headers=bearer).status_code == 501


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize("resource", [ARM, f"{ARM}/", "audience", "client_id"])
def test_managed_identity_of_msal(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch, resource: str) -> None:
    identity(azure, monkeypatch, "data-factory")
    own, asked = azure.config["identities"]["data-factory"], azure.config.get(resource, resource)
    for managed in (
        msal.SystemAssignedManagedIdentity(),
        msal.UserAssignedManagedIdentity(client_id=own["client_id"]),
        msal.UserAssignedManagedIdentity(object_id=own["object_id"]),
    ):
        client = msal.ManagedIdentityClient(managed, http_client=requests.Session())
        found = claims(client.acquire_token_for_client(resource=asked)["access_token"])
        assert (found["oid"], found["tid"]) == (own["object_id"], TENANT)
        if resource.startswith("https"):
            expected = (asked, f"https://sts.windows.net/{TENANT}/", own["client_id"])
            assert (found["aud"], found["iss"], found["appid"]) == expected
        else:
            expected = (azure.config["client_id"], f"https://login.microsoftonline.com/{TENANT}/v2.0", "2.0")
            assert (found["aud"], found["iss"], found["ver"]) == expected
            assert found["azp"] == own["client_id"]


def test_what_the_identity_endpoint_refuses(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    credential = identity(azure, monkeypatch, "app")
    assert claims(credential.get_token(f"{ARM}/.default").token)["aud"] == ARM
    with pytest.raises(ClientAuthenticationError):
        credential.get_token("https://graph.microsoft.com/.default")
    own = {"X-IDENTITY-HEADER": azure.config["identities"]["app"]["header"]}
    good = {"resource": ARM, "api-version": "2019-08-01"}
    for headers, changed, status in (
        ({}, {}, 401),
        ({"X-IDENTITY-HEADER": azure.config["identities"]["stranger"]["header"]}, {}, 401),
        (own, {"api-version": "2017-09-01"}, 400),
        (own, {"client_id": azure.config["identities"]["stranger"]["client_id"]}, 400),
        (own, {"mi_res_id": "/subscriptions/x"}, 400),
        (own, {}, 200),
    ):
        answer = azure.http.get(azure.endpoint("app"), params=good | changed, headers=headers)
        assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["expires_on"], str)
    assert azure.http.get(azure.endpoint("nobody"), params=good, headers=own).status_code == 404


def principal(azure: LocalAzure, secret: str = "canary-5e") -> ClientSecretCredential:
    client_id = azure.config["vault"]["sp-id"]
    return ClientSecretCredential(TENANT, client_id, secret, authority=azure.arm, disable_instance_discovery=True)


def test_a_service_principal_signs_in(azure: LocalAzure) -> None:
    with principal(azure) as credential:
        token = credential.get_token(f"{ARM}/.default").token
    found = claims(token)
    assert (found["appid"], found["aud"]) == (azure.config["vault"]["sp-id"], ARM)
    url = f"{azure.arm}{azure.workspace()}?api-version=2024-04-01"
    headers = {"Authorization": f"Bearer {token}"}
    assert azure.http.get(url, headers=headers).status_code == 403
    azure.emulator("PATCH", "settings", {"roles": {found["oid"]: ["*/read"]}})
    assert azure.http.get(url, headers=headers).status_code == 200
    with principal(azure, "wrong") as credential, pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(f"{ARM}/.default")
    with principal(azure) as credential, pytest.raises(ClientAuthenticationError, match="AADSTS500011"):
        credential.get_token("https://graph.microsoft.com/.default")


def test_the_published_keys_verify_tokens(azure: LocalAzure) -> None:
    document = azure.http.get(f"{azure.arm}/{TENANT}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(azure.http.get(document["jwks_uri"]).json())
    token = azure.token("data-owner", azure.config["audience"])
    key = keys[jwt.get_unverified_header(token)["kid"]]
    audience = azure.config["client_id"]
    assert jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=document["issuer"])
