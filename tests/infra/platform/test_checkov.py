"""checkov over what each parameter file of the platform deploys. What it finds is either mended or stands here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import Bicep
from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import FILES, MODES, Platform, with_parameters
from tests.infra.platform.test_reach import GATEWAY
from tests.infra.test_checkov import report_of

EVERYTHING = frozenset(FILES) - frozenset(MODES)
DEFAULTS = frozenset(MODES) | {"application-gateway"}
EVERYWHERE = EVERYTHING | DEFAULTS
WITH_AKS = frozenset({"custom-vnet-everything"})
WITH_GATEWAY = frozenset({"application-gateway"})
"""The defaults of a managed network, and that: the file with everything has Front Door in its place."""

WITH_INGRESS = WITH_GATEWAY | {"managed-network-everything"}

SKIPS: dict[str, tuple[frozenset[str], str]] = {
    "CKV_AZURE_4": (WITH_AKS, "the API server's logs go by diagnostic settings; the add-on would write with a key"),
    "CKV_AZURE_6": (WITH_AKS, "the cluster is private: its API server has no public address to limit"),
    "CKV_AZURE_8": (WITH_AKS, "that dashboard is gone from AKS; the check asks for a setting that turns it off"),
    "CKV_AZURE_40": (
        EVERYTHING,
        "a version that expires before the next is taken up locks the workspace out; it rotates",
    ),
    "CKV_AZURE_50": (EVERYTHING, "the one extension is the sign-in with Entra"),
    "CKV_AZURE_135": (WITH_GATEWAY, "the default rule set 2.1 holds the rule; the check knows OWASP's numbers alone"),
    "CKV_AZURE_141": (WITH_AKS, "Azure ML's extension does not work without local accounts"),
    "CKV_AZURE_166": (EVERYWHERE, "quarantine hides each image until a scanner of yours releases it"),
    "CKV_AZURE_172": (WITH_AKS, "there is no driver for secrets in the cluster, so none to rotate for"),
    "CKV_AZURE_174": (
        WITH_INGRESS,
        "Azure refuses to make it shut; a second deployment of it, after its endpoint, shuts it",
    ),
    "CKV_AZURE_206": (DEFAULTS, "zone-redundant storage is the default; GZRS by storageSku"),
    "CKV_AZURE_226": (WITH_AKS, "AKS takes an ephemeral disk where the size has room; to demand it refuses the others"),
    "CKV_AZURE_243": (EVERYWHERE, "the endpoint is a resource of its own; the check looks inside of the workspace"),
}


@pytest.fixture(scope="module")
def deployed(platform: Platform, bicep: Bicep, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Deployed]:
    gateway = with_parameters(bicep, tmp_path_factory.mktemp("gateway"), "managed-network", GATEWAY)
    return {**{name: platform(name) for name in FILES}, "application-gateway": gateway}


@pytest.fixture(scope="module")
def report(deployed: dict[str, Deployed], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("checkov-platform")
    return report_of(folder, {name: found.resources for name, found in deployed.items()})


def test_everything_was_read(report: dict[str, Any], deployed: dict[str, Deployed]) -> None:
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 200
    # It tells resources apart by type and name alone.
    resources = sum(len({(it["type"], it["name"]) for it in found.resources}) for found in deployed.values())
    assert report["summary"]["resource_count"] >= resources


def test_what_is_found_is_what_stands_here_with_its_reason(report: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for check in report["results"]["failed_checks"]:
        found.setdefault(check["check_id"], set()).add(Path(check["file_path"]).stem)
    assert found == {check: set(where) for check, (where, _) in SKIPS.items()}
