"""checkov over what each parameter set deploys, as an ARM template. What it finds is either mended or stands here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.azurite import ROOT
from tests.infra.conftest import SETS, Deploy

CHECKOV = ROOT / ".venv-checkov"
EVERYWHERE = frozenset(SETS)
PUBLIC = frozenset({"minimal", "existing"})
WEB = "is about config/web; it reads our config/appsettings and config/authsettingsV2 as one"

SKIPS: dict[str, tuple[frozenset[str], str]] = {
    "CKV_AZURE_13": (EVERYWHERE, f"Easy Auth is on, by authsettingsV2; the check {WEB}"),
    "CKV_AZURE_17": (EVERYWHERE, "Data Factory's Web activity comes with a token, not with a client certificate"),
    "CKV_AZURE_35": (
        PUBLIC,
        "without a network of its own, identity alone guards storage: no key, no public blob",
    ),
    "CKV_AZURE_36": (EVERYWHERE - PUBLIC, "no Azure service needs to pass the firewall: the app has private endpoints"),
    "CKV_AZURE_59": (
        EVERYWHERE - {"shut"},
        "for want of a network of its own, or for operators; never for blobs",
    ),
    "CKV_AZURE_63": (EVERYWHERE, f"requests are logged in Application Insights; the check {WEB}"),
    "CKV_AZURE_65": (EVERYWHERE, f"detailed error pages tell strangers too much; the check {WEB}"),
    "CKV_AZURE_66": (EVERYWHERE, f"is of Windows hosts; the check {WEB}"),
    "CKV_AZURE_78": (EVERYWHERE, "Flex Consumption has no FTP, and refuses a site that mentions it"),
    "CKV_AZURE_80": (EVERYWHERE, f"there is no .NET; the check {WEB}"),
    "CKV_AZURE_88": (EVERYWHERE, f"Flex Consumption mounts no share, and takes no WEBSITE_CONTENT…; the check {WEB}"),
    "CKV_AZURE_103": (EVERYWHERE - {"existing"}, "the pipelines are files of this repository, and deployed with it"),
    "CKV_AZURE_109": (PUBLIC, "without a network of its own, the vault is guarded by RBAC alone"),
    "CKV_AZURE_189": (PUBLIC, "without a network of its own, the vault is guarded by RBAC alone"),
    "CKV_AZURE_206": (EVERYWHERE - {"everything"}, "zone-redundant storage suffices: the state can be sent again"),
    "CKV_AZURE_212": (EVERYWHERE, "Flex Consumption scales from zero; messages wait in the queue meanwhile"),
    "CKV_AZURE_213": (EVERYWHERE, "Flex Consumption replaces instances itself, and has no health check path"),
    "CKV_AZURE_222": (EVERYWHERE, "Data Factory's own runtime reaches public addresses only; the door is Easy Auth"),
    "CKV_AZURE_225": (EVERYWHERE, "not in every region; a message that dies with its instance comes back"),
}


@pytest.fixture(scope="module")
def report(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return report_of(tmp_path_factory.mktemp("checkov"), {name: deploy(name).resources for name in SETS})


def report_of(folder: Path, sets: Mapping[str, Any]) -> dict[str, Any]:
    """What checkov says of each set's resources, by way of `folder`. Skips where there is no checkov."""
    if not (CHECKOV / ".complete").exists():
        pytest.skip(f"NOT CHECKED BY CHECKOV: {CHECKOV} is absent; `make test` sets it up")
    for name, resources in sets.items():
        (folder / f"{name}.json").write_text(json.dumps(template(resources)))
    return checked("-d", folder)


def checked(*what: str | Path) -> dict[str, Any]:
    foreign = ("BC_", "CKV_", "CHECKOV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    command = [
        CHECKOV / "bin" / "python",
        "-m",
        "checkov.main",
        *what,
        "--framework",
        "arm",
        "--skip-download",
        "--quiet",
        "-o",
        "json",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode in {0, 1}, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def template(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Graph's resources have no form in an ARM template; ids and dependencies are for the deployment."""
    kept = [it for it in resources if not it["type"].startswith("Microsoft.Graph/")]
    left_out = {"id", "dependsOn", "condition", "scope"}
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [{key: value for key, value in it.items() if key not in left_out} for it in kept],
    }


def test_everything_was_read(report: dict[str, Any], deploy: Deploy) -> None:
    """A file that checkov cannot parse counts as no check at all, and as success."""
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["failed"] + report["summary"]["passed"] > 200
    resources = sum(len(template(deploy(name).resources)["resources"]) for name in SETS)
    assert report["summary"]["resource_count"] >= resources


def test_what_is_found_is_what_stands_here_with_its_reason(report: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for check in report["results"]["failed_checks"]:
        found.setdefault(check["check_id"], set()).add(Path(check["file_path"]).stem)
    assert found == {check: set(where) for check, (where, _) in SKIPS.items()}


def test_checkov_would_see_a_hole(tmp_path: Path) -> None:
    if not (CHECKOV / ".complete").exists():
        pytest.skip(f"NOT CHECKED BY CHECKOV: {CHECKOV} is absent; `make test` sets it up")
    account = {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2026-04-01",
        "name": "open",
        "properties": {"allowBlobPublicAccess": True, "supportsHttpsTrafficOnly": False},
    }
    (tmp_path / "open.json").write_text(json.dumps(template([account])))
    failed = {check["check_id"] for check in checked("-f", tmp_path / "open.json")["results"]["failed_checks"]}
    assert failed >= {"CKV_AZURE_3", "CKV_AZURE_44"}
