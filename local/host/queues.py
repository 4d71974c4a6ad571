"""The queue trigger: a function per message, at least once, and a poison queue after the last attempt."""

import asyncio
import base64
import contextlib
import os
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue import QueueClient, QueueMessage

from local.host import settings
from local.host.functions import LOG, Function, FunctionFailed, Runner

FIRST_PAUSE = 0.1  # seconds; the pause between empty polls doubles up to host.json's maxPollingInterval


class QueueListener:
    """Takes messages off one queue. Raises LoadError for settings that cannot be."""

    def __init__(self, function: Function, host_json: dict[str, Any], runner: Runner, stop: asyncio.Event):
        options = host_json.get("extensions", {}).get("queues", {})
        self._batch = int(options.get("batchSize", 16))
        if not 1 <= self._batch <= 32:
            raise settings.LoadError("host.json: queues.batchSize is not between 1 and 32")
        self._threshold = int(options.get("newBatchThreshold", self._batch // 2))
        self._pause = settings.seconds(options.get("maxPollingInterval", "00:01:00"))
        self._attempts = int(options.get("maxDequeueCount", 5))
        self._retry_after = int(settings.seconds(options.get("visibilityTimeout", "00:00:00")))
        self._base64 = str(options.get("messageEncoding", "base64")).lower() == "base64"
        self._lease = int(os.environ.get("LOCAL_QUEUE_VISIBILITY_SECONDS") or 600)
        storage = settings.connection(function.trigger.get("connection") or "Storage")
        name = settings.resolved(function.trigger["queueName"]).lower()
        if not re.fullmatch(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", name):
            raise settings.LoadError(f"{function.name}: {name!r} cannot be the name of a queue")
        self._queue = QueueClient.from_connection_string(storage, name)
        self._poison = QueueClient.from_connection_string(storage, f"{name}-poison")
        self._function, self._runner, self._stop = function, runner, stop

    async def run(self) -> None:
        """Poll until told to stop; a storage that does not answer is asked again."""
        running: set[asyncio.Task[None]] = set()
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            messages: list[QueueMessage] = []
            try:
                messages = await asyncio.to_thread(self._receive)
            except AzureError as error:
                LOG.warning("queue %s: %s", self._queue.queue_name, type(error).__name__)
            running.update(self._runner.start(self._process(message)) for message in messages)
            while len(running) > self._threshold and not self._stop.is_set():
                running = (await asyncio.wait(running, timeout=1, return_when=asyncio.FIRST_COMPLETED))[1]
            pause = FIRST_PAUSE if messages else min(pause * 2, self._pause)
            if not messages:
                await wait(self._stop, pause)

    async def trigger(self, text: str) -> None:
        """Run the function once on a message that never was in the queue."""
        with contextlib.suppress(FunctionFailed):
            await self._runner.call(self._function, Datum(text, "string"), {"DequeueCount": Datum(1, "int")})

    def _receive(self) -> list[QueueMessage]:
        pages = self._queue.receive_messages(messages_per_page=self._batch, visibility_timeout=self._lease).by_page()
        try:
            return list(next(pages, []))
        except ResourceNotFoundError:
            self._queue.create_queue()
            return []

    async def _process(self, message: QueueMessage) -> None:
        attempt, text = message.dequeue_count or 0, message.content or ""
        try:
            body = base64.b64decode(text, validate=True) if self._base64 else text.encode()
        except ValueError:
            attempt = self._attempts + 1  # no further one can help
        if attempt > self._attempts:
            await self._settle(message, self._move_to_poison)
            return
        receipt = asyncio.Lock()
        renewal = asyncio.create_task(self._renew(message, receipt))
        settle: Callable[[QueueMessage], object] = self._queue.delete_message
        try:
            await self._runner.call(
                self._function, Datum(body.decode("utf-8", "replace"), "string"), _metadata(message)
            )
        except FunctionFailed:
            settle = self._move_to_poison if attempt == self._attempts else partial(self._hide, self._retry_after)
        async with receipt:  # a renewal under way would take the message's receipt with it
            renewal.cancel()
        await self._settle(message, settle)

    async def _renew(self, message: QueueMessage, receipt: asyncio.Lock) -> None:
        while True:
            await asyncio.sleep(self._lease / 2)
            async with receipt:
                await self._settle(message, partial(self._hide, self._lease))

    async def _settle(self, message: QueueMessage, work: Callable[[QueueMessage], object]) -> None:
        try:
            await asyncio.to_thread(work, message)
        except AzureError as error:  # the message comes back: at least once
            LOG.warning("%s: message %s: %s", self._function.name, message.id, type(error).__name__)

    def _hide(self, seconds: int, message: QueueMessage) -> None:
        message.pop_receipt = self._queue.update_message(message, visibility_timeout=seconds).pop_receipt

    def _move_to_poison(self, message: QueueMessage) -> None:
        with contextlib.suppress(ResourceExistsError):
            self._poison.create_queue()
        self._poison.send_message(message.content)
        self._queue.delete_message(message)
        LOG.warning("%s: message %s moved to %s", self._function.name, message.id, self._poison.queue_name)


def _metadata(message: QueueMessage) -> dict[str, Datum]:
    found = {"Id": message.id, "PopReceipt": message.pop_receipt}
    times = {"Insertion": message.inserted_on, "Expiration": message.expires_on, "NextVisible": message.next_visible_on}
    found |= {f"{name}Time": value.isoformat() for name, value in times.items() if value}
    return {name: Datum(value, "string") for name, value in found.items()} | {
        "DequeueCount": Datum(message.dequeue_count, "int")
    }


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
