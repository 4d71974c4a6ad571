"""Resource Manager: assets and their rules, workspaces, lists, roles, tokens."""

import time
from typing import Any

import pytest

from tests.local_azure.conftest import SUBSCRIPTION, LocalAzure
from tests.local_azure.definitions import Definitions

FILE = {"dataType": "uri_file", "dataUri": "azureml://datastores/silver/paths/a.csv"}
SILVER = {
    "datastoreType": "AzureDataLakeGen2",
    "accountName": "sourcedata",
    "filesystem": "silver",
    "credentials": {"credentialsType": "None"},
}
KEYED = {
    "datastoreType": "AzureBlob",
    "accountName": "a",
    "containerName": "c",
    "credentials": {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "canary-5e"}},
}


def put(azure: LocalAzure, path: str, properties: dict[str, Any], as_: str = "app") -> Any:
    return azure.call("PUT", f"{azure.workspace()}/{path}", {"properties": properties}, as_=as_)


def test_a_version_is_immutable_but_for_words(azure: LocalAzure) -> None:
    assert put(azure, "data/a/versions/1", FILE).status_code == 201
    assert put(azure, "data/a/versions/1", FILE | {"description": "b", "tags": {"t": "1"}}).status_code == 200
    for other in ({"dataUri": "azureml://datastores/silver/paths/b.csv"}, {"dataType": "uri_folder"}):
        answer = put(azure, "data/a/versions/1", FILE | other)
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "UserError"
        assert answer.json()["error"]["message"].startswith("A data version with this name and version already exists")
    found = azure.call("GET", f"{azure.workspace().upper()}/DATA/A/VERSIONS/1", as_="app").json()
    assert found["id"] == f"{azure.workspace()}/data/a/versions/1"
    assert found["properties"]["tags"] == {"t": "1"}
    assert put(azure, "data/a/versions/2", FILE | {"dataType": "uri_folder"}).status_code == 409


def test_containers_count_their_versions_and_archive_them(azure: LocalAzure) -> None:
    for version in ("1", "20260102T020000123Z", "7"):
        put(azure, f"data/a/versions/{version}", FILE)
    container = azure.call("GET", f"{azure.workspace()}/data/a").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("7", "8")
    put(azure, "data/a/versions/1", FILE | {"isArchived": True})
    assert names(azure, "data/a/versions") == ["20260102T020000123Z", "7"]
    assert names(azure, "data/a/versions?listViewType=ArchivedOnly") == ["1"]
    assert names(azure, "data/a/versions?$orderBy=createdtime%20desc&$top=1&listViewType=All")[0] == "7"
    assert put(azure, "data/a", {"dataType": "uri_file", "isArchived": True}).status_code == 200
    assert names(azure, "data") == []
    assert names(azure, "data?listViewType=All") == ["a"]
    assert names(azure, "data/a/versions") == []
    assert put(azure, "data/a/versions/7", FILE).status_code == 400
    put(azure, "data/a", {"dataType": "uri_file"})
    assert len(names(azure, "data/a/versions")) == 3


def names(azure: LocalAzure, path: str) -> list[str]:
    """All names of a list, following nextLink."""
    found: list[str] = []
    url: str | None = f"{azure.workspace()}/{path}"
    while url:
        page = azure.call("GET", url.removeprefix(azure.arm), as_="app").json()
        found += [row["name"] for row in page["value"]]
        url = page.get("nextLink")
    return found


def test_lists_have_pages(azure: LocalAzure) -> None:
    for number in range(65):
        put(azure, f"datastores/d{number}", SILVER)
    first = azure.call("GET", f"{azure.workspace()}/datastores?count=30&orderByAsc=false").json()
    assert len(first["value"]) == 30
    assert "$skip=30" in first["nextLink"]
    assert names(azure, "datastores?count=7") == [f"d{number}" for number in range(65)]
    assert names(azure, "datastores?names=d3,D4") == ["d3", "d4"]
    assert azure.call("GET", f"{azure.workspace()}/datastores?$skip=x").status_code == 400


def test_secrets_go_in_and_only_list_secrets_gives_them(azure: LocalAzure) -> None:
    answer = put(azure, "datastores/s", KEYED)
    assert "canary" not in answer.text
    assert "canary" not in azure.call("GET", f"{azure.workspace()}/datastores").text
    secrets = azure.call("POST", f"{azure.workspace()}/datastores/s/listSecrets", {})
    assert secrets.json() == KEYED["credentials"]["secrets"]  # type: ignore[index]
    assert azure.call("POST", f"{azure.workspace()}/datastores/s/listSecrets", {}, as_="app").status_code == 403
    assert put(azure, "datastores/s", KEYED | {"accountName": "other", "isDefault": True}).status_code == 200
    assert azure.call("GET", f"{azure.workspace()}/datastores/s").json()["properties"].get("isDefault") is None
    assert azure.call("DELETE", f"{azure.workspace()}/datastores/s").status_code == 200
    assert azure.call("DELETE", f"{azure.workspace()}/datastores/s").status_code == 204
    assert put(azure, "datastores/s", KEYED).status_code == 409
    assert put(azure, "datastores/s", SILVER).status_code == 201


def test_roles_decide_by_action(azure: LocalAzure) -> None:
    identity = azure.config["identities"]["data-factory"]
    answer = put(azure, "data/a/versions/1", FILE, as_="data-factory")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "AuthorizationFailed"
    action = "Microsoft.MachineLearningServices/workspaces/data/versions/write"
    for part in (identity["client_id"], identity["object_id"], f"'{action}' over scope '{azure.workspace()}/data/a/"):
        assert part in answer.json()["error"]["message"]
    assert azure.call("DELETE", f"{azure.workspace()}/data/x", as_="app").status_code == 403
    app = azure.config["identities"]["app"]["object_id"]
    for allowed, status in (([action.upper()], 403), ([action, "*/DATA/write"], 201), ([action], 200), ([], 403)):
        azure.emulator("PATCH", "settings", {"roles": {app: allowed}})
        assert put(azure, "data/a/versions/1", FILE).status_code == status  # no container yet: data/write too
    azure.emulator("PATCH", "settings", {"roles": {app: None}})
    assert put(azure, "data/a/versions/1", FILE).status_code == 200


def test_tokens_for_others_are_refused(azure: LocalAzure) -> None:
    path = f"{azure.arm}{azure.workspace()}?api-version=2024-04-01"
    for resource in (azure.config["audience"], "https://vault.azure.net", None):
        bearer = {"Authorization": f"Bearer {azure.token('platform-admin', resource)}"} if resource else {}
        answer = azure.http.get(path, headers=bearer)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        code = answer.json()["error"]["code"]
        assert code == ("InvalidAuthenticationToken" if resource else "AuthenticationFailed")
    token = azure.token("platform-admin", "https://management.azure.com/")
    assert azure.http.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_workspaces_are_found_made_changed_and_deleted(azure: LocalAzure) -> None:
    definitions, new = Definitions(), azure.workspace("made")
    group = new.partition("/providers")[0]
    assert azure.call("PUT", new, {"properties": {}}).json()["error"]["code"] == "LocationRequired"
    made = azure.call("PUT", new, {"location": "westeurope", "properties": {"provisioningState": "x"}})
    assert made.status_code == 202
    assert made.json()["properties"]["provisioningState"] == "Creating"
    operation = made.headers["Azure-AsyncOperation"].removeprefix(azure.arm)
    while azure.call("GET", operation, as_="stranger").json()["status"] == "InProgress":
        time.sleep(0.05)
    patched = azure.call("PATCH", new, {"tags": {"team": "sales"}, "properties": {"friendlyName": "New"}})
    definitions.check("PATCH", new, 200, None, patched.json())
    everywhere = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/workspaces"
    for path in (everywhere, new.rpartition("/")[0]):
        found = azure.call("GET", path)
        definitions.check("GET", path, 200, None, found.json())
        assert [row["name"] for row in found.json()["value"]] == ["ws1", "ws2", "made"]
    made_now = found.json()["value"][-1]
    assert made_now["tags"] == {"team": "sales"}
    assert made_now["properties"]["provisioningState"] == "Succeeded"
    assert [g["name"] for g in azure.call("GET", group.rpartition("/")[0]).json()["value"]] == ["rg1"]
    deleted = azure.call("DELETE", new)
    assert deleted.status_code == 202
    assert azure.call("GET", new).status_code == 404


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ("ws1", "none", "", "ResourceNotFound"),
        ("ws1", "none", "/datastores", "ResourceNotFound"),
        ("rg1", "none", "/data/a/versions/1", "ResourceNotFound"),
        ("/ws1", "", "", ""),
        ("rg1/providers/Microsoft.MachineLearningServices/workspaces/ws1", "none", "", "ResourceGroupNotFound"),
        ("/workspaces/ws1", "/workspaces", "", ""),
        ("ws1", "ws1", "/data/a/versions", "UserError"),
        ("ws1", "ws1", "/data/a/versions/1", "UserError"),
    ],
)
def test_what_is_not_there(azure: LocalAzure, old: str, new: str, path: str, code: str) -> None:
    answer = azure.call("GET", azure.workspace().replace(old, new) + path)
    assert answer.status_code == (404 if code else 200)
    assert answer.json().get("error", {}).get("code", "") == code


def test_a_list_of_an_unknown_group_or_subscription(azure: LocalAzure) -> None:
    tail = "providers/Microsoft.MachineLearningServices/workspaces"
    other = SUBSCRIPTION.replace("1", "2")
    for path, code in (
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/none/{tail}", "ResourceGroupNotFound"),
        (f"/subscriptions/{other}/{tail}", "SubscriptionNotFound"),
    ):
        answer = azure.call("GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_every_list_of_an_unknown_subscription_names_it(azure: LocalAzure) -> None:
    """Whatever is listed, and in whichever group."""
    root = f"/subscriptions/{SUBSCRIPTION.replace('1', '2')}"
    tail = "providers/Microsoft.MachineLearningServices/workspaces"
    for path in ("resourceGroups", tail, f"resourceGroups/rg1/{tail}", f"resourceGroups/rg1/{tail}/ws1/data"):
        answer = azure.call("GET", f"{root}/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SubscriptionNotFound")


def test_lists_of_workspaces_have_tags_and_pages_and_ask_for_one_action(azure: LocalAzure) -> None:
    definitions = Definitions()
    for number in range(40):
        path = azure.workspace(f"ws-{number:02}")
        workspace = {"location": "westeurope", "kind": "Hub" if number else "Default", "tags": {"number": str(number)}}
        azure.emulator("PUT", f"resources{path}", workspace)
    tail = "providers/Microsoft.MachineLearningServices/workspaces"
    app = azure.config["identities"]["app"]["object_id"]
    for scope in (f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{SUBSCRIPTION}/resourcegroups/RG1"):
        found: list[dict[str, Any]] = []
        url: str | None = f"{scope}/{tail}"
        azure.emulator("PATCH", "settings", {"roles": {app: ["Microsoft.MachineLearningServices/workspaces/read"]}})
        while url:
            page = azure.call("GET", url.removeprefix(azure.arm), as_="app").json()
            definitions.check("GET", f"{scope}/{tail}", 200, None, page)
            assert 0 < len(page["value"]) <= 30
            found += page["value"]
            url = page.get("nextLink")
        shown = {row["name"]: (row["kind"], row["tags"]) for row in found}
        assert len(found) == len(shown) == 42
        assert shown["ws-00"] == ("Default", {"number": "0"})
        assert shown["ws-39"] == ("Hub", {"number": "39"})
        azure.emulator("PATCH", "settings", {"roles": {app: ["Microsoft.MachineLearningServices/workspaces/*/read"]}})
        refused = azure.call("GET", f"{scope}/{tail}", as_="app")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
        action = "'Microsoft.MachineLearningServices/workspaces/read' over scope '/subscriptions/"
        assert action in refused.json()["error"]["message"]


def test_legacy_workspaces_take_no_v2_calls(azure: LocalAzure) -> None:
    azure.call("PATCH", azure.workspace(), {"properties": {"v1LegacyMode": True}})
    answer = put(azure, "data/a/versions/1", FILE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "V1LegacyModeEnabled")
    assert azure.call("GET", azure.workspace()).json()["properties"]["v1LegacyMode"] is True


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/environments"),
        ("GET", "/datastores/a/secrets/b"),
        ("POST", "/listKeys"),
        ("PUT", "/computes/c"),
        ("PATCH", "/datastores/a"),
        ("GET", "/datastores?searchText=a"),
        ("HEAD", ""),
    ],
)
def test_nothing_is_pretended(azure: LocalAzure, method: str, path: str) -> None:
    assert azure.call(method, azure.workspace() + path).status_code == 501
    assert azure.call("GET", "/subscriptions").status_code == 501


def test_bodies_and_versions_of_the_api(azure: LocalAzure) -> None:
    for body in (b"", b"[]", b"{", b"[" * 100_000):
        headers = {"Authorization": f"Bearer {azure.token('app')}"}
        url = f"{azure.arm}{azure.workspace()}/datastores/x?api-version=2024-04-01"
        answer = azure.http.put(url, content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")
    answer = azure.call("GET", f"{azure.workspace()}?api-version=latest")
    assert answer.json()["error"]["code"] == "MissingApiVersionParameter"
