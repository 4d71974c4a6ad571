"""The timer trigger: one run at a time, on one host, at the times of its schedule."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.functions.meta import Datum
from azure.storage.blob import BlobLeaseClient, ContainerClient

from local.host import ncrontab, settings
from local.host.functions import LOG, Function, FunctionFailed, Runner
from local.host.queues import wait

LEASE_SECONDS = 15  # the host's own locks


class HostLock:
    """The right to run timers: a lease on a blob, renewed while this host lives. `held` says whether it is ours."""

    def __init__(self, host_id: str, stop: asyncio.Event):
        self.container = ContainerClient.from_connection_string(settings.connection(""), "azure-webjobs-hosts")
        self.host_id, self.held, self._stop = host_id, False, stop
        self._blob = self.container.get_blob_client(f"locks/{host_id}/host")
        self._lease: BlobLeaseClient | None = None

    async def run(self) -> None:
        """Acquire and renew until told to stop, then release."""
        while not self._stop.is_set():
            try:
                await asyncio.to_thread(self._renew)
                self.held = True
            except AzureError:
                self.held, self._lease = False, None
            await wait(self._stop, LEASE_SECONDS / 3 if self.held else 1)
        if self.held and self._lease:
            with contextlib.suppress(AzureError):
                await asyncio.to_thread(self._lease.release)

    def _renew(self) -> None:
        if self._lease:
            self._lease.renew()
            return
        with contextlib.suppress(ResourceExistsError):
            self.container.create_container()
        with contextlib.suppress(AzureError):
            self._blob.upload_blob(b"", overwrite=False)
        self._lease = self._blob.acquire_lease(lease_duration=LEASE_SECONDS)


class Timer:
    """One timer function. Raises LoadError for a schedule that the host would refuse."""

    def __init__(self, function: Function, lock: HostLock, runner: Runner, stop: asyncio.Event):
        try:
            self._schedule = ncrontab.parse(settings.resolved(function.trigger["schedule"]))
        except ValueError as error:
            raise settings.LoadError(f"{function.name}: {error}") from None
        self._function, self._lock, self._runner, self._stop = function, lock, runner, stop
        self._blob = lock.container.get_blob_client(f"timers/{lock.host_id}/{function.name}/status")
        # Missed ticks are never made up for below one minute (Microsoft Learn, timer trigger, useMonitor).
        first = self._schedule.next(_now())
        second = self._schedule.next(first) if first else None
        often = bool(first and second and second - first < timedelta(minutes=1))
        self._monitor = function.trigger.get("useMonitor") is not False and not often
        self._one_at_a_time = asyncio.Lock()
        self._status: dict[str, str] = {}

    async def run(self) -> None:
        """Fire at every tick while the host's lock is held, until told to stop.

        Ticks that a run outlasts become one run right after it; those missed while no host ran, one past-due run.
        """
        due: datetime | None = None
        fresh, on_startup = True, bool(self._function.trigger.get("runOnStartup"))
        while not self._stop.is_set():
            if not self._lock.held:
                fresh = True
                await wait(self._stop, 0.2)
            elif fresh:
                fresh, now = False, _now()
                past_due = await self._missed(now)
                due = self._schedule.next(now)
                if past_due or on_startup:
                    on_startup = False
                    await self._runner.start(self._fire(past_due=past_due))
            elif due is None or (now := _now()) < due:
                await wait(self._stop, min((due - now).total_seconds(), 1) if due else 1)
            else:
                await self._runner.start(self._fire(past_due=False))
                due = self._schedule.next(now)

    async def trigger(self, _: str) -> None:
        """Run the function now, beside its schedule."""
        await self._call(past_due=False)

    async def _missed(self, now: datetime) -> bool:
        """Whether a tick went by since the status was written; a first or changed schedule has missed none."""
        if not self._monitor:
            return False
        with contextlib.suppress(AzureError, ValueError, KeyError):
            self._status = json.loads(await asyncio.to_thread(lambda: self._blob.download_blob().readall()))
            planned = datetime.fromisoformat(self._status["Next"])
            if planned == self._schedule.next(datetime.fromisoformat(self._status["LastUpdated"])):
                return planned < now
        await self._record(now, last=None)
        return False

    async def _fire(self, *, past_due: bool) -> None:
        started = _now()
        await self._call(past_due=past_due)
        if self._monitor:
            await self._record(started, last=started)

    async def _call(self, *, past_due: bool) -> None:
        info = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": self._status or None, "IsPastDue": past_due}
        async with self._one_at_a_time:
            with contextlib.suppress(FunctionFailed):
                await self._runner.call(self._function, Datum(json.dumps(info), "json"))

    async def _record(self, now: datetime, *, last: datetime | None) -> None:
        """Write the status: only now is a run done; a crash before repeats it."""
        following = self._schedule.next(now)
        times = {"Last": last, "LastUpdated": now, "Next": following}
        self._status = {name: value.isoformat() for name, value in times.items() if value}
        try:
            await asyncio.to_thread(self._blob.upload_blob, json.dumps(self._status).encode(), overwrite=True)
        except AzureError as error:
            LOG.warning("%s: its status was not written: %s", self._function.name, type(error).__name__)


def _now() -> datetime:
    return datetime.now(UTC)
