"""What each parameter file of the platform deploys, and what it deploys with a parameter or two more."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest

from tests.infra.bicep import INFRA, SUBSCRIPTION, Bicep, Resource
from tests.infra.conftest import Deployed

PLATFORM = INFRA / "platform"
FILES = ("custom-vnet", "custom-vnet-everything", "managed-network", "managed-network-everything")
MODES = ("custom-vnet", "managed-network")
ELSEWHERE = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/theirs/providers"
NEARBY = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/theirs/providers"
"""In the subscription of the platform."""


class With(Protocol):
    def __call__(self, mode: str, *parameters: str) -> Deployed:
        """The defaults of a mode, and those lines of a parameter file. Raises Failed."""


class Platform(Protocol):
    def __call__(self, name: str) -> Deployed:
        """By name of a file in infra/platform."""


@pytest.fixture(scope="session")
def platform(bicep: Bicep) -> Platform:
    @cache
    def evaluated(name: str) -> Deployed:
        return Deployed(bicep.evaluate(PLATFORM / f"{name}.bicepparam"))

    return evaluated


@pytest.fixture(params=FILES)
def made(request: pytest.FixtureRequest, platform: Platform) -> Deployed:
    """Each parameter file in turn."""
    return platform(request.param)


@pytest.fixture
def option(bicep: Bicep, tmp_path: Path) -> With:
    return lambda mode, *parameters: with_parameters(bicep, tmp_path, mode, *parameters)


def with_parameters(bicep: Bicep, folder: Path, mode: str, *parameters: str) -> Deployed:
    """The defaults of a mode, and those lines of a parameter file, which is written to that folder. Raises Failed."""
    file = folder / "option.bicepparam"
    text = (PLATFORM / f"{mode}.bicepparam").read_text()
    text = text.replace("'main.bicep'", f"'{os.path.relpath(PLATFORM / 'main.bicep', folder)}'")
    file.write_text("\n".join([text, *parameters, ""]))
    return Deployed(bicep.evaluate(file))


def names(found: Deployed, kind: str) -> set[str]:
    """The last part of each name."""
    return {str(it["name"]).rpartition("/")[2] for it in found.all(kind)}


def waits_for(resource: Resource) -> set[str]:
    """What is made before it: names of resources, and of modules without what the tool adds to them."""
    if "dependsOn" not in resource:
        pytest.skip("NOT CHECKED: this tool does not say in which order resources are made")
    return {re.sub(r"-[0-9a-z]{13}$", "", str(it).rpartition("/")[2]) for it in resource["dependsOn"]}


def target_of(endpoint: dict[str, object]) -> tuple[str, str]:
    """The name of the resource that a private endpoint leads to, and the part of it."""
    properties = endpoint["properties"]
    assert isinstance(properties, dict)
    connections = properties["privateLinkServiceConnections"] + properties["manualPrivateLinkServiceConnections"]
    [connection] = connections
    [part] = connection["properties"]["groupIds"]
    return connection["properties"]["privateLinkServiceId"].rpartition("/")[2], part


class Azure:
    """An `az` on the path: what it answers, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answers(self, *pairs: tuple[str, object]) -> None:
        """By pattern; earlier ones win, and all of them over those given before."""
        file = self.folder / "answers.json"
        before = json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps([*pairs, *before]))

    def asked(self) -> list[str]:
        file = self.folder / "asked.txt"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Azure:
    folder = tmp_path / "azure-cli"
    folder.mkdir()
    shutil.copy(Path(__file__).parent / "fake_az.py", folder)
    program = folder / "az"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder / "fake_az.py"}" "$@"\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return Azure(folder)


@pytest.fixture
def outputs(platform: Platform) -> Callable[[str], dict[str, object]]:
    """What a deployment of a parameter file gives out, as `az deployment sub show` has it."""

    def given(mode: str) -> dict[str, object]:
        found = platform(mode)
        managed = mode.startswith("managed")
        of = {
            "networkMode": "managedNetwork" if managed else "customVnet",
            "resourceGroup": found.one("Microsoft.Resources/resourceGroups")["name"],
            "location": "westeurope",
            "workspace": found.one("Microsoft.MachineLearningServices/workspaces")["name"],
            "workspaceId": found.one("Microsoft.MachineLearningServices/workspaces")["id"],
            "storageId": found.one("Microsoft.Storage/storageAccounts")["id"],
            "vaultId": found.one("Microsoft.KeyVault/vaults", found.all("Microsoft.KeyVault/vaults")[0]["name"])["id"],
            "registryId": found.one("Microsoft.ContainerRegistry/registries")["id"],
            "workspaceIdentity": "99999999-0000-4000-8000-000000000001",
            "computeIdentityId": "/subscriptions/s/resourceGroups/g/providers/x/userAssignedIdentities/compute",
            "clusters": ["cpu", "gpu"] if mode.endswith("everything") else ["cpu"],
            "scoring": "managed" if managed else ("scoring" if mode.endswith("everything") else ""),
            "privateEndpoints": sorted(names(found, "Microsoft.Network/privateEndpoints")),
            "approvals": [found.one("Microsoft.Storage/storageAccounts")["id"]] if managed else [],
        }
        return {name: {"type": "any", "value": value} for name, value in of.items()}

    return given
