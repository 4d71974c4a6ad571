"""The queue: one message per workspace; and what becomes of a message that cannot be worked on."""

from __future__ import annotations

import azure.functions as func

from registration.wiring import wired
from shared import logs
from shared.settings import POISON_QUEUE, QUEUE, STORAGE

blueprint = func.Blueprint()


@blueprint.function_name("work")
@blueprint.queue_trigger("message", queue_name=QUEUE, connection=STORAGE)
def work(message: func.QueueMessage, context: func.Context) -> None:
    with logs.invoked(context):
        wired(lambda parts: parts.worker).process(message.get_body())


@blueprint.function_name("work_poison")
@blueprint.queue_trigger("message", queue_name=POISON_QUEUE, connection=STORAGE)
def work_poison(message: func.QueueMessage, context: func.Context) -> None:
    with logs.invoked(context):
        wired(lambda parts: parts.worker).give_up(message.get_body())
