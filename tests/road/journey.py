"""One request's journey, as a caller makes it: send, follow, look at what the workspaces hold."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from shared.settings import CONTAINER, QUEUE
from tests.support import LocalStack

DATASTORE = {"name": "silver", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
SECRETS = {
    "tenant_id": {"key_vault_secret": "tenant-id"},
    "client_id": {"key_vault_secret": "sp-id"},
    "client_secret": {"key_vault_secret": "sp-password"},
}
TIMEOUT = 90


def target(key: str) -> dict[str, str]:
    return dict(zip(("subscription_id", "resource_group", "workspace_name"), key.split("/"), strict=True))


def data(name: str, path: str = "", **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "uri_file", "path": f"azureml://datastores/silver/paths/{path or name}.csv", **fields}


def registration(keys: Sequence[str], *assets: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "workspaces": [target(key) for key in keys],
        "datastores": [DATASTORE],
        "data": list(assets),
        **fields,
    }


def original(keys: Sequence[str], *names: str) -> dict[str, Any]:
    """The original project's body."""
    return {
        "workspace_definition": [target(key) for key in keys],
        "datastore_definition": {
            "adlsgen2_datastore_name": "silver",
            "account_name": "sourcedata",
            "filesystem": "silver",
        },
        "dataset_definition": [{"dataset_name": name, "dataset_path": f"{name}/{name}.csv"} for name in names],
    }


class Journey:
    """A caller on the road."""

    def __init__(self, stack: LocalStack, identity: str | None = "data-factory") -> None:
        self.stack = stack
        self.http = stack.api(identity)

    def send(self, body: Any, path: str = "/api/registrations", key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post(path, json=body, headers=headers)

    def accepted(self, body: Any, path: str = "/api/registrations", key: str | None = None) -> httpx.Response:
        answer = self.send(body, path, key)
        assert answer.status_code == 202, answer.text
        return answer

    def follow(self, accepted: httpx.Response) -> httpx.Response:
        """As Data Factory does: GET `Location` until it is no longer 202."""
        end = time.monotonic() + TIMEOUT
        while (answer := self.http.get(accepted.headers["location"])).status_code == 202:
            assert time.monotonic() < end, f"still running: {answer.text}\n{self.stack.logs()[-4000:]}"
            time.sleep(0.2)
        return answer

    def done(self, body: Any, status: int = 200) -> dict[str, Any]:
        """Sends, follows, and gives the result."""
        answer = self.follow(self.accepted(body))
        assert answer.status_code == status, answer.text
        return dict(answer.json())


def changes(result: dict[str, Any], key: str) -> dict[str, Any]:
    """Asset without version -> its change in one workspace."""
    workspace = next(item for item in result["workspaces"] if item["workspace"] == key)
    return {"/".join(change["asset"].split("/")[:2]): change for change in workspace["changes"]}


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {item["workspace"]: item["outcome"] for item in result["workspaces"]}


def verdicts(result: dict[str, Any], key: str) -> dict[str, str]:
    return {asset: change["outcome"] for asset, change in changes(result, key).items()}


def datastore(stack: LocalStack, key: str, name: str = "silver") -> dict[str, Any]:
    return dict(stack.arm("GET", f"{key}/datastores/{name}").json()["properties"])


def versions(stack: LocalStack, key: str, name: str) -> dict[str, dict[str, Any]]:
    """Version -> its properties."""
    answer = stack.arm("GET", f"{key}/data/{name}/versions?listViewType=All")
    return {item["name"]: item["properties"] for item in answer.json().get("value", [])}


def calls(stack: LocalStack, key: str, *methods: str) -> list[dict[str, Any]]:
    """What the app sent to ARM about one workspace, in order."""
    app = stack.description["identities"]["app"]["object_id"]
    found = [
        call
        for call in stack.emulator("GET", "requests")
        if key
        in call["path"]
        .lower()
        .replace("/resourcegroups", "")
        .replace("/providers/microsoft.machinelearningservices/workspaces", "")
        .replace("/subscriptions", "")
    ]
    return [call for call in found if call["caller"] == app and (not methods or call["method"] in methods)]


@contextmanager
def fault(stack: LocalStack, key: str, **fault: Any) -> Iterator[None]:
    """A fault of ARM for one workspace alone; `match` may add what follows its name."""
    name = key.rsplit("/", 1)[1]
    stack.emulator("POST", "faults", {**fault, "match": f"/workspaces/{name}{fault.get('match', '')}"})
    yield


def blobs(stack: LocalStack) -> ContainerClient:
    return ContainerClient.from_connection_string(stack.storage, CONTAINER)


def work_queue(stack: LocalStack, name: str = QUEUE) -> QueueClient:
    return QueueClient.from_connection_string(stack.storage, name)


def put_message(stack: LocalStack, message: Any, name: str = QUEUE) -> None:
    content = message if isinstance(message, str) else json.dumps(message)
    work_queue(stack, name).send_message(base64.b64encode(content.encode()).decode())


def run_function(stack: LocalStack, name: str) -> None:
    """By the host's own admin endpoint, which only those inside can reach."""
    host = str(stack.description["host_api"]).removesuffix("/api")
    headers = {"X-Local-Front": stack.config["front_secret"]}
    answer = httpx.post(f"{host}/admin/functions/{name}", json={"input": ""}, headers=headers, trust_env=False)
    assert answer.status_code == 202, answer.text


def host_environment(stack: LocalStack) -> dict[str, str]:
    """The settings of the running host, for tests that build its parts in their own process."""
    raw = Path(f"/proc/{stack.description['pids']['host']}/environ").read_bytes()
    pairs = (pair.decode().partition("=") for pair in raw.split(b"\0") if pair)
    return {name: value for name, _, value in pairs}
