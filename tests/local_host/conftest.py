"""The stand-in as a process, with function apps written for the test, on a real Azurite."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import azurite
from tests.local_host.recorded import ROOT

APP = """
import logging, os, time
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

def note(text):
    with open(os.environ["EVIDENCE"], "a") as file:
        file.write(f"{text}\\n")
"""


class Host:
    """One stand-in: `app` is added to APP, `settings` to its environment."""

    def __init__(self, root: Path, app: str, host_json: dict[str, Any], settings: dict[str, str]):
        (root / "function_app.py").write_text(APP + textwrap.dedent(app))
        (root / "host.json").write_text(json.dumps({"version": "2.0", **host_json}))
        self.evidence, self.log = root / "evidence", root / "log"
        environment = os.environ | {"EVIDENCE": str(self.evidence)} | settings
        command = [sys.executable, "-m", "local.host", "--port", "0", "--root", str(root)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout
        self.said = self.process.stdout.readline()
        self.port = int(self.said.rpartition(":")[2]) if self.said else 0
        assert not self.said or self.process.stdout.readline() == "ready\n"

    def notes(self) -> list[str]:
        """What the app's functions have noted so far."""
        return self.evidence.read_text().splitlines() if self.evidence.exists() else []

    def waits_for(self, condition: Callable[[list[str]], object], seconds: float = 15) -> list[str]:
        """The notes, once they are as `condition` wants them."""
        until = time.monotonic() + seconds
        while not condition(self.notes()):
            assert time.monotonic() < until, (self.notes(), self.log.read_text())
            time.sleep(0.02)
        return self.notes()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        assert self.process.stdout
        self.process.stdout.close()
        return self.process.wait(10)


Start = Callable[..., Host]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start stand-ins in the test's folder: `start(app, host_json=…, SETTING=…)`."""
    hosts: list[Host] = []

    def begin(app: str, host_json: dict[str, Any] | None = None, **settings: str) -> Host:
        hosts.append(Host(tmp_path, app, host_json or {}, settings))
        return hosts[-1]

    yield begin
    for host in hosts:
        if host.process.poll() is None:
            host.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite of these tests' own."""
    folder = tmp_path_factory.mktemp("azurite")
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    command = azurite.command(*ports)
    assert Path(command[1]).exists(), "Azurite is not installed: run `make`"
    process = subprocess.Popen(command, cwd=folder)
    try:
        until = time.monotonic() + 30
        for port in ports:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
        yield azurite.connection_string(*map(azurite.endpoint, ports))
    finally:
        process.terminate()
        process.wait(10)
