"""Where servers of one's own resolve names: they are told each name that a part which is on has in the network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import STAND_IN, SUBSCRIPTION, TENANT
from tests.infra.platform.conftest import MODES, PLATFORM, With
from tests.infra.platform.test_reach import FRONT_DOOR, GATEWAY
from tests.infra.platform.test_scoring import tls

OWN_SERVERS = "param dns = { kind: 'custom', servers: ['10.0.0.4'] }"


def given_out(file: Path) -> dict[str, Any]:
    """The outputs of a parameter file's deployment, by name."""
    if not STAND_IN.exists():
        pytest.skip(f"NOT CHECKED: {STAND_IN} is absent, and no other tool evaluates outputs")
    place = ["--subscription", SUBSCRIPTION, "--tenant", TENANT]
    done = subprocess.run(
        [sys.executable, STAND_IN, "snapshot", file, *place], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)["outputs"]
    return {name: it["value"] if isinstance(it, dict) and "value" in it else it for name, it in found.items()}


def names_of(found: dict[str, Any]) -> set[str]:
    """Without what only Azure knows of them, and what is made of the subscription's id."""
    return {re.sub(r"(st|kvk?-|cr|oai-|apim-)[0-9a-z]{13}\b", r"\1*", name) for name in found["namesToResolve"]}


@pytest.mark.parametrize("mode", MODES)
def test_what_is_always_there(mode: str, option: With, tmp_path: Path) -> None:
    option(mode, OWN_SERVERS)
    found = names_of(given_out(tmp_path / "option.bicepparam"))
    assert {it for it in found if not it.startswith("[")} == {
        "*.westeurope.inference.ml.azure.com",
        "kv-*.vault.azure.net",
        "cr*.azurecr.io",
        "cr*.westeurope.data.azurecr.io",
        *(f"st*.{part}.core.windows.net" for part in ("blob", "file", "dfs")),
    }
    assert {it for it in ("workspaceId", "notebookInfo.fqdn") if any(it in name for name in found)} == {
        "workspaceId",
        "notebookInfo.fqdn",
    }


@pytest.mark.parametrize("ingress", [GATEWAY, FRONT_DOOR])
def test_api_management_has_a_name_inside_too(ingress: str, option: With, tmp_path: Path) -> None:
    option("managed-network", OWN_SERVERS, ingress)
    found = given_out(tmp_path / "option.bicepparam")
    assert "apim-*.azure-api.net" in names_of(found)
    assert "pe-ml-dev-api-management" in str(found["dnsRecords"][-1])


def test_the_scoring_cluster_has_two(option: With, tmp_path: Path) -> None:
    option("custom-vnet", OWN_SERVERS, tls(", address: '10.150.1.9'"))
    found = given_out(tmp_path / "option.bicepparam")
    assert "s.example.com" in names_of(found)
    assert any("aks-ml-dev" in it and "privateFQDN" in it for it in names_of(found))
    assert [{"fqdn": "s.example.com", "ipAddresses": ["10.150.1.9"]}] in found["dnsRecords"]
    option("custom-vnet", OWN_SERVERS, tls())
    assert [] in given_out(tmp_path / "option.bicepparam")["dnsRecords"]


def test_with_everything_each_endpoint_and_each_instance_has_its_names() -> None:
    found = given_out(PLATFORM / "custom-vnet-everything.bicepparam")
    assert names_of(found) >= {
        "kvk-*.vault.azure.net",
        "oai-*.openai.azure.com",
        "sourcedata.blob.core.windows.net",
        "sourcedata.dfs.core.windows.net",
        "st*.queue.core.windows.net",
        "st*.table.core.windows.net",
        "scoring.example.com",
        *(f"ml-all-{who}.westeurope.{end}" for who in ("ada", "bob")
          for end in ("instances.azureml.ms", "instances.ml.azure.ms")),
    }  # fmt: skip
    records = json.dumps(found["dnsRecords"])
    assert [it for it in found["privateEndpoints"] if it not in records] == []


def test_what_waits_for_endpoints_is_not_given_out(option: With, tmp_path: Path) -> None:
    """The proof would look for it."""
    option("custom-vnet", OWN_SERVERS, tls(), "param endpointApproval = 'manual'")
    found = given_out(tmp_path / "option.bicepparam")
    assert (found["clusters"], found["scoring"]) == ([], "")
    assert "s.example.com" not in names_of(found)
