"""A night with nothing to do: 500 workspaces x 200 assets in one subscription, shallow, one host, throttling on."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from azure.storage.blob import BlobServiceClient

from bench import ground
from bench.fan_out import calls
from bench.figures import Figure
from local.azure.throttle import LIMITS
from registration.records.inventory import read_state, workspace_blob, write_state
from registration.records.results import operation_blob
from shared.documents import Documents
from shared.settings import CONTAINER
from tests.road.journey import Journey
from tests.support import LocalStack, arm_id

WORKSPACES = 500
DATASTORES, DATA = 10, 190
ASSETS = ground.assets(DATASTORES, DATA)
SETTLED = 100
"""Workspaces after which the worker has its threads, clients and connections."""

OVER_BOUND = 1.2
GROWTH = 30.0
"""MB. All that a run may keep for each workspace is a line, not its assets: the documents of the workspaces that
follow are more than this even as bare JSON, and several times that once they are read."""

PATIENCE = 900.0
LOOK = 1.0
"""Seconds between two looks at the results, from outside: nobody asks the host meanwhile."""


def measure(stack: LocalStack) -> list[Figure]:
    """One workspace is written by the service, for a selector; the others are made its copies, resources and document
    alike, so that the selector finds them and there is nothing to do."""
    stack.emulator("PATCH", "settings", {"latency_ms": 0, "throttle": False})
    (first,) = ground.workspaces(stack, 1)
    others = [f"{first.rpartition('-')[0]}-{number}" for number in range(1, WORKSPACES)]
    selector = {"selector": {"subscription_id": first.partition("/")[0]}}
    Journey(stack).done({"name": "everywhere", "workspaces": [selector], **ASSETS})
    documents = Documents(BlobServiceClient.from_connection_string(stack.storage), CONTAINER)
    _copied(stack, documents, first, others)
    stack.emulator("POST", "reset")
    stack.emulator("PATCH", "settings", {"throttle": {}})
    return _night(stack, documents, first)


def _copied(stack: LocalStack, documents: Documents, first: str, others: Sequence[str]) -> None:
    resources, state = _resources(stack, first), read_state(documents, first)
    assert len(state.inventory.assets) == DATASTORES + DATA

    def copy(key: str) -> None:
        workspace_id = str(uuid.uuid4())
        properties = {"workspaceId": workspace_id, "provisioningState": "Succeeded"}
        whole = {arm_id(key): {"location": "westeurope", "properties": properties}}
        whole |= {f"{arm_id(key)}/{below}": resource for below, resource in resources.items()}
        stack.emulator("PUT", "resources", whole)
        with documents.leased(workspace_blob(key)) as lease:
            write_state(documents, key, replace(state, workspace_id=workspace_id), lease.id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(copy, others))


def _resources(stack: LocalStack, key: str) -> dict[str, Any]:
    """What lies below a workspace, by the rest of its id. A container comes before its versions."""

    def below(collection: str) -> dict[str, Any]:
        answer = stack.arm("GET", f"{key}/{collection}?listViewType=All&count=1000").json()
        return {f"{collection}/{row['name']}": {"properties": row["properties"]} for row in answer["value"]}

    found = {**below("datastores"), **below("data")}
    assert len(found) == DATASTORES + DATA
    for name in [name for name in found if name.startswith("data/")]:
        found |= below(f"{name}/versions")
    return found


def _night(stack: LocalStack, documents: Documents, first: str) -> list[Figure]:
    journey, pid = Journey(stack), ground.host(stack)
    before, started = ground.cpu(pid), time.monotonic()
    answer = journey.http.post("/api/reconcile?deep=false", json={})
    assert answer.status_code == 202, answer.text
    results = operation_blob(answer.json()["id"], "results/")
    settled = most = 0.0
    while (finished := documents.count(results)) < WORKSPACES:
        if finished >= SETTLED:
            settled, most = settled or ground.resident(pid), max(most, ground.resident(pid))
        assert time.monotonic() - started < PATIENCE, f"{finished} workspaces after {PATIENCE:.0f} s"
        time.sleep(LOOK)
    seconds, used, most = time.monotonic() - started, ground.cpu(pid) - before, max(most, ground.resident(pid))
    became = Counter(entry.metadata["changes"] for entry in documents.list(results))
    assert became == {f"unchanged:{DATASTORES + DATA}": WORKSPACES}, became
    status = Counter(call["status"] for call in calls(stack, [first]))
    reads = status.total() - status[429]
    burst, rate = LIMITS["reads"]
    bound = (reads - burst) / rate
    name = f"{WORKSPACES} workspaces x {DATASTORES + DATA} assets in one subscription, nothing to do, shallow"
    read = documents.read(workspace_blob(first))
    assert read is not None
    document = len(json.dumps(read.value)) / 2**20
    return [
        Figure(
            f"{name}: answers of 429",
            f"{status[429]} ({reads} reads, {reads / WORKSPACES:.1f} for each workspace)",
            "0",
            status[429] == 0,
        ),
        Figure(
            "the same: against what the bucket allows",
            f"{seconds / bound:.2f} x ({seconds:.0f} s; ({reads} - {burst:.0f}) / {rate:.0f} = {bound:.0f} s)",
            f"at most {OVER_BOUND} x",
            seconds <= OVER_BOUND * bound,
        ),
        Figure(
            f"the same: memory of the worker from workspace {SETTLED} to the last",
            f"{most - settled:.0f} MB more ({settled:.0f}, {most:.0f}); the documents it read meanwhile: "
            f"{document * (WORKSPACES - SETTLED):.0f} MB",
            f"at most {GROWTH:.0f} MB",
            most - settled <= GROWTH,
        ),
        Figure("the same: CPU of the worker for each workspace", f"{used / WORKSPACES * 1000:.0f} ms", "to compare"),
    ]
