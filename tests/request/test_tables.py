"""A table's definition: what is refused by the path of its field, what is asked of the policy, what makes a version."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registration.access.authorization import containers_of, data_access
from registration.access.policy import Source
from registration.plan import Action, Applied, Change, Claim, Desired, Inventory, Origin, make_plan
from registration.request.document import Registration, parse_registration
from registration.request.tables import table_of
from registration.request.versions import with_versions
from shared.assets import Data, Observed, ObservedContainer, ObservedData
from shared.tables import TableDefinition, covers
from tests.request.test_registration import DATASTORE, VAULTS, WORKSPACE, body, faults_of

SUFFIX = "core.windows.net"
PATH, TO = "azureml://datastores/silver/paths/sales/", "azureml://datastores/silver/paths/tables/sales"
TABLE = {"name": "sales", "type": "mltable", "path": PATH, "mltable": {}, "write_to": TO}
BLOB = {"name": "raw", "type": "azure_blob", "account_name": "rawdata", "container_name": "raw"}
SHARE = {"name": "share", "type": "azure_file", "account_name": "rawdata", "file_share_name": "raw"}
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def parse(*data: dict[str, Any], **parts: Any) -> Registration:
    return parse_registration(body(data=list(data), **parts), VAULTS, 99)


def faults(*data: dict[str, Any]) -> dict[str, str]:
    return faults_of(body(data=list(data), datastores=[DATASTORE, BLOB, SHARE]))


def test_a_table_survives_storage() -> None:
    read = parse({**TABLE, "mltable": {"delimiter": r"\t", "paths": ["2026/**/*.csv"]}, "version": "1"})
    assert Registration.from_json(json.loads(json.dumps(read.as_json()))) == read
    [data] = read.data
    assert data.mltable is not None
    assert (data.mltable.delimiter, data.registered_path) == ("\t", TO)


@pytest.mark.parametrize(
    ("field", "value", "target", "says"),
    [
        ("delimiter", ",,", "mltable.delimiter", "one ASCII character"),
        ("delimiter", "", "mltable.delimiter", "one ASCII character"),
        ("delimiter", "\n", "mltable.delimiter", "one ASCII character"),
        ("delimiter", '"', "mltable.delimiter", "not the quote"),
        ("delimiter", "§", "mltable.delimiter", "one ASCII character"),
        ("encoding", "utf32", "mltable.encoding", "utf16"),
        ("header", True, "mltable.header", "no_header"),
        ("paths", [], "mltable.paths", "at least 1"),
        ("paths", "*", "mltable.paths", "list"),
        ("paths", ["*"] * 101, "mltable.paths", "at most 100"),
        ("paths", ["*", "../*"], "mltable.paths[1]", "'..'"),
        ("paths", ["a/../../*"], "mltable.paths[0]", "'..'"),
        ("paths", ["/etc/*"], "mltable.paths[0]", "slash in front"),
        ("paths", ["https://evil.example/*"], "mltable.paths[0]", "without a scheme"),
        ("paths", ["%2e%2e/*"], "mltable.paths[0]", "only * and **"),
        ("paths", ["a\\b"], "mltable.paths[0]", "only * and **"),
        ("paths", ["a\nb"], "mltable.paths[0]", "only * and **"),
        ("paths", ["a?b=c"], "mltable.paths[0]", "only * and **"),
        ("paths", ["[a-z]*"], "mltable.paths[0]", "only * and **"),
        ("paths", [""], "mltable.paths[0]", "only * and **"),
        ("paths", ["a//b"], "mltable.paths[0]", "empty part"),
        ("paths", ["a /b"], "mltable.paths[0]", "space"),
        ("paths", ["a**/b"], "mltable.paths[0]", "whole folders"),
        ("paths", ["a/**"], "mltable.paths[0]", "**/*"),
        ("quote", "'", "mltable.quote", "no such field"),
    ],
)
def test_a_wrong_definition_is_refused_by_its_field(field: str, value: Any, target: str, says: str) -> None:
    found = faults({**TABLE, "mltable": {field: value}})
    assert list(found) == [f"data[0].{target}"]
    assert says in found[f"data[0].{target}"]


@pytest.mark.parametrize(
    ("changes", "target", "says"),
    [
        ({"write_to": None}, "write_to", "go together"),
        ({"mltable": None}, "write_to", "go together"),
        ({"type": "uri_folder"}, "mltable", "type mltable"),
        ({"write_to": "/tmp/x"}, "write_to", "local paths are refused"),
        ({"write_to": "azureml://datastores/silver/paths/../x"}, "write_to", ".."),
        ({"write_to": "azureml://datastores/silver/paths/a%20b"}, "write_to", "globs go into"),
        ({"path": "azureml://datastores/silver/paths/*/sales"}, "path", "globs go into"),
        ({"path": "azureml://datastores/gold/paths/sales"}, "path", "must stand in this registration"),
        ({"write_to": "azureml://datastores/gold/paths/sales"}, "write_to", "must stand in this registration"),
        ({"path": "azureml://datastores/share/paths/sales"}, "path", "azure_blob or azure_data_lake_gen2"),
        ({"write_to": "azureml://datastores/share/paths/sales"}, "write_to", "azure_blob or azure_data_lake_gen2"),
        ({"write_to": "abfss://silver@sourcedata.dfs.core.chinacloudapi.cn/x"}, "write_to", "this cloud's"),
        (
            {"write_to": "azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/silver/paths/x"},
            "write_to",
            "another workspace",
        ),
        ({"write_to": PATH}, "write_to", "its own MLTable file"),
        ({"write_to": "abfss://silver@sourcedata.dfs.core.windows.net/sales"}, "write_to", "its own MLTable file"),
        ({"mltable": {"paths": ["**/*"]}, "write_to": f"{PATH}a/b"}, "write_to", "its own MLTable file"),
        ({"mltable": {"paths": ["a/ML*"]}, "write_to": f"{PATH}a"}, "write_to", "its own MLTable file"),
    ],
)
def test_what_cannot_be_read_or_written_is_refused(changes: dict[str, Any], target: str, says: str) -> None:
    found = faults({**TABLE, **changes})
    assert list(found) == [f"data[0].{target}"]
    assert says in found[f"data[0].{target}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"write_to": PATH, "mltable": {"paths": ["*.csv"]}},
        {"write_to": f"{PATH}tables"},
        {"path": "azureml://datastores/silver/paths/", "write_to": "azureml://datastores/raw/paths/"},
        {"path": "azureml://datastores/silver/paths/sale", "write_to": "azureml://datastores/silver/paths/sales"},
    ],
)
def test_a_file_that_the_table_does_not_read_may_stand_beside_its_data(changes: dict[str, Any]) -> None:
    assert parse({**TABLE, **changes}, datastores=[DATASTORE, BLOB]).data


def test_two_tables_do_not_share_a_file() -> None:
    other = {**TABLE, "name": "other", "write_to": "https://sourcedata.blob.core.windows.net/silver/tables/sales/"}
    assert "the same place" in faults(TABLE, other)["data[1]"]


def test_where_the_file_goes_and_what_it_reads() -> None:
    via_datastores = {
        **TABLE,
        "path": "azureml://datastores/RAW/paths/a b/",
        "write_to": "azureml://datastores/raw/paths/",
    }
    straight = {**TABLE, "path": "https://rawdata.dfs.core.windows.net/raw/a b", "name": "b"}
    read = parse(via_datastores, straight, datastores=[DATASTORE, BLOB])
    first, second = [table_of(data, read.datastores, SUFFIX) for data in read.data]
    assert first is not None
    assert second is not None
    assert (first.account, first.container, first.path) == ("rawdata", "raw", "MLTable")
    assert (second.account, second.container, second.path) == ("sourcedata", "silver", "tables/sales/MLTable")
    assert '"abfss://raw@rawdata.dfs.core.windows.net/a b/*"' in first.text
    assert first.text == second.text


def test_a_long_form_is_taken_for_its_own_workspace() -> None:
    place = "azureml://subscriptions/{subscription_id}/resourcegroups/{resource_group}/workspaces/{workspace_name}"
    long = place.format(**WORKSPACE) + "/datastores/silver/paths/tables/sales"
    assert parse({**TABLE, "write_to": long}).data[0].write_to == TO


def test_the_policy_is_asked_for_the_folder_and_for_the_file() -> None:
    read = parse(TABLE)
    access = data_access(read.data[0], read.workspaces[0].key, containers_of(read))
    assert access is not None
    assert access.sources == (Source("sourcedata/silver", "sales/", True),)
    assert access.writes == (Source("sourcedata/silver", "tables/sales/MLTable"),)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"description": "Sales"}, True),
        ({"mltable": {"delimiter": ","}}, True),
        ({"mltable": {"delimiter": ";"}}, False),
        ({"mltable": {"paths": ["*.csv"]}}, False),
        ({"path": "azureml://datastores/silver/paths/other/"}, False),
        ({"write_to": "azureml://datastores/silver/paths/tables/other"}, False),
    ],
)
def test_a_version_is_kept_as_long_as_its_file_says_the_same(changes: dict[str, Any], kept: bool) -> None:
    stored = with_versions(parse(TABLE), None, NOW)
    now = with_versions(parse({**TABLE, **changes}), stored, NOW + timedelta(days=1))
    assert (now.data[0].version == stored.data[0].version) is kept


def test_a_datastore_that_leads_elsewhere_makes_a_new_version() -> None:
    stored = with_versions(parse(TABLE), None, NOW)
    moved = parse(TABLE, datastores=[{**DATASTORE, "filesystem": "gold"}])
    assert with_versions(moved, stored, NOW + timedelta(days=1)).data[0].version != stored.data[0].version


def test_the_plan_compares_the_folder_of_the_file() -> None:
    [data] = parse({**TABLE, "version": "1"}).data
    held = ObservedData(name="sales", version="1", type="mltable", path=TO)
    observed = Observed(containers={"sales": ObservedContainer("sales", "1")}, data={("sales", "1"): held})

    def change(wanted: Data, inventory: Inventory) -> Change:
        [found] = make_plan(Desired((Claim(Origin("tables", ""), wanted),)), inventory, observed).changes
        return found

    adopted = change(data, Inventory())
    assert adopted.action is Action.ADOPT
    assert adopted.record is not None
    kept = Inventory({data.id: Applied(json.loads(json.dumps(adopted.record.fields)))})
    assert change(data, kept).action is Action.NONE
    [changed] = parse({**TABLE, "version": "1", "mltable": {"delimiter": ";"}}).data
    conflict = change(changed, kept)
    assert (conflict.action, [reason.field for reason in conflict.reasons]) == (Action.CONFLICT, ["mltable"])


@pytest.mark.parametrize(
    ("glob", "path", "stands"),
    [
        ("*", "a.csv", True),
        ("*", "a/b.csv", False),
        ("**/*", "a/b/c.csv", True),
        ("**/*", "c.csv", True),
        ("a/**/c*d", "a/cxd", True),
        ("a/**/c*d", "a/x/y/cd", True),
        ("a/**/c*d", "b/cd", False),
        ("a*a", "a", False),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXcYb", False),
        ("*a" * 300 + "*b", "a" * 900, False),
        ("**/" * 200 + "c*c", "a/" * 400 + "b", False),
    ],
)
def test_what_a_glob_stands_for_is_found_without_delay(glob: str, path: str, stands: bool) -> None:
    """The last two once took for ever."""
    assert covers(TableDefinition.model_construct(paths=[glob]), path) is stands
