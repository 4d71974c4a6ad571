"""What the figures are measured on: a stack of one's own, fresh subscriptions and workspaces, one process's use."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobClient

from local import supervisor
from registration.records.results import operation_blob
from shared.settings import CONTAINER
from tests.road.journey import Journey, target, work_queue
from tests.support import LocalStack, arm_id, eventually

THREADS = 32
"""Messages and requests that the host's worker handles at once; see `docs/performance.md`."""

FOLLOW_SECONDS = 240
POLL = 0.05
"""Seconds between two looks for the marker of an operation's end, in the storage: the host is not asked meanwhile. A
caller asks it as seldom as `Retry-After` says; who asked it all the time would measure that as well."""


@contextmanager
def stack() -> Iterator[LocalStack]:
    """A stack in a temporary directory, with our stand-in for the host, whatever this machine has installed."""
    os.environ |= {"LOCAL_HOST": "stand-in", "PYTHON_THREADPOOL_THREAD_COUNT": str(THREADS)}
    with (
        tempfile.TemporaryDirectory(prefix="registrar-bench-") as directory,
        supervisor.running(Path(directory), "--port", "0") as description,
        closing(LocalStack(description)) as running,
    ):
        yield running


def workspaces(stack: LocalStack, count: int, subscriptions: int = 1) -> list[str]:
    """Keys of fresh workspaces, in turns over fresh subscriptions, whose buckets are full therefore."""
    fresh = [str(uuid.uuid4()) for _ in range(subscriptions)]
    keys = [f"{fresh[number % subscriptions]}/bench-rg/ws-{number}" for number in range(count)]
    for key in keys:
        properties = {"workspaceId": str(uuid.uuid4()), "provisioningState": "Succeeded"}
        stack.emulator("PUT", f"resources{arm_id(key)}", {"location": "westeurope", "properties": properties})
    return keys


def assets(datastores: int, data: int) -> dict[str, list[dict[str, Any]]]:
    """The part of a registration that says which assets; all versions given, as the service writes them."""
    stores = [
        {"name": f"store{number}", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
        for number in range(datastores)
    ]
    paths = [f"azureml://datastores/store{number % datastores}/paths/d{number}.csv" for number in range(data)]
    return {
        "datastores": stores,
        "data": [
            {"name": f"d{number}", "type": "uri_file", "path": path, "version": "1"}
            for number, path in enumerate(paths)
        ],
    }


def registered(stack: LocalStack, keys: Sequence[str], wanted: dict[str, list[dict[str, Any]]]) -> float:
    """Through the front, followed to its end: the seconds that took. Fails unless every workspace succeeded."""
    journey, started = Journey(stack), time.monotonic()
    accepted = journey.accepted({"workspaces": [target(key) for key in keys], **wanted})
    name = operation_blob(accepted.json()["id"], "completed")
    with BlobClient.from_connection_string(stack.storage, CONTAINER, name) as completed:
        while not completed.exists():
            assert time.monotonic() - started < FOLLOW_SECONDS, "the operation does not end"
            time.sleep(POLL)
    seconds = time.monotonic() - started
    answer = journey.http.get(accepted.headers["location"])
    assert answer.status_code == 200, answer.text[:2000]
    assert answer.json()["counts"]["succeeded"] == len(keys), answer.json()["counts"]
    return seconds


def drained(stack: LocalStack) -> None:
    """Waits until no message is left, so that the next figure is not disturbed by the last one."""
    queue = work_queue(stack)
    eventually(lambda: queue.get_queue_properties().approximate_message_count == 0, seconds=120)


def host(stack: LocalStack) -> int:
    return int(stack.description["pids"]["host"])


def resident(pid: int) -> float:
    """MB that a process holds in memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
