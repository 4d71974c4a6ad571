"""Keeps the processes of one local stack: starts them, watches them, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

from local.processes import END_SIGNALS, Child, Parent
from local.stack import ROOT, Stack, StackError, port_is_free, read_description, write_private

START_SECONDS = 90
MOST_RESTARTS = 10  # of the host, within a minute
_POLL = 0.2


class _StopRequestedError(Exception):
    """Somebody wants the stack to end while it is still starting."""


class _Supervisor:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._children: dict[str, Child] = {}
        self._parent = Parent()
        self._stop = Event()
        self._health = "not asked yet"
        for number in END_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays in force
                signal.signal(number, lambda *_: self._stop.set())

    def start(self) -> None:
        ready = {
            "azurite": self._azurite_listens,
            "lake": self._lake_listens,
            "azure": self._azure_is_ready,
            "host": self._host_answers,
        }
        processes = self._stack.processes()
        for together in (("azurite", "lake", "azure"), ("host",)):
            for name in together:
                log = self._stack.directory / f"{name}.log"
                log.unlink(missing_ok=True)
                self._children[name] = Child(name, processes[name], log)
            for name in together:
                self._wait(self._children[name], ready[name])
        self._describe()

    def watch(self) -> None:
        """Returns when the stack is to end. Raises StackError when it cannot go on."""
        restarts: deque[float] = deque(maxlen=MOST_RESTARTS)
        while not self._pause():
            for child in self._children.values():
                code = child.process.poll()
                if code is None:
                    continue
                often = len(restarts) == MOST_RESTARTS and time.monotonic() - restarts[0] < 60
                if child.name != "host" or often:
                    raise child.dead(f"ended with {code}")
                restarts.append(time.monotonic())
                _say(f"The host ended with {code}: starting it again.")
                child.again()
                self._describe()

    def stop(self) -> None:
        """The host first: it may still want to write down what it did."""
        for child in reversed(self._children.values()):
            child.stop()
        (self._stack.directory / "stack.json").unlink(missing_ok=True)

    def _describe(self) -> None:
        pids = {child.name: child.process.pid for child in self._children.values()}
        description = self._stack.describe(pids)
        write_private(self._stack.directory / "stack.json", json.dumps(description, indent=2) + "\n")

    def _pause(self) -> bool:
        return self._stop.wait(_POLL) or self._parent.leaving()

    def _wait(self, child: Child, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + START_SECONDS
        while not ready():
            if child.process.poll() is not None:
                raise child.dead(f"ended with {child.process.returncode}")
            if time.monotonic() > end:
                raise child.dead(f"was not ready within {START_SECONDS} seconds (health: {self._health})")
            if self._pause():
                raise _StopRequestedError

    def _azurite_listens(self) -> bool:
        return not any(map(port_is_free, self._stack.storage))

    def _lake_listens(self) -> bool:
        return not port_is_free(self._stack.ports["lake"])

    def _azure_is_ready(self) -> bool:
        return self._children["azure"].says("ready")

    def _host_answers(self) -> bool:
        """Asked through the front, as everybody does."""
        front = http.client.HTTPConnection("127.0.0.1", self._stack.ports["front"], timeout=10)
        try:
            front.request("GET", "/api/health")
            answer = front.getresponse()
            self._health = f"{answer.status} {answer.read(1000).decode(errors='replace')}"
            return answer.status == 200
        except (OSError, http.client.HTTPException) as error:
            self._health = repr(error)
            return False
        finally:
            front.close()


def run(directory: Path, *, port: int, visibility: int) -> int:
    """Run a stack until it is told to end: 0 then, 1 when it could not start or go on."""
    try:
        with _own(directory):
            if port and not port_is_free(port):
                raise StackError(
                    f"Port {port} is in use, perhaps by another stack. Stop that, or choose another with --port."
                )
            stack = Stack(directory, port=port, visibility=visibility)
            supervisor = _Supervisor(stack)
            try:
                stack.write()
                supervisor.start()
                _say(_banner(stack))
                supervisor.watch()
            except _StopRequestedError:
                pass
            finally:
                supervisor.stop()
    except StackError as error:
        with suppress(OSError):
            print(error, file=sys.stderr, flush=True)
        return 1
    _say("The stack has stopped.")
    return 0


@contextmanager
def running(directory: Path, *options: str) -> Iterator[dict[str, Any]]:
    """A stack of one's own in a process of its own: its `stack.json`; it is stopped at the end.

    Raises StackError, with what it said, when it does not come up.
    """
    command = [sys.executable, "-m", "local", "start", "--dir", str(directory), *options]
    with (directory / "stack.log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while (found := read_description(directory)) is None:
                if process.poll() is not None:
                    log.seek(0)
                    raise StackError(log.read().strip())
                time.sleep(_POLL)
            yield found
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _own(directory: Path) -> Iterator[None]:
    """Hold the directory, so that no second stack runs in it, for as long as this process lives."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"A stack already runs in {directory}. Stop it, or choose another --dir.") from None
        (directory / "stack.json").unlink(missing_ok=True)  # of one that was killed
        yield
    finally:
        os.close(descriptor)


def _banner(stack: Stack) -> str:
    unguarded = f"func; its own port {stack.ports['host']} is unguarded, anyone on this machine may call it"
    return f"""The local Azure is up; Ctrl-C stops it.
  API            {stack.address("front")}/api  (behind Easy Auth)
  ARM            {stack.address("arm")}
  host           {unguarded if stack.func else "our stand-in for func"}
  all addresses  {stack.directory / "stack.json"}
  logs           {stack.directory}/azurite.log, lake.log, azure.log, host.log
A first request: README.md. `make demo` shows the whole road on a stack of its own."""


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone, the stack still has to end well
        print(text, flush=True)
