"""Settings: every wrong one is named, none of their values is, and importing never fails on one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from local.azurite import ROOT
from shared.errors import Misconfigured
from shared.settings import Settings

GOOD = {"AzureWebJobsStorage": "x", "PUBLIC_URL": "https://app.example/", "POLICY_FILE": "policy.yml"}


def problems_of(**changes: str) -> str:
    with pytest.raises(Misconfigured) as error:
        Settings.read({**GOOD, **changes})
    return "\n".join(error.value.problems)


def test_defaults() -> None:
    settings = Settings.read(GOOD)
    assert settings.public_url == "https://app.example"
    assert settings.arm_endpoint == "https://management.azure.com"
    assert (settings.max_body_bytes, settings.max_changes, settings.max_attempts) == (4 * 1024 * 1024, 50_000, 5)
    assert settings.key_vault_urls == ()
    assert settings.own_secrets == frozenset()
    assert settings.outbound_tenants == {}


def test_vaults_are_listed_by_comma() -> None:
    settings = Settings.read({**GOOD, "KEY_VAULT_URLS": "https://One.vault.azure.net/, https://two.vault.azure.net"})
    assert settings.key_vault_urls == ("https://one.vault.azure.net", "https://two.vault.azure.net")


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as error:
        Settings.read({"MAX_CHANGES": "many", "POLICY_FILE": "a", "POLICY_URL": "https://b"})
    named = " ".join(error.value.problems)
    assert all(name in named for name in ("AzureWebJobsStorage", "PUBLIC_URL", "POLICY_FILE", "MAX_CHANGES"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "app.example"),
        ("PUBLIC_URL", "http://app.example"),
        ("PUBLIC_URL", "https://app.example/?x=secret-value"),
        ("KEY_VAULT_URLS", "vault"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_BODY_BYTES", "-1"),
        ("ALLOW_SHARED_PRINCIPAL", "perhaps"),
        ("AZURE_CLIENT_ID", "secret-value"),
        ("AZURE_CLOUD", "secret-value"),
        ("OUTBOUND_TENANTS", "secret-value"),
        ("OUTBOUND_CLIENT_ID", "6d1f0a4e-0000-4000-8000-000000000001"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(name: str, value: str) -> None:
    found = problems_of(**{name: value})
    assert name in found
    assert "secret-value" not in found


def test_importing_needs_no_setting_and_no_azure_sdk() -> None:
    code = (
        "import sys, json, function_app; "
        "print(json.dumps([m for m in sys.modules if m.startswith(('azure.', 'msal', 'requests'))]))"
    )
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, env=environment)
    assert [name for name in json.loads(run.stdout) if not name.startswith("azure.functions")] == []
