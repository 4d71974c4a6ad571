"""Runs of functions, and the log lines that belong to one: what belongs to none, Application Insights never gets.

As the Python worker has it up to 3.12: a line's run is that of its thread, by storage local to the thread, which is
filled in for the function's own thread alone; a function's `context` gives threads of the app's own the way to it.
"""

import asyncio
import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LOST = "(of no run: lost on Azure)"
"""Marks a log line of the app's that would not arrive there."""
_local = threading.local()


@dataclass(frozen=True)
class Invocation:
    """What a function gets as its `context`: azure.functions.Context, as far as this host has it."""

    function_name: str
    function_directory: str
    thread_local_storage: threading.local = _local
    invocation_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@contextmanager
def in_this_thread(invocation: Invocation) -> Iterator[None]:
    """What is logged inside belongs to the run."""
    _local.invocation_id = invocation.invocation_id
    try:
        yield
    finally:
        _local.invocation_id = None


class Formatter(logging.Formatter):
    """Each line with its run lacking marked."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s%(run)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.run = f" {LOST}" if _lost(record) else ""
        return super().format(record)


def _lost(record: logging.LogRecord) -> bool:
    if record.name.startswith("local.") or getattr(_local, "invocation_id", None):
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False  # the worker knows the run of an async function by its task
