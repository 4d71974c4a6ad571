"""What the SDK once sent and was answered, and Microsoft's examples, sent to the local Azure."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local_azure.conftest import TENANT, LocalAzure, shared
from tests.local_azure.definitions import FOLDER, Definitions

IN_SCOPE = re.compile(r"/workspaces(\?|/[^/?]+\?|/[^/?]+/(datastores|data)[/?])")
# Stricter than the recording, on purpose: under an archived container no version is restored (FACTS).
STRICTER = {"data.restore version": 400}
# The recorded service called its first datastore the default one (ours has none until somebody plants one), and a
# version that was written again the latest.
OTHER_BODY = {"ds.get_default", "data.archive container"}


def recorded() -> Iterator[tuple[str, dict[str, Any]]]:
    text = shared("facts/sdk-calls-1.json").read_text()
    for old, new in (('"tenantId": "t"', f'"tenantId": "{TENANT}"'), ('"clientId": "c"', f'"clientId": "{TENANT}"')):
        text = text.replace(old, new)
    for name, operation in json.loads(text).items():
        if name.startswith(("ds.", "data.", "workspaces.get", "workspaces.list", "workspaces.begin_update")):
            yield from ((name, call) for call in operation["calls"] if IN_SCOPE.search(call["u"]))


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k != "systemData"}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def test_recordings(azure: LocalAzure) -> None:
    definitions = Definitions()
    compared = 0
    for name, call in recorded():
        path = call["u"].replace("/ws1?", "/absent?") if "(missing)" in name else call["u"]
        answer = azure.call(call["m"], path, call["rb"] or None)
        assert answer.status_code == STRICTER.get(name, call["s"]) or "GET" in call["m"], (name, answer.text)
        body: Any = answer.json() if answer.content else None
        definitions.check(call["m"], path, answer.status_code, call["rb"], body)
        expected = json.loads(json.dumps(call["resp"]).replace("workspaces/ws1' under", "workspaces/absent' under"))
        if name in STRICTER or name in OTHER_BODY:
            continue
        if "/data" in call["u"] or answer.status_code >= 400:
            assert without_times(body) == without_times(expected), (name, call["m"])
        else:
            inner = [body, *body.get("value", [])[:1]], [expected, *expected.get("value", [])[:1]]
            for ours, theirs in zip(*inner, strict=True):
                assert theirs.keys() - ours.keys() == set(), name
                assert theirs.get("properties", {}).keys() - ours.get("properties", {}).keys() == set(), name
        compared += 1
    assert compared > 50


EXAMPLES = [
    ("Datastore/AzureBlobWAccountKey", "datastores/n"),
    ("Datastore/AzureFileWAccountKey", "datastores/n"),
    ("Datastore/AzureDataLakeGen1WServicePrincipal", "datastores/n"),
    ("Datastore/AzureDataLakeGen2WServicePrincipal", "datastores/n"),
    ("Workspace/DataVersionBase", "data/n/versions/v"),
]


@pytest.mark.parametrize(("example", "path"), EXAMPLES)
def test_microsofts_examples(azure: LocalAzure, example: str, path: str) -> None:
    sent = json.loads(shared(f"{FOLDER}/examples/{example}/createOrUpdate.json").read_text())
    body, definitions = sent["parameters"]["body"], Definitions()
    for expected in (201, 200):
        answer = azure.call("PUT", f"{azure.workspace()}/{path}", body)
        assert answer.status_code == expected, answer.text
        definitions.check("PUT", f"{azure.workspace()}/{path}", expected, body, answer.json())
    for method, place in (("GET", path), ("GET", path.rpartition("/")[0]), ("DELETE", path)):
        answer = azure.call(method, f"{azure.workspace()}/{place}")
        assert answer.status_code == 200
        found = answer.json() if answer.content else None
        definitions.check(method, f"{azure.workspace()}/{place}", 200, None, found)


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        ("datastores/d", {"datastoreType": "AzureDataLakeGen2", "credentials": {"credentialsType": "None"}}),
        ("datastores/d", {"datastoreType": "Cloud", "credentials": {"credentialsType": "None"}}),
        ("datastores/d", {"datastoreType": "AzureBlob"}),
        ("datastores/d", {"datastoreType": "AzureBlob", "credentials": {"credentialsType": "Sas"}}),
        ("datastores/-d", {"datastoreType": "AzureBlob", "credentials": {"credentialsType": "None"}}),
        ("data/a/versions/1", {"dataType": "uri_file"}),
        ("data/a/versions/1", {"dataType": "table", "dataUri": "x"}),
        ("data/a/versions/1", {"dataType": "uri_file", "dataUri": "x", "tags": {"a": 1}}),
        ("data/a/versions/1", {"dataType": "uri_file", "dataUri": "x", "isArchived": "no"}),
        ("data/a/versions/a:b", {"dataType": "uri_file", "dataUri": "x"}),
        ("data/a/versions/" + "1" * 31, {"dataType": "uri_file", "dataUri": "x"}),
        ("data/a%2Fb/versions/1", {"dataType": "uri_file", "dataUri": "x"}),
        ("data/" + "a" * 256 + "/versions/1", {"dataType": "uri_file", "dataUri": "x"}),
    ],
)
def test_what_the_definitions_refuse(azure: LocalAzure, path: str, properties: dict[str, Any]) -> None:
    answer = azure.call("PUT", f"{azure.workspace()}/{path}", {"properties": properties})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "UserError"
    assert azure.call("GET", f"{azure.workspace()}/datastores").json() == {"value": []}
    assert azure.call("GET", f"{azure.workspace()}/data").json() == {"value": []}
