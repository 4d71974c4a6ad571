"""Selectors: what they find, and which of them make no sense."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registration.access.caller import Caller
from registration.records.naming import default_name
from registration.request.document import Registration, parse_registration
from registration.request.faults import MAX_TARGET
from registration.request.targets import MAX_SELECTORS, MAX_TAGS, Selector
from shared.errors import RequestError
from shared.workspace import Workspace
from tests.request.test_registration import DATA, VAULTS, WORKSPACE, body, faults_of

SUBSCRIPTION = WORKSPACE["subscription_id"]
OTHER = "6d1f0a4e-0000-4000-8000-000000000002"
LONG = f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/ml-rg/workspaces/ml-ws-1/datastores/silver/paths/a.csv"


def selector(**fields: Any) -> dict[str, Any]:
    return {"selector": {"subscription_id": SUBSCRIPTION, **fields}}


def read(*workspaces: dict[str, Any], **parts: Any) -> Registration:
    return parse_registration(body(workspaces=list(workspaces), **parts), VAULTS, 9)


@pytest.mark.parametrize(
    ("fields", "tags", "matches"),
    [
        ({}, {}, True),
        ({"subscription_id": OTHER}, {}, False),
        ({"subscription_id": SUBSCRIPTION.upper()}, {}, True),
        ({"resource_group": "ML-rg"}, {}, True),
        ({"resource_group": "ml-rg-2"}, {}, False),
        ({"tags": {"team": "sales"}}, {"team": "sales", "env": "prod"}, True),
        ({"tags": {"TEAM": "sales"}}, {"Team": "sales"}, True),
        ({"tags": {"team": "sales"}}, {"team": "Sales"}, False),
        ({"tags": {"team": "sales"}}, {}, False),
        ({"tags": {"team": "sales", "env": "prod"}}, {"team": "sales"}, False),
        ({"tags": {"team": ""}}, {"team": ""}, True),
        ({"tags": {"team": ""}}, {}, False),
        ({"resource_group": "other", "tags": {"team": "sales"}}, {"team": "sales"}, False),
    ],
)
def test_a_selector_finds_what_has_all_that_it_names(
    fields: dict[str, Any], tags: dict[str, str], matches: bool
) -> None:
    found = read(selector(**fields)).selectors[0]
    assert found.matches(Workspace.model_validate(WORKSPACE), tags) is matches


def test_a_registration_has_workspaces_selectors_or_both_and_survives_storage() -> None:
    for entries in (
        [selector()],
        [selector(tags={"team": "sales"}), WORKSPACE],
        [selector(resource_group="ml-rg"), selector(resource_group="ml-rg", tags={"a.b": "<x>"})],
    ):
        found = read(*entries)
        assert len(found.workspaces) + len(found.selectors) == len(entries)
        assert Registration.from_json(json.loads(json.dumps(found.as_json()))) == found
        shown = [item.as_json() for item in found.selectors]
        assert shown == [entry for entry in entries if "selector" in entry]


def test_a_registration_without_selectors_is_stored_as_ever() -> None:
    stored = read(WORKSPACE).as_json()
    assert sorted(stored) == ["data", "datastores", "name", "workspaces"]
    assert Registration.from_json(stored).selectors == ()


@pytest.mark.parametrize(
    ("entry", "target", "says"),
    [
        (selector(tags={"team": "a", "Team": "b"}), "workspaces[0].selector.tags", "case is ignored"),
        ({**selector(), **WORKSPACE}, "workspaces[0]", "never both"),
        ({**selector(), "workspace_name": "ml-ws-1"}, "workspaces[0]", "put workspace_name elsewhere"),
        ({**selector(), "tags": {"a": "b"}}, "workspaces[0].tags", "no such field"),
        (selector(workspace_name="ml-ws-1"), "workspaces[0].selector.workspace_name", "no such field"),
        (selector(tags={}), "workspaces[0].selector.tags", "leave tags out"),
        (selector(tags={"n" * 513: "x"}), f"workspaces[0].selector.tags.{'n' * 513}"[:MAX_TARGET], "512"),
        (selector(tags={"": "x"}), "workspaces[0].selector.tags.", "at least 1"),
        (selector(tags={"team": "x" * 257}), "workspaces[0].selector.tags.team", "256"),
        (selector(tags={"team": 5}), "workspaces[0].selector.tags.team", "string"),
        (selector(tags={"team": None}), "workspaces[0].selector.tags.team", "string"),
        (selector(tags={"team": "a\x00"}), "workspaces[0].selector.tags.team", "control"),
        (selector(tags={f"t{n}": "x" for n in range(MAX_TAGS + 1)}), "workspaces[0].selector.tags", "at most 50"),
        (selector(tags=["team"]), "workspaces[0].selector.tags", "object"),
        *(
            (selector(tags={f"a{sign}b": "x"}), f"workspaces[0].selector.tags.a{sign}b", "none of")
            for sign in "<>%&\\?/"
        ),
        (selector(resource_group="a/b"), "workspaces[0].selector.resource_group", "resource group"),
        (selector(subscription_id="prod"), "workspaces[0].selector.subscription_id", "GUID"),
        ({"selector": {}}, "workspaces[0].selector.subscription_id", "needed"),
        ({"selector": None}, "workspaces[0].selector", "object"),
        ({"selector": "all"}, "workspaces[0].selector", "object"),
    ],
)
def test_a_selector_that_makes_no_sense_is_refused(entry: dict[str, Any], target: str, says: str) -> None:
    assert says in faults_of(body(workspaces=[entry]))[target]


def test_both_kinds_of_faults_of_one_entry_are_reported() -> None:
    found = faults_of(body(workspaces=[{**WORKSPACE, "selector": {"tags": {}}}]))
    assert {"workspaces[0]", "workspaces[0].selector.subscription_id", "workspaces[0].selector.tags"} <= set(found)


def test_equal_selectors_are_twins_however_they_are_spelled() -> None:
    one = selector(resource_group="ml-rg", tags={"team": "sales", "env": "prod"})
    two = selector(resource_group="ML-RG", tags={"Env": "prod", "TEAM": "sales"})
    with pytest.raises(RequestError) as refused:
        read(one, WORKSPACE, two)
    [fault] = refused.value.faults
    assert (fault.code, fault.target) == ("Duplicate", "workspaces[2]")
    assert "workspaces[0]" in fault.message
    read(one, selector(resource_group="ml-rg", tags={"team": "Sales", "env": "prod"}), selector())


def test_so_many_selectors_and_no_more() -> None:
    many = [selector(resource_group=f"rg-{number}") for number in range(MAX_SELECTORS + 50)]
    assert len(read(*many[:MAX_SELECTORS]).selectors) == MAX_SELECTORS
    found = faults_of(body(workspaces=many))
    assert list(found) == ["workspaces"]
    assert f"at most {MAX_SELECTORS} selectors" in found["workspaces"]


def test_a_long_path_is_of_one_workspace_and_a_selector_may_find_others() -> None:
    assert read(WORKSPACE, data=[{**DATA, "path": LONG}]).data[0].path == "azureml://datastores/silver/paths/a.csv"
    for targets in ([selector()], [WORKSPACE, selector(resource_group="ml-rg")]):
        found = faults_of(body(workspaces=targets, data=[{**DATA, "path": LONG}]))
        assert "another workspace" in found["data[0].path"]


def test_a_made_up_name_depends_on_the_selectors() -> None:
    caller = Caller("11111111-1111-4111-8111-111111111111", "44444444-4444-4444-8444-444444444444")
    sales, same = selector(tags={"team": "sales"}), selector(tags={"TEAM": "sales"})
    hr = selector(tags={"team": "hr"})
    names = [
        default_name("auto", caller, read(*entries)) for entries in ([sales, hr], [hr, same], [sales], [WORKSPACE])
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert names[3] == "auto-d779fb0ada79f544", "it stays as it was before there were selectors"


def test_a_damaged_selector_is_not_read() -> None:
    stored = read(selector()).as_json()
    for damage in ({"subscription_id": "x"}, {"subscription_id": SUBSCRIPTION, "colour": "blue"}, 5):
        with pytest.raises(ValueError):
            Registration.from_json({**stored, "selectors": [damage]})


def test_a_selector_is_never_the_key_of_a_workspace() -> None:
    assert Selector(subscription_id=SUBSCRIPTION).key != Workspace.model_validate(WORKSPACE).key
