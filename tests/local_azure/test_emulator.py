"""What tests can ask of the local Azure: its log, faults, throttling, latency, a clean start."""

import time
from typing import Any

import httpx
import pytest

from tests.local_azure.conftest import SUBSCRIPTION, LocalAzure

STORE = {"properties": {"datastoreType": "AzureBlob", "credentials": {"credentialsType": "None"}}}


def test_the_log(azure: LocalAzure) -> None:
    azure.call("GET", f"{azure.workspace()}/datastores?count=5", **{"x-ms-client-request-id": "operation-1"})
    azure.call("GET", f"{azure.workspace()}/datastores/d", as_=None)
    first, second = azure.emulator("GET", "requests")
    assert first.pop("at")[:2] == "20"
    assert first == {
        "method": "GET",
        "path": f"{azure.workspace()}/datastores",
        "query": "count=5&api-version=2024-04-01",
        "status": 200,
        "caller": azure.config["identities"]["platform-admin"]["object_id"],
        "client_request_id": "operation-1",
    }
    assert (second["status"], second["caller"], second["client_request_id"]) == (401, None, None)
    azure.emulator("POST", "reset", {})
    assert azure.emulator("GET", "requests") == []


def test_faults(azure: LocalAzure) -> None:
    path = f"{azure.workspace()}/datastores/d"
    fault = {"match": r"/datastores/d\?", "method": "PUT", "status": 503, "headers": {"Retry-After": "1"}, "count": 2}
    azure.emulator("POST", "faults", {**fault, "body": {"error": {"code": "Busy"}}})
    for status in (503, 503, 201):
        answer = azure.call("PUT", path, STORE)
        assert answer.status_code == status
        assert (answer.headers.get("Retry-After") == "1") == (status == 503)
    azure.emulator("POST", "faults", {"match": "ws1", "reset_connection": True, "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        azure.call("GET", path)
    azure.emulator("POST", "faults", {"match": "api-version=.*", "status": 500, "probability": 0})
    assert azure.call("GET", path).status_code == 200
    azure.emulator("POST", "faults", {"match": "^/secrets/", "status": 500})
    assert azure.http.get(f"{azure.vault}/secrets/sp-id").status_code == 500
    azure.emulator("POST", "reset", {})
    assert azure.http.get(f"{azure.vault}/secrets/sp-id").status_code == 401
    assert azure.call("GET", path).status_code == 200  # what was written stays


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("POST", "faults", {"match": "(", "status": 500}, "match"),
        ("POST", "faults", {"match": "a"}, "status or reset_connection"),
        ("POST", "faults", {"match": "a", "status": 500, "time": 1}, "time"),
        ("POST", "faults", [], "JSON object"),
        ("POST", "reset", {"state": "perhaps"}, "state"),
        ("PATCH", "settings", {"latency_ms": -1}, "latency_ms"),
        ("PATCH", "settings", {"throttle": True}, "throttle"),
        ("PATCH", "settings", {"throttle": {"reads": {"burst": 1}}}, "per_second"),
        ("PATCH", "settings", {"roles": {"x": "*"}}, "roles.x"),
        ("PUT", "resources/subscriptions/a", {}, "not the id"),
    ],
)
def test_wrong_bodies_are_named(azure: LocalAzure, method: str, path: str, body: Any, wrong: str) -> None:
    answer = azure.http.request(method, f"{azure.arm}/_emulator/{path}", json=body)
    assert answer.status_code == 400
    assert wrong in answer.json()["error"]["message"]
    assert azure.http.get(f"{azure.arm}/_emulator/else").status_code == 501


def test_throttling(azure: LocalAzure) -> None:
    limits = azure.emulator("PATCH", "settings", {"throttle": {"writes": {"burst": 2, "per_second": 0.5}}})["throttle"]
    assert limits["writes"] == {"burst": 2, "per_second": 0.5}
    path, header = f"{azure.workspace()}/datastores/d", "x-ms-ratelimit-remaining-subscription-writes"
    found = [azure.call("PUT", path, STORE) for _ in range(3)]
    assert [answer.status_code for answer in found] == [201, 200, 429]
    assert [answer.headers[header] for answer in found] == ["1", "0", "0"]
    assert found[2].headers["Retry-After"] == "2"
    assert found[2].json()["error"]["code"] == "SubscriptionRequestsThrottled"
    assert azure.call("PUT", path, STORE, as_="app").status_code == 200  # each caller has buckets of its own
    read = azure.call("GET", path)
    assert read.status_code == 200
    assert {"x-ms-request-id", "x-ms-correlation-request-id"} <= read.headers.keys()
    other = f"/subscriptions/{SUBSCRIPTION.replace('1', '2')}/resourceGroups"
    assert int(azure.call("GET", other).headers["x-ms-ratelimit-remaining-subscription-reads"]) > 200
    time.sleep(2.1)
    assert azure.call("PUT", path, STORE).status_code == 200
    assert azure.emulator("PATCH", "settings", {"throttle": False})["throttle"] is False
    assert {azure.call("PUT", path, STORE).status_code for _ in range(5)} == {200}


def test_latency_and_a_clean_start(azure: LocalAzure) -> None:
    azure.emulator("PATCH", "settings", {"latency_ms": 200})
    begun = time.monotonic()
    azure.call("PUT", f"{azure.workspace()}/datastores/d", STORE)
    assert time.monotonic() - begun >= 0.2
    azure.emulator("PATCH", "settings", {"latency_ms": 0})
    azure.emulator("POST", "reset", {"state": True})
    assert azure.call("GET", f"{azure.workspace()}/datastores").json() == {"value": []}


def test_many_resources_at_once(azure: LocalAzure) -> None:
    workspace = f"{azure.workspace()}-many"
    resource = {"location": "westeurope", "properties": {}}
    azure.emulator("PUT", "resources", {workspace: resource, f"{workspace}/datastores/d": STORE})
    listed = azure.call("GET", f"{workspace}/datastores").json()["value"]
    assert [found["name"] for found in listed] == ["d"]
