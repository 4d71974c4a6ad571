"""One local stack for the whole test session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from local import supervisor
from registration.wiring import Wiring
from tests.road.journey import Journey, host_environment
from tests.support import LocalStack

os.environ.setdefault("LOCAL_HOST", "stand-in")  # the same host everywhere, Core Tools on PATH or not


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A dead worker's message comes back after 3 seconds, not after Azure's 10 minutes."""
    directory = tmp_path_factory.mktemp("stack")
    options = "--port", "0", "--visibility", "3"
    with supervisor.running(directory, *options) as description, closing(LocalStack(description)) as stack:
        yield stack


@pytest.fixture
def factory(stack: LocalStack) -> Journey:
    """Data Factory on the road: it may do everything."""
    return Journey(stack)


@pytest.fixture
def parts(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """The service's own parts, in this process, with the host's settings."""
    for name, value in host_environment(stack).items():
        monkeypatch.setenv(name, value)
    return Wiring()
