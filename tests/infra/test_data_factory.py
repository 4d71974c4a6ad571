"""The data factory: its identity, and two pipelines that are run against the local stack."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infra.bicep import INFRA
from tests.infra.conftest import Deploy
from tests.infra.factory import PipelineFailed, Run
from tests.road.journey import data, original, registration, versions
from tests.support import LocalStack

PIPELINES = sorted((INFRA / "data-factory").glob("*.json"))
NAMES = [file.stem for file in PIPELINES]


def pipeline(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((INFRA / "data-factory" / f"{name}.json").read_text())
    return found


def activities(where: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those inside of others too."""
    inner = [it for activity in where for it in activities(activity["typeProperties"].get("activities", []))]
    return [*where, *inner]


def test_the_deployed_pipelines_are_the_files(deploy: Deploy) -> None:
    found = deploy("minimal")
    deployed = {
        it["name"].rpartition("/")[2]: it["properties"] for it in found.all("Microsoft.DataFactory/factories/pipelines")
    }
    assert deployed == {name: pipeline(name) for name in NAMES}
    assert set(deployed) == {"register", "register-and-poll"}


def test_the_factory_calls_as_an_identity_that_the_door_knows(deploy: Deploy) -> None:
    found = deploy("minimal")
    factory = found.one("Microsoft.DataFactory/factories")
    assert factory["identity"]["type"] == "UserAssigned"
    [identity] = factory["identity"]["userAssignedIdentities"]
    credential = found.one("Microsoft.DataFactory/factories/credentials")
    assert credential["properties"] == {"type": "ManagedIdentity", "typeProperties": {"resourceId": identity}}
    used = {
        json.dumps(it["typeProperties"]["authentication"]["credential"])
        for name in NAMES
        for it in activities(pipeline(name)["activities"])
        if it["type"] == "WebActivity"
    }
    name = credential["name"].rpartition("/")[2]
    assert used == {json.dumps({"type": "CredentialReference", "referenceName": name})}
    door = found.properties("Microsoft.Web/sites/config", "/authsettingsV2")
    assert identity.rpartition("/")[2] in json.dumps(door["identityProviders"])


def test_the_pipelines_know_address_and_audience_from_the_factory(deploy: Deploy) -> None:
    found = deploy("minimal")
    known = found.properties("Microsoft.DataFactory/factories")["globalParameters"]
    directory = found.properties("Microsoft.Web/sites/config", "/authsettingsV2")["identityProviders"]
    audiences = directory["azureActiveDirectory"]["validation"]["allowedAudiences"]
    assert known["registrarAudience"]["value"] in audiences
    settings = found.properties("Microsoft.Web/sites/config", "/appsettings")
    assert known["registrarUrl"]["value"] == settings["PUBLIC_URL"]


def test_no_factory_where_none_is_asked_for(deploy: Deploy) -> None:
    assert not {kind for kind in deploy("existing").kinds() if kind.startswith("Microsoft.DataFactory/")}


@pytest.mark.parametrize("file", PIPELINES, ids=NAMES)
def test_each_activity_is_complete(file: Path) -> None:
    found = activities(pipeline(file.stem)["activities"])
    names = [it["name"] for it in found]
    assert len(set(names)) == len(names)
    for activity in found:
        assert {on["activity"] for on in activity.get("dependsOn", [])} <= set(names)
        if activity["type"] == "WebActivity":
            assert activity["policy"]["retry"] >= 1
            assert activity["policy"]["timeout"]
        if activity["typeProperties"].get("method") == "POST":
            key = activity["typeProperties"]["headers"]["Idempotency-Key"]["value"]
            assert key == f"@concat(pipeline().RunId, '-{activity['name']}')"


class Factory:
    """The factory of the local stack, and what it sent."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack, self._http = stack, stack.api()
        self.sent: list[tuple[str, str, dict[str, str], int]] = []

    def run(self, name: str, body: Any, run_id: str | None = None) -> None:
        config = {"registrarUrl": self._stack.front, "registrarAudience": self._stack.config["audience"]}
        started = Run(run_id or str(uuid.uuid4()), config, {"registration": body}, self.send, lambda: time.sleep(0.2))
        started.execute(pipeline(name)["activities"])

    def send(self, method: str, url: str, headers: dict[str, str], body: Any, audience: str) -> httpx.Response:
        token = self._stack.token("data-factory", audience)
        answer = self._http.request(method, url, json=body, headers=headers | {"Authorization": f"Bearer {token}"})
        self.sent.append((method, url, headers, answer.status_code))
        return answer

    def posts(self) -> list[dict[str, str]]:
        return [headers for method, _, headers, _ in self.sent if method == "POST"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", [registration, original], ids=["registration", "original"])
def test_a_pipeline_succeeds_when_every_workspace_holds_its_data(stack: LocalStack, name: str, form: Any) -> None:
    keys = [stack.new_workspace(), stack.new_workspace()]
    body = original(keys, "accounting") if form is original else registration(keys, data("accounting"))
    factory = Factory(stack)
    factory.run(name, body, run_id := str(uuid.uuid4()))
    assert all(versions(stack, key, "accounting") for key in keys)
    assert [it["Idempotency-Key"] for it in factory.posts()] == [f"{run_id}-Register"]


@pytest.mark.parametrize("name", NAMES)
def test_a_pipeline_fails_when_the_registration_fails(stack: LocalStack, name: str) -> None:
    gone = f"{stack.new_workspace()}-gone"
    factory = Factory(stack)
    with pytest.raises(PipelineFailed, match=r"424.*OperationFailed"):
        factory.run(name, registration([gone], data("accounting")))
    assert len({it["Idempotency-Key"] for it in factory.posts()}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_pipeline_fails_when_it_is_refused(stack: LocalStack, name: str) -> None:
    with pytest.raises(PipelineFailed, match="Register: 400"):
        Factory(stack).run(name, {"workspaces": []})
