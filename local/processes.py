"""The processes on both sides of the supervisor: the children that it starts, the parent that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from local.stack import ROOT, Process, StackError

END_SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
STOP_SECONDS = 10
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class Child:
    """One program, in a process group of its own: the terminal's Ctrl-C must not reach it before us."""

    def __init__(self, name: str, what: Process, log: Path) -> None:
        self.name, self.log, self._what = name, log, what
        self.process = self._launch()

    def _launch(self) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        def follow_parent() -> None:
            if _prctl is not None:
                _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

        with self.log.open("ab") as log:
            try:
                return subprocess.Popen(
                    self._what.command,
                    cwd=ROOT,
                    env=self._what.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                    preexec_fn=follow_parent,  # noqa: PLW1509 - the supervisor has one thread
                )
            except OSError as error:  # node or func is not where it was
                raise StackError(f"{self.name} cannot be started, run `make`: {error}") from error

    def again(self) -> None:
        self._signal(signal.SIGKILL)  # what the dead one may have left in its group
        self.process = self._launch()

    def stop(self) -> None:
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def says(self, line: str) -> bool:
        return line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()

    def dead(self, how: str) -> StackError:
        tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return StackError("\n  ".join([f"{self.name} {how}; the end of {self.log}:", *tail]))

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


class Parent:
    """Whoever started us. When it goes, or is about to go, so do we."""

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._is_make = self._status().get("Name") in {"make", "gmake"}

    def leaving(self) -> bool:
        """Whether it died; or is a make that was told to end, and now waits for us without telling us.

        GNU make catches INT, TERM and HUP all its life. At a SIGINT or SIGHUP that it alone received it takes
        its handler away and waits for the recipe (commands.c, fatal_error_signal; measured with 4.3).
        """
        if os.getppid() != self._pid:
            return True
        if not self._is_make:
            return False
        status = self._status()
        handled = int(status.get("SigCgt", "-1"), 16) | int(status.get("SigIgn", "-1"), 16)
        return any(not handled >> (number - 1) & 1 for number in END_SIGNALS)

    def _status(self) -> dict[str, str]:
        try:
            lines = Path(f"/proc/{self._pid}/status").read_text(encoding="utf-8").splitlines()
        except OSError:  # not Linux, or gone just now
            return {}
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
