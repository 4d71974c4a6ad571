"""Workspaces found through the local ARM over TLS: by subscription, by group, with their tags, over all pages."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.stack import SUBSCRIPTIONS
from registration.wiring import Wiring
from shared.azureml.discovery import Discovery, Found
from shared.errors import AzureBusy, AzureRefused
from tests.support import LocalStack

ONE, TWO = SUBSCRIPTIONS[:2]
LISTS = "/providers/Microsoft.MachineLearningServices/workspaces"
Put = Callable[..., str]


@pytest.fixture
def discovery(parts: Wiring) -> Discovery:
    return Discovery(parts.arm)


@pytest.fixture
def group() -> str:
    """The name of a resource group of the test's own."""
    return f"rg-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def put(stack: LocalStack) -> Iterator[Put]:
    """Makes a workspace, as Azure might hold it, and gives its key. What was made, and faults, end with the test."""
    made: list[str] = []

    def write(group: str, name: str, subscription: str = ONE, **fields: Any) -> str:
        path = f"/subscriptions/{subscription}/resourceGroups/{group}{LISTS}/{name}"
        stack.emulator("PUT", f"resources{path}", {"location": "westeurope", "kind": "Default", **fields})
        made.append(f"{subscription}/{group}/{name}")
        return made[-1]

    yield write
    stack.emulator("POST", "reset", {})
    for key in made:
        assert stack.arm("DELETE", key).is_success


def keys(found: list[Found]) -> list[str]:
    return [item.workspace.key for item in found]


def test_a_group_gives_its_workspaces_and_their_tags(discovery: Discovery, group: str, put: Put) -> None:
    sales = put(group, "sales", tags={"Team": "Sales", "env": None})
    plain = put(group, "plain")
    legacy = put(group, "legacy", properties={"v1LegacyMode": True})
    put(f"{group}-2", "other")
    found = discovery.find(ONE, group.upper())
    assert keys(found) == [sales, plain, legacy]
    assert [item.tags for item in found] == [{"Team": "Sales", "env": ""}, {}, {}]


def test_a_subscription_gives_the_workspaces_of_all_its_groups(discovery: Discovery, group: str, put: Put) -> None:
    mine = {put(group, "one"), put(f"{group}-2", "one")}
    other = put(group, "one", TWO)
    found = keys(discovery.find(ONE))
    assert mine <= set(found)
    assert other not in found
    assert other in keys(discovery.find(TWO))


def test_all_pages_are_read_and_nothing_else(stack: LocalStack, discovery: Discovery, group: str, put: Put) -> None:
    expected = [put(group, f"ws-{number:02}") for number in range(65)]
    before = len(stack.emulator("GET", "requests"))
    assert keys(discovery.find(ONE, group)) == expected
    assert len(stack.emulator("GET", "requests")) == before + 3


@pytest.mark.parametrize("kind", ["Hub", "Project", "FeatureStore", "hub", "SomethingNew"])
def test_what_is_no_plain_workspace_is_not_meant(discovery: Discovery, group: str, kind: str, put: Put) -> None:
    put(group, "special", kind=kind)
    plain = [put(group, "plain", kind="default"), put(group, "older", kind=None)]
    assert keys(discovery.find(ONE, group)) == plain


def test_what_cannot_be_read_is_left_out_and_the_rest_is_found(
    stack: LocalStack, discovery: Discovery, group: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = f"/subscriptions/{ONE.upper()}/resourcegroups/{group}{LISTS.lower()}/good"
    strange: list[Any] = [
        {"id": good.replace("/good", "/-"), "name": "-"},
        {"id": good + "/datastores/x"},
        {"id": 5},
        {},
        "not an object",
        {"id": good, "tags": ["none"]},
        {"id": good.upper()},
    ]
    stack.emulator("POST", "faults", {"match": f"/{group}/", "status": 200, "body": {"value": strange}, "count": 1})
    with caplog.at_level(logging.WARNING):
        found = discovery.find(ONE, group)
    assert keys(found) == [f"{ONE}/{group}/good"]
    assert caplog.text.count("cannot be read") == 4


def test_a_group_that_is_not_there_holds_nothing(discovery: Discovery, group: str) -> None:
    assert discovery.find(ONE, group) == []


def test_a_group_may_have_a_name_in_any_script(discovery: Discovery, group: str, put: Put) -> None:
    key = put(f"größe-({group})", "one")
    assert keys(discovery.find(ONE, f"größe-({group})")) == [key]


def test_a_subscription_that_is_not_there_is_an_error(discovery: Discovery) -> None:
    with pytest.raises(AzureRefused) as refused:
        discovery.find(str(uuid.uuid4()))
    assert (refused.value.status, refused.value.code) == (404, "SubscriptionNotFound")


@pytest.mark.parametrize("in_group", [False, True])
def test_without_the_right_to_look_it_says_so(
    stack: LocalStack, discovery: Discovery, group: str, in_group: bool, put: Put
) -> None:
    put(group, "one")
    app = stack.description["identities"]["app"]["object_id"]
    reads = "Microsoft.MachineLearningServices/workspaces/datastores/read"
    stack.emulator("PATCH", "settings", {"roles": {app: [reads]}})
    try:
        with pytest.raises(AzureRefused, match=r"MachineLearningServices/workspaces/read") as refused:
            discovery.find(ONE, group if in_group else None)
    finally:
        stack.emulator("PATCH", "settings", {"roles": {app: None}})
    assert (refused.value.status, refused.value.code) == (403, "DiscoveryForbidden")
    scope = f"/subscriptions/{ONE}" + (f"/resourceGroups/{group}" if in_group else "")
    assert f"may not list the workspaces of {scope}." in refused.value.message


def test_part_of_a_list_is_never_taken_for_the_whole(
    stack: LocalStack, discovery: Discovery, group: str, put: Put
) -> None:
    for number in range(31):
        put(group, f"ws-{number:02}")
    stack.emulator("POST", "faults", {"match": f"/{group}/.*skip", "status": 503, "count": 3})
    with pytest.raises(AzureBusy):
        discovery.find(ONE, group)
    assert len(discovery.find(ONE, group)) == 31
