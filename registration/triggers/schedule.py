"""Timers: the sweeper, which looks after operations that were cut off or have outlived their deadline."""

from __future__ import annotations

import os

import azure.functions as func

from registration.wiring import wired
from shared import logs
from shared.settings import DEFAULT_SWEEP_SCHEDULE

log = logs.get_log(__name__)
blueprint = func.Blueprint()


@blueprint.function_name("sweep")
@blueprint.timer_trigger(
    "timer",
    schedule=os.environ.get("SWEEP_SCHEDULE", "").strip() or DEFAULT_SWEEP_SCHEDULE,
    run_on_startup=False,
    use_monitor=False,
)
def sweep(timer: func.TimerRequest) -> None:
    count = wired(lambda parts: parts.sweeper).sweep()
    log.info("The sweeper went round.", operations=count, past_due=timer.past_due)
