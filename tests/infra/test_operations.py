"""Workbook and alerts: what they look for is what the code says."""

from __future__ import annotations

import ast
import base64
import json
import re
import uuid

import pytest

from local.azurite import ROOT
from local.host.invocations import LOST
from registration.records.outcomes import FAILURES
from tests.infra.bicep import INFRA
from tests.infra.conftest import Deploy, Deployed
from tests.road.journey import Journey, data, registration
from tests.support import LocalStack

BOUND = {"operation", "workspace"}
"""Fields that are bound around the work on a message, besides those of each log call."""


def log_lines() -> dict[str, set[str]]:
    """Each sentence that the code logs -> the fields it gives with it."""
    found: dict[str, set[str]] = {}
    for file in [*(ROOT / "registration").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and isinstance(node.args[0], ast.Constant)
            ):
                names = {keyword.arg for keyword in node.keywords if keyword.arg}
                found.setdefault(str(node.args[0].value), set()).update(names)
    return found


def queries() -> dict[str, str]:
    """Of the workbook's items and of the alerts."""
    items = json.loads((INFRA / "workbook.json").read_text())["items"]
    found = {it["name"]: it["content"]["query"] for it in items if it["type"] == 3}
    bicep = (INFRA / "modules" / "alerts.bicep").read_text()
    names, texts = (
        re.findall(r"^    name: '([\w-]+)'\n    about", bicep, re.MULTILINE),
        re.findall(r"query: '(.*)'$", bicep, re.MULTILINE),
    )
    return found | dict(zip(names, (text.replace("\\\\", "\\") for text in texts), strict=True))


def test_there_are_these() -> None:
    shown = {"operations", "failures", "drift", "drift-left", "throttling"}
    assert set(queries()) == shown | {"failed-reconciliation", "poisoned-message"}


@pytest.mark.parametrize("name", queries())
def test_every_query_looks_for_lines_and_fields_that_the_code_logs(name: str) -> None:
    query, logged = queries()[name], log_lines()
    sentences = re.findall(r'startswith "([^"]+)"', query)
    assert sentences
    fields: set[str] = set()
    for sentence in sentences:
        lines = [line for line in logged if line.startswith(sentence)]
        assert lines, f"nobody logs '{sentence}'"
        fields |= BOUND.union(*(logged[line] for line in lines))
    asked = set(re.findall(r'@" (\w+)=', query))
    assert asked <= fields


def test_a_failed_workspace_is_every_outcome_that_fails_an_operation() -> None:
    wanted = {outcome.value for outcome in FAILURES}
    query = queries()
    [alerted] = re.findall(r"outcome=\(([\w|]+)\)", query["failed-reconciliation"])
    [shown] = re.findall(r"outcome in \(([^)]*)\)", query["operations"])
    assert set(alerted.split("|")) == wanted
    assert set(json.loads(f"[{shown}]")) == wanted


@pytest.fixture
def drifting(stack: LocalStack, factory: Journey, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A workspace in which somebody edited a tag, and the run that met it."""
    key, name = stack.new_workspace(), f"drifting-{uuid.uuid4().hex}"
    body = registration([key], data("sales", version="1", tags={"team": "sales"}), name=name)
    factory.done({**body, "sync": {"drift": request.param}})
    path = f"{key}/data/sales/versions/1"
    held = stack.arm("GET", path).json()["properties"]
    assert stack.arm("PUT", path, {"properties": {**held, "tags": {"team": "hr"}}}).is_success
    accepted = factory.http.post("/api/reconcile?deep=true", json={"registrations": [name]})
    assert factory.follow(accepted).status_code == 200
    return accepted.json()["id"], key


def logged(stack: LocalStack, sentence: str, operation: str) -> list[str]:
    """The log lines that begin so and are about that operation."""
    return [line for line in stack.logs().split("\n") if f"{sentence} " in line and f" operation={operation}" in line]


@pytest.mark.parametrize("drifting", ["heal"], indirect=True)
def test_drift_that_is_healed_is_told_as_the_workbook_looks_for_it(
    stack: LocalStack, drifting: tuple[str, str]
) -> None:
    """By the kind of the operation: a registration that changes an asset is no drift."""
    operation, key = drifting
    [begun] = logged(stack, "An operation was set to work.", operation)
    assert " kind=reconcile" in begun
    assert '== "reconcile"' in queries()["drift"]
    [written] = logged(stack, "An asset was written.", operation)
    assert f" workspace={key} asset=data/sales/1 action=update" in written
    assert LOST not in written


@pytest.mark.parametrize("drifting", ["report"], indirect=True)
def test_drift_that_is_left_is_told_and_is_no_failure(stack: LocalStack, drifting: tuple[str, str]) -> None:
    operation, key = drifting
    [finished] = logged(stack, "A workspace is finished.", operation)
    assert f" workspace={key} outcome=drifted" in finished
    assert '== "drifted"' in queries()["drift-left"]
    assert not logged(stack, "An asset was written.", operation)


def test_a_place_whose_workspaces_cannot_be_found_is_alerted_too(stack: LocalStack, factory: Journey) -> None:
    """An operation that fails before it knows any workspace."""
    unknown = str(uuid.uuid4())
    body = {**registration([], data("sales")), "workspaces": [{"selector": {"subscription_id": unknown}}]}
    accepted = factory.accepted(body)
    assert factory.follow(accepted).status_code == 424
    [finished] = logged(stack, "A workspace is finished.", accepted.json()["id"])
    [alerted] = re.findall(r'regex @"(.*?)"', queries()["failed-reconciliation"])
    assert f" workspace={unknown}/*/*" in finished
    assert re.search(alerted, finished)


def test_no_line_about_an_operation_is_lost(stack: LocalStack, factory: Journey) -> None:
    """Whichever thread writes it: the host marks lines that Application Insights would not get."""
    factory.done(registration([stack.new_workspace()], data("told")))
    lines = [line for line in stack.logs().split("\n") if " operation=" in line]
    assert len({line.partition(" operation=")[0].rpartition(": ")[2] for line in lines}) > 3
    assert [line for line in lines if LOST in line] == []


def test_no_line_that_an_alert_rests_on_is_sampled_away() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    sampling = host["logging"]["applicationInsights"]["samplingSettings"]
    assert "Trace" in sampling["excludedTypes"].split(";")


def test_the_workbook_is_deployed_as_the_file_has_it(deployed: Deployed) -> None:
    workbook = deployed.properties("Microsoft.Insights/workbooks")
    shown, kept = json.loads(workbook["serializedData"]), json.loads((INFRA / "workbook.json").read_text())
    assert shown["fallbackResourceIds"] == [deployed.one("Microsoft.Insights/components")["id"]]
    assert shown | {"fallbackResourceIds": []} == kept
    assert workbook["sourceId"] == shown["fallbackResourceIds"][0]
    assert workbook["category"] == "workbook"


def test_the_alerts_ask_where_the_app_logs(deployed: Deployed) -> None:
    rules = deployed.all("Microsoft.Insights/scheduledQueryRules")
    where = deployed.one("Microsoft.Insights/components")["id"]
    assert {it["name"]: it["properties"]["scopes"] for it in rules} == {
        "failed-reconciliation": [where],
        "poisoned-message": [where],
    }
    for rule in rules:
        [condition] = rule["properties"]["criteria"]["allOf"]
        assert condition["query"] == queries()[rule["name"]]
        assert (condition["operator"], condition["threshold"]) == ("GreaterThan", 0)
        assert rule["properties"]["enabled"] is True
        # A line arrives minutes after it was written: each look goes back over the one before.
        assert (rule["properties"]["evaluationFrequency"], rule["properties"]["windowSize"]) == ("PT5M", "PT10M")


def test_the_door_is_tried_from_outside_all_the_time(deploy: Deploy) -> None:
    found = deploy("minimal")
    tries = {it["name"]: it for it in found.all("Microsoft.Insights/webtests")}
    assert set(tries) == {"door-no-token", "door-forged-header"}
    where = found.one("Microsoft.Insights/components")["id"]
    for it in tries.values():
        assert it["properties"]["ValidationRules"]["ExpectedHttpStatusCode"] == 401
        assert it["properties"]["Request"]["FollowRedirects"] is False
        assert "/api/operations" in it["properties"]["Request"]["RequestUrl"]
        assert it["properties"]["Enabled"] is True
        assert it["tags"][f"hidden-link:{where}"] == "Resource"
    assert tries["door-no-token"]["properties"]["Request"]["Headers"] == []
    alerts = {it["name"]: it["properties"] for it in found.all("Microsoft.Insights/metricAlerts")}
    assert {name: it["criteria"]["webTestId"] for name, it in alerts.items()} == {
        name: it["id"] for name, it in tries.items()
    }
    assert {it["severity"] for it in alerts.values()} == {0}


def test_the_forged_header_names_a_caller_that_the_policy_knows(deploy: Deploy) -> None:
    """One that is not known would be refused by an app that believed it, too. Here the caller is known beforehand."""
    tries = deploy("existing").all("Microsoft.Insights/webtests")
    [header] = next(it["properties"]["Request"]["Headers"] for it in tries if it["name"] == "door-forged-header")
    assert header["key"] == "X-MS-CLIENT-PRINCIPAL"
    principal = json.loads(base64.b64decode(header["value"]))
    assert principal["auth_typ"] == "aad"
    assert "bbbbbbbb-0000-4000-8000-000000000001" in {it["val"] for it in principal["claims"]}


def test_somebody_is_told_where_an_address_was_given(deploy: Deploy) -> None:
    found = deploy("everything")
    people = found.one("Microsoft.Insights/actionGroups")
    assert [it["emailAddress"] for it in people["properties"]["emailReceivers"]] == ["platform@example.com"]
    for rule in found.all("Microsoft.Insights/scheduledQueryRules"):
        assert rule["properties"]["actions"]["actionGroups"] == [people["id"]]
    for alert in found.all("Microsoft.Insights/metricAlerts"):
        assert alert["properties"]["actions"] == [{"actionGroupId": people["id"]}]
    assert not deploy("minimal").all("Microsoft.Insights/actionGroups")
