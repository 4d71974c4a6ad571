"""Versions that the service makes, and names that it makes up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registration.access.caller import Caller
from registration.records.naming import default_name
from registration.request.document import Registration
from registration.request.versions import time_version, with_versions
from shared.assets import MAX_VERSION_LENGTH, Data
from shared.workspace import Workspace

NOW = datetime(2026, 1, 2, 2, 0, 0, 123999, UTC)
MADE = "20260102T020000123Z"
WORKSPACE = Workspace(
    subscription_id="6d1f0a4e-0000-4000-8000-000000000001", resource_group="ml-rg", workspace_name="ml-ws-1"
)


def registration(*data: Data) -> Registration:
    return Registration("sales", (WORKSPACE,), data=data)


def sales(version: str | None, path: str = "a", kind: str = "uri_file") -> Data:
    return Data(name="sales", type=kind, path=f"azureml://datastores/silver/paths/{path}", version=version)  # type: ignore[arg-type]


def test_a_made_version_is_a_time_in_milliseconds_that_azure_takes() -> None:
    assert time_version(NOW) == MADE
    assert len(MADE) <= MAX_VERSION_LENGTH
    assert sales(MADE).version == MADE


@pytest.mark.parametrize(
    ("asked", "stored", "fixed"),
    [
        (sales("7"), None, "7"),
        (sales(None), None, MADE),
        (sales("new"), sales("7"), MADE),
        (sales(None), sales("7"), "7"),
        (sales(None), sales("7", path="b"), MADE),
        (sales(None), sales("7", kind="uri_folder"), MADE),
        (sales("8"), sales("7"), "8"),
    ],
)
def test_which_version_a_data_asset_gets(asked: Data, stored: Data | None, fixed: str) -> None:
    before = None if stored is None else registration(stored)
    assert with_versions(registration(asked), before, NOW).data[0].version == fixed


def test_the_default_name_is_the_same_for_the_same_caller_targets_and_assets() -> None:
    one = Caller("11111111-1111-4111-8111-111111111111", "44444444-4444-4444-8444-444444444444")
    other = Caller(one.tenant_id, one.tenant_id)
    name = default_name("auto", one, registration(sales("1")))
    assert name == default_name("auto", one, registration(sales("2", path="b")))
    assert name != default_name("auto", other, registration(sales("1")))
    assert name != default_name("auto", one, registration())
    assert name.startswith("auto-")
