"""An engineer's own machine: the settings sample alone, the host alone, no Easy Auth, no Azure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.azurite import ROOT
from tests.road.journey import data, registration
from tests.support import LocalStack, eventually


@pytest.fixture
def host(stack: LocalStack, tmp_path: Path) -> Iterator[httpx.Client]:
    """The stand-in with `local.settings.sample.json`; only its storage is the test's."""
    for name in ("function_app.py", "registration", "shared", "host.json", "policy.sample.yml"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "local.settings.sample.json", tmp_path / "local.settings.json")
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    environment |= {"AzureWebJobsStorage": stack.storage, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "local.host", "--port", "0", "--root", str(tmp_path)]
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=tmp_path)
        try:
            eventually(lambda: "\nready" in (tmp_path / "log").read_text())
            first = (tmp_path / "log").read_text().splitlines()[0]
            assert "stand-in" in first
            yield httpx.Client(base_url=first.split()[-1], timeout=60, trust_env=False)
        finally:
            process.terminate()
            process.wait(20)


def test_the_settings_sample_alone_serves(stack: LocalStack, host: httpx.Client) -> None:
    assert host.get("/api/health").json() == {"status": "healthy", "problems": []}
    key = stack.new_workspace()
    accepted = host.post("/api/registrations", json=registration([key], data("sales")))
    assert accepted.status_code == 202, accepted.text
    assert accepted.headers["location"].startswith("http://localhost:7071/api/operations/")
    path = accepted.headers["operation-location"].removeprefix("http://localhost:7071")
    assert host.get(path).status_code == 200


def test_a_secret_needs_a_vault_and_the_answer_says_which_setting(stack: LocalStack, host: httpx.Client) -> None:
    secrets = {part: {"key_vault_secret": "x"} for part in ("tenant_id", "client_id", "client_secret")}
    body = registration([stack.new_workspace()], data("sales"))
    body["datastores"][0] = {**body["datastores"][0], "credentials": secrets}
    refused = host.post("/api/registrations", json=body)
    assert refused.status_code == 400
    assert "KEY_VAULT_URLS" in refused.text
