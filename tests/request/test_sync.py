"""Sync options: each with its safe default, and every wrong one named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registration.plan.fields import managed
from registration.plan.model import Sync, WantedDatastore
from registration.request.document import Registration, parse_registration
from registration.request.sync import CREDENTIALS, IGNORABLE
from shared.assets import DATASTORES, Data
from shared.datastores import AccountKey, Certificate, SasToken, ServicePrincipal
from shared.errors import RequestError
from tests.request.test_registration import VAULTS, body, faults_of

EVERYTHING = {
    "drift": "report",
    "prune": "archive",
    "allow_empty": True,
    "keep_versions": 3,
    "suspend": True,
    "ignore": ["description", "tags", "archived"],
}


def read(sync: Any) -> Registration:
    return parse_registration(body(sync=sync), VAULTS, 9)


@pytest.mark.parametrize("sync", [None, {}, {"drift": None}, {"drift": "heal", "prune": "keep", "allow_empty": False}])
def test_the_defaults_are_safe_and_leave_no_trace(sync: Any) -> None:
    found = read(sync)
    assert found.sync == Sync("heal", "keep", False, None, False, ())
    assert "sync" not in found.as_json()


@pytest.mark.parametrize(
    "sync", [EVERYTHING, *({name: value} for name, value in EVERYTHING.items() if name != "allow_empty")]
)
def test_options_are_taken_and_survive_storage(sync: dict[str, Any]) -> None:
    found = read(sync)
    for name, value in sync.items():
        assert getattr(found.sync, name) == (tuple(value) if isinstance(value, list) else value)
    assert found.as_json()["sync"] == sync
    assert Registration.from_json(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize(
    ("sync", "target", "says"),
    [
        ("heal", "sync", "object"),
        ([], "sync", "object"),
        ({"prunes": "keep"}, "sync.prunes", "sync has drift, prune, allow_empty, keep_versions, suspend, ignore"),
        ({"drift": "fix"}, "sync.drift", "heal or report"),
        ({"drift": ["heal"]}, "sync.drift", "heal or report"),
        ({"prune": "delete"}, "sync.prune", "keep or archive"),
        ({"prune": True}, "sync.prune", "keep or archive"),
        ({"prune": "archive", "allow_empty": "yes"}, "sync.allow_empty", "true or false"),
        ({"allow_empty": True}, "sync.allow_empty", "no effect"),
        ({"allow_empty": True, "prune": "keep"}, "sync.allow_empty", "prune: archive"),
        ({"suspend": 1}, "sync.suspend", "true or false"),
        *(({"keep_versions": count}, "sync.keep_versions", "1 or more") for count in (0, -1, 1.0, True, "3", [1])),
        ({"ignore": "tags"}, "sync.ignore", "list"),
        ({"ignore": ["tags", 5]}, "sync.ignore[1]", "name of a field"),
        ({"ignore": ["tags", "description", "tags"]}, "sync.ignore[2]", "sync.ignore[0] already"),
        ({"ignore": ["colour"]}, "sync.ignore[0]", "one of description, tags, archived, credentials"),
        ({"ignore": ["name"]}, "sync.ignore[0]", "no such field"),
        ({"ignore": ["Tags"]}, "sync.ignore[0]", "no such field"),
        *(({"ignore": [name]}, "sync.ignore[0]", "conflict") for name in ("type", "path", "mltable", "properties")),
        *(
            ({"ignore": [name]}, "sync.ignore[0]", "where data is read")
            for name in ("account_name", "container_name", "file_share_name", "filesystem", "endpoint", "protocol")
        ),
        *(
            ({"ignore": [name]}, "sync.ignore[0]", "where data is read")
            for name in ("one_lake_workspace_name", "artifact")
        ),
    ],
)
def test_a_wrong_option_is_named(sync: Any, target: str, says: str) -> None:
    found = faults_of(body(sync=sync))
    assert list(found) == [target]
    assert says in found[target]


def test_an_unknown_option_and_a_twin_have_their_codes() -> None:
    with pytest.raises(RequestError) as refused:
        read({"colour": "blue", "ignore": ["tags", "tags"]})
    assert [(fault.code, fault.target) for fault in refused.value.faults] == [
        ("UnknownField", "sync.colour"),
        ("Duplicate", "sync.ignore[1]"),
    ]


def test_credentials_are_ignored_as_a_whole_or_part_by_part() -> None:
    models = (ServicePrincipal, Certificate, AccountKey, SasToken)
    assert set(CREDENTIALS) == {name for model in models for name in model.model_fields}
    for names in (["credentials"], ["client_secret"], ["tags", *CREDENTIALS]):
        assert read({"ignore": names}).sync.ignore == tuple(names)


KINDS: dict[str, dict[str, Any]] = {
    "azure_blob": {"container_name": "silver", "account_name": "sourcedata"},
    "azure_file": {"file_share_name": "silver", "account_name": "sourcedata"},
    "azure_data_lake_gen2": {"filesystem": "silver", "account_name": "sourcedata", "protocol": "https"},
    "one_lake": {"one_lake_workspace_name": "Sales", "artifact": {"type": "lake_house", "name": "Silver"}},
}
ENDPOINTS = {"one_lake": "onelake.dfs.fabric.microsoft.com"}
ADDRESS = "azureml://datastores/silver/paths/a"


def test_every_field_that_is_compared_is_ignored_or_refused_for_a_reason() -> None:
    texts = {"name": "x", "description": "x", "tags": {"a": "b"}}
    table = {"type": "mltable", "path": ADDRESS, "mltable": {}, "write_to": ADDRESS + "/b", "properties": {"a": "b"}}
    wanted: list[WantedDatastore | Data] = [Data.model_validate({**texts, **table})]
    for kind, model in DATASTORES.items():
        endpoint = ENDPOINTS.get(kind, "core.windows.net")
        datastore = model.model_validate({**texts, "type": kind, "endpoint": endpoint, **KINDS[kind]})
        principal = ("tenant_id", "client_id", "thumbprint", "authority_url", "resource_url")
        wanted.append(WantedDatastore(datastore, dict.fromkeys(principal, "x")))
    compared = {name for asset in wanted for name in managed(asset, Sync())}
    assert compared > {"archived", "path", "mltable", "filesystem", "artifact", "endpoint", "client_id", "credentials"}
    for name in compared:
        if name in IGNORABLE:
            assert name in read({"ignore": [name]}).sync.ignore
        else:
            assert "no such field" not in faults_of(body(sync={"ignore": [name]}))["sync.ignore[0]"]


@pytest.mark.parametrize("damage", [{"drift": "fix"}, {"colour": "blue"}, 5, {"ignore": "tags"}, {"allow_empty": True}])
def test_damaged_options_are_not_read(damage: Any) -> None:
    stored = read({"suspend": True}).as_json()
    with pytest.raises(ValueError, match="sync"):
        Registration.from_json({**stored, "sync": damage})
