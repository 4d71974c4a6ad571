"""The same writes without the service, with azure-ai-ml as it comes: one after another, or from a pool of threads.

`python -m bench.plain <threads>` in the environment of the host; stdin: {"workspaces": [keys], "datastores", "data"};
stdout: {"seconds", "cpu", "writes", "failed"}. Importing and the first workspace, which also gets the token, are not
counted: they are paid once.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import AzureDataLakeGen2Datastore, Data
from azure.core.credentials import AccessToken
from azure.identity import ManagedIdentityCredential


class _Credential:
    """azure-ai-ml asks for a token for whatever address Resource Manager has; here that is not its name."""

    def __init__(self) -> None:
        self._inner = ManagedIdentityCredential()

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        token: AccessToken = self._inner.get_token("https://management.azure.com/.default")
        return token


class Plain:
    """One MLClient for each workspace, made when it is first written to."""

    def __init__(self) -> None:
        self._credential = _Credential()
        self._clients: dict[str, MLClient] = {}
        self._lock = threading.Lock()

    def client(self, key: str) -> MLClient:
        with self._lock:
            if key not in self._clients:
                arm, authority = os.environ["ARM_ENDPOINT"], os.environ["AZURE_AUTHORITY_HOST"]
                self._clients[key] = MLClient(
                    self._credential,
                    *key.split("/"),
                    show_progress=False,
                    enable_telemetry=False,
                    cloud="Configured",
                    cloud_metadata={
                        "azure_portal": "https://portal.azure.com/",
                        "resource_manager": f"{arm}/",
                        "active_directory": f"{authority}/",
                        "aml_resource_id": "https://ml.azure.com/",
                        "storage_endpoint": "core.windows.net",
                        "registry_discovery_endpoint": f"{arm}/",
                    },
                )
            return self._clients[key]

    def datastore(self, key: str, it: dict[str, Any]) -> None:
        fields = {name: it[name] for name in ("name", "account_name", "filesystem")}
        self.client(key).datastores.create_or_update(AzureDataLakeGen2Datastore(**fields))

    def data(self, key: str, it: dict[str, Any]) -> None:
        self.client(key).data.create_or_update(Data(**it))


def run(work: dict[str, Any], threads: int) -> dict[str, float]:
    """All datastores before all data, as data points through them."""
    plain, failed = Plain(), 0

    def attempt(task: tuple[Callable[[str, Any], None], str, Any]) -> bool:
        write, key, it = task
        try:
            write(key, it)
        except Exception as error:  # noqa: BLE001 - a write that fails is counted
            print(str(error)[:500], file=sys.stderr)
            return False
        return True

    def tasks(keys: list[str]) -> list[list[tuple[Callable[[str, Any], None], str, Any]]]:
        kinds = ((plain.datastore, work["datastores"]), (plain.data, work["data"]))
        return [[(write, key, it) for key in keys for it in assets] for write, assets in kinds]

    for phase in tasks(work["workspaces"][:1]):
        failed += sum(not attempt(task) for task in phase)
    started, before = time.perf_counter(), time.process_time()
    counted = tasks(work["workspaces"][1:])
    with ThreadPoolExecutor(threads) as pool:
        for phase in counted:
            failed += sum(not done for done in pool.map(attempt, phase))
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - before,
        "writes": sum(map(len, counted)),
        "failed": failed,
    }


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin), int(sys.argv[1]))))
