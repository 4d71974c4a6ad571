"""How a stack starts, ends and recovers. Each test has one of its own: the session's is not to be disturbed."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from local.azurite import ROOT
from local.processes import END_SIGNALS
from local.stack import read_description
from tests.support import LocalStack, eventually, is_alive

Start = Callable[..., "Started"]


def _take_signals() -> None:
    """As a terminal's shell starts a program: what runs the tests may ignore some signals, and pass that on."""
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


class Started:
    """A stack that was started the way a person does it, in a process group of its own."""

    def __init__(self, directory: Path, output_file: Path, *, by_make: bool, port: int) -> None:
        self.directory = directory
        options = ["--dir", str(directory), "--port", str(port)]
        variables = [f"START_ARGS={shlex.join(options)}", f"VENV={os.path.relpath(sys.prefix, ROOT)}"]
        make = ["make", "--no-print-directory", "start", *variables]
        direct = [sys.executable, "-m", "local", "start", *options]
        self._output = output_file
        with output_file.open("wb") as output:
            self.process = subprocess.Popen(
                make if by_make else direct,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=_take_signals,  # noqa: PLW1509 - no thread of ours holds a lock
            )

    def wait_until_ready(self) -> dict[str, Any]:
        def ready() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.output()
            return read_description(self.directory)

        return eventually(ready, seconds=90) or {}

    def output(self) -> str:
        """All it said, once it has ended."""
        self.process.wait(60)
        return self._output.read_text(encoding="utf-8")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a stack by `python -m local start` or, with `by_make`, by `make start`."""
    numbers = itertools.count()
    with ExitStack() as cleaning:

        def begin(*, by_make: bool = False, port: int = 0, directory: Path = tmp_path) -> Started:
            started = Started(directory, tmp_path / f"output-{next(numbers)}.txt", by_make=by_make, port=port)
            cleaning.callback(started.process.wait, 60)
            cleaning.callback(started.process.terminate)
            return started

        yield begin


def nothing_is_left(description: dict[str, Any], directory: Path) -> bool:
    urls = [description[name] for name in ("api", "host_api", "arm", "vault", "blob", "queue")]
    for url in [*urls, description["identities"]["app"]["endpoint"]]:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(url.split("/")[2].partition(":")[2]))) == 0:
                return False
    return not any(map(is_alive, description["pids"].values())) and not (directory / "stack.json").exists()


@pytest.mark.parametrize("number", END_SIGNALS)
@pytest.mark.parametrize("whom", ["supervisor", "make", "group"])
def test_a_signal_ends_all_of_it(start: Start, tmp_path: Path, whom: str, number: signal.Signals) -> None:
    started = start(by_make=whom != "supervisor")
    description = started.wait_until_ready()
    (os.killpg if whom == "group" else os.kill)(started.process.pid, number)
    assert "The stack has stopped." in started.output()
    assert nothing_is_left(description, tmp_path)
    # make dies of the signal it got, once its recipe has ended
    assert started.process.returncode == (0 if whom == "supervisor" else -number)


def test_a_signal_while_it_starts_ends_it(start: Start, tmp_path: Path) -> None:
    started = start()
    eventually((tmp_path / "azure.log").exists)
    started.process.send_signal(signal.SIGINT)
    assert "The stack has stopped." in started.output()
    assert started.process.returncode == 0
    assert not (tmp_path / "stack.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_killed_supervisor_leaves_no_process(start: Start, tmp_path: Path) -> None:
    started = start()
    description = started.wait_until_ready()
    started.process.kill()
    started.process.wait()
    eventually(lambda: not any(map(is_alive, description["pids"].values())))
    start()  # in the same directory, with the dead one's stack.json still in it
    eventually(lambda: (read_description(tmp_path) or description)["pids"] != description["pids"])


def test_a_killed_make_ends_all_of_it(start: Start, tmp_path: Path) -> None:
    started = start(by_make=True)
    description = started.wait_until_ready()
    started.process.kill()
    eventually(lambda: nothing_is_left(description, tmp_path))


def test_second_start_in_the_same_directory_leaves_the_first_alone(stack: LocalStack, start: Start) -> None:
    second = start(directory=stack.directory)
    assert second.output().strip() == f"A stack already runs in {stack.directory}. Stop it, or choose another --dir."
    assert second.process.returncode == 1
    stack.wait_for_host()


def test_busy_port_is_said_in_a_sentence(stack: LocalStack, start: Start) -> None:
    port = int(stack.front.rpartition(":")[2])
    second = start(port=port)
    assert second.output().startswith(f"Port {port} is in use")
    assert second.process.returncode == 1
    stack.wait_for_host()


def test_a_dead_host_is_started_again(start: Start) -> None:
    started = start()
    with closing(LocalStack(started.wait_until_ready())) as mine:
        before = mine.description["pids"]
        mine.restart_host()
        after = mine.description["pids"]
    assert after["host"] != before["host"]
    assert (after["azure"], after["azurite"]) == (before["azure"], before["azurite"])


@pytest.mark.parametrize("child", ["azurite", "azure"])
def test_a_dead_azure_ends_all_of_it(start: Start, tmp_path: Path, child: str) -> None:
    started = start()
    description = started.wait_until_ready()
    os.kill(description["pids"][child], signal.SIGKILL)
    assert f"{child} ended with -9; the end of {tmp_path}/{child}.log:" in started.output()
    assert started.process.returncode == 1
    assert nothing_is_left(description, tmp_path)


def test_stack_json_has_the_documented_shape(stack: LocalStack) -> None:
    description = stack.description
    assert description["ready"] is True
    assert description["host"] in {"func", "stand-in"}
    assert set(description["identities"]) == {"data-factory", "data-owner", "stranger", "platform-admin", "app"}
    assert all(set(it) == {"endpoint", "header", "object_id"} for it in description["identities"].values())
    assert len(description["workspaces"]) == 3
    assert len({key.partition("/")[0] for key in description["workspaces"]}) == 2
    assert (stack.directory / "stack.json").stat().st_mode & 0o777 == 0o600
    assert json.dumps(stack.config["vault"]).count("not-a-real-secret-") == 1


def test_nothing_is_there_at_the_start(start: Start) -> None:
    with closing(LocalStack(start().wait_until_ready())) as mine:
        for key in mine.description["workspaces"]:
            for kind in ("datastores", "data"):
                assert mine.arm("GET", f"{key}/{kind}").json()["value"] == []
