"""Deploying again changes nothing: no name comes from time or chance, and every file evaluates alike anywhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.infra.bicep import STAND_IN
from tests.infra.platform.conftest import FILES, PLATFORM, Platform


def test_there_are_two_parameter_files_for_each_mode() -> None:
    found = {}
    for file in PLATFORM.glob("*.bicepparam"):
        [mode] = re.findall(r"^param networkMode = '(\w+)'$", file.read_text(), re.MULTILINE)
        assert "readEnvironmentVariable" not in file.read_text()
        found[file.stem] = mode
    assert found == {name: "customVnet" if name.startswith("custom") else "managedNetwork" for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_time_and_chance_change_nothing(name: str) -> None:
    if not STAND_IN.exists():
        pytest.skip(f"NOT CHECKED: {STAND_IN} is absent, and no other tool evaluates for a given time")
    told = [
        subprocess.run(
            [sys.executable, STAND_IN, "snapshot", PLATFORM / f"{name}.bicepparam", "--now", now],
            capture_output=True,
            text=True,
            check=True,
            env={},
        ).stdout
        for now in ("2026-01-02T03:04:05Z", "2031-11-12T13:14:15Z")
    ]
    assert told[0] == told[1]
    assert json.loads(told[0])["predictedResources"]


def test_no_template_asks_for_time_or_chance() -> None:
    for file in PLATFORM.rglob("*.bicep"):
        assert not re.search(r"\b(utcNow|newGuid|dateTimeAdd)\(", file.read_text()), file


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_made_twice(name: str, platform: Platform) -> None:
    """But API Management, which is shut once it can be."""
    seen = [str(it["id"]).lower() for it in platform(name).resources]
    twice = {it for it in seen if seen.count(it) > 1}
    assert {it.rpartition("/providers/")[2].rpartition("/")[0] for it in twice} <= {"microsoft.apimanagement/service"}


def test_names_begin_with_prefix_and_instance(platform: Platform) -> None:
    found = platform("custom-vnet")
    assert found.one("Microsoft.Resources/resourceGroups")["name"] == "rg-ml-dev"
    assert found.one("Microsoft.MachineLearningServices/workspaces")["name"] == "mlw-ml-dev"
    assert found.one("Microsoft.Network/virtualNetworks")["name"] == "vnet-ml-dev"


def test_every_file_is_used() -> None:
    """By a template, by its name; what is not would never be looked at."""
    text = "".join(file.read_text() for file in [*PLATFORM.rglob("*.bicep"), *PLATFORM.rglob("*.bicepparam")])
    files = [*PLATFORM.rglob("*.bicep"), *(PLATFORM / "roles").iterdir(), PLATFORM / "machine.yml"]
    assert [file.name for file in files if f"{file.name}'" not in text] == []
