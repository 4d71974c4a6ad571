"""Timers: the nightly reconciliation, and the sweeper, which looks after operations that were cut off or have outlived
their deadline."""

from __future__ import annotations

import os
import time

import azure.functions as func

from registration.access.caller import SERVICE
from registration.triggers import http
from registration.wiring import wired
from shared import logs
from shared.settings import DEFAULT_RECONCILE_SCHEDULE, DEFAULT_SWEEP_SCHEDULE

log = logs.get_log(__name__)
blueprint = func.Blueprint()

CLEARING_SECONDS = 120.0
"""How long one night may spend on what is past its time; the rest is the next night's."""


def _schedule(setting: str, default: str) -> str:
    return os.environ.get(setting, "").strip() or default


@blueprint.function_name("nightly")
@blueprint.timer_trigger(
    "timer",
    schedule=_schedule("RECONCILE_SCHEDULE", DEFAULT_RECONCILE_SCHEDULE),
    run_on_startup=False,
    use_monitor=True,
)
def nightly(timer: func.TimerRequest, context: func.Context) -> None:
    with logs.invoked(context):
        operation = wired(lambda parts: parts.reconciliation).nightly()
        with logs.bound(operation=operation.id):
            http.record(http.Trace("reconcile", SERVICE, operation=operation.id), 202)
            log.info("The nightly reconciliation has begun.", past_due=timer.past_due)
        count = wired(lambda parts: parts.clearing).clear(time.monotonic() + CLEARING_SECONDS)
        log.info("What is past its time was cleared away.", operations=count)


@blueprint.function_name("sweep")
@blueprint.timer_trigger(
    "timer",
    schedule=_schedule("SWEEP_SCHEDULE", DEFAULT_SWEEP_SCHEDULE),
    run_on_startup=False,
    use_monitor=False,
)
def sweep(timer: func.TimerRequest, context: func.Context) -> None:
    with logs.invoked(context):
        count = wired(lambda parts: parts.sweeper).sweep()
        log.info("The sweeper went round.", operations=count, past_due=timer.past_due)
