"""The canary: a secret that is read for a write turns up nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.stack import SUBSCRIPTIONS
from registration.wiring import Wiring
from shared.workspace import Workspace
from tests.road.journey import (
    SECRETS,
    Journey,
    blobs,
    calls,
    changes,
    datastore,
    fault,
    host_environment,
    registration,
    target,
    work_queue,
)
from tests.support import LocalStack, eventually


def test_a_secret_turns_up_in_no_log_document_answer_or_traceback(stack: LocalStack) -> None:
    key, factory = stack.new_workspace(), Journey(stack)
    canary = "not-a-real-secret-canary-4f1d"
    stack.vault_secret("sp-password", canary)
    stack.restart_host()  # secrets are kept for a minute
    body = registration([key])
    body["datastores"] = [{**body["datastores"][0], "credentials": SECRETS}]
    answers = []
    echo = {"error": {"code": "UserError", "message": f"The secret '{canary}' is weak."}}
    with fault(stack, key, match="/datastores/", method="PUT", status=400, body=echo, count=1):
        answers.append(factory.follow(factory.accepted(body)))
    assert "[secret]" in answers[0].text
    with fault(stack, key, match="/datastores/", method="PUT", reset_connection=True, count=1):
        answers.append(factory.follow(factory.accepted(body)))
    assert answers[-1].status_code == 200, answers[-1].text
    answers += [factory.http.get(f"/api/operations/{answers[0].json()['id']}"), factory.send({**body, "x": canary})]
    elsewhere = {**SECRETS, "tenant_id": SECRETS["client_secret"]}
    wrong = {**body, "datastores": [{**body["datastores"][0], "credentials": elsewhere}]}
    answers.append(factory.follow(factory.accepted(wrong)))
    assert "WrongSecret" in answers[-1].text, "a secret may not be written where it can be read"
    assert datastore(stack, key)["credentials"]["credentialsType"] == "ServicePrincipal"
    listed = stack.arm("POST", f"{key}/datastores/silver/listSecrets")
    assert canary in listed.text, "it did get to where it belongs"
    container = blobs(stack)
    documents = {blob.name: container.download_blob(blob.name).readall().decode() for blob in container.list_blobs()}
    metadata = [str(blob.metadata) for blob in container.list_blobs(include=["metadata"])]
    messages = [message.content for message in work_queue(stack).peek_messages(32)]
    everywhere = [stack.logs(), *documents, *documents.values(), *metadata, *messages, *[a.text for a in answers]]
    everywhere += [json.dumps(stack.emulator("GET", "requests"))]
    assert not [text[:200] for text in everywhere if canary in text]


def test_a_datastore_may_not_store_the_principal_that_calls_azure(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbound service principal, from the vault, is used; and refused for datastores, unless told otherwise."""
    key, factory = stack.new_workspace(), Journey(stack)
    for name, value in host_environment(stack).items():
        monkeypatch.setenv(name, value)
    vault = stack.config["vault"]
    monkeypatch.setenv("OUTBOUND_TENANT_ID", stack.config["tenant_id"])
    monkeypatch.setenv("OUTBOUND_CLIENT_ID", vault["sp-id"])
    monkeypatch.setenv("OUTBOUND_SECRET_NAME", "outbound-password")
    stack.vault_secret("outbound-password", vault["sp-password"])
    principal = stack.service_principal()
    stack.emulator("PATCH", "settings", {"roles": {principal: ["Microsoft.MachineLearningServices/workspaces/*"]}})
    body = registration([key])
    body["datastores"] = [{**body["datastores"][0], "credentials": SECRETS}]
    refused = _work_here(stack, factory, key, body)
    assert refused["workspaces"][0]["changes"][0]["error"]["code"] == "SharedPrincipal"
    monkeypatch.setenv("ALLOW_SHARED_PRINCIPAL", "true")
    done = _work_here(stack, factory, key, body)
    assert changes(done, key)["datastores/silver"]["outcome"] == "created"
    made = [call for call in stack.emulator("GET", "requests") if call["caller"] == principal]
    assert {call["method"] for call in made} == {"GET", "PUT"}
    assert not [call for call in calls(stack, key) if call["method"] == "PUT"], "not the app's own identity"


def test_a_tenants_own_principal_calls_for_its_subscriptions(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By tenant id, from the vault; every other subscription is called by the app's identity."""
    for name, value in host_environment(stack).items():
        monkeypatch.setenv(name, value)
    tenant, vault = stack.config["tenant_id"], stack.config["vault"]
    monkeypatch.setenv("OUTBOUND_TENANTS", f"{SUBSCRIPTIONS[1]}={tenant}")
    stack.vault_secret(f"outbound-{tenant}-client-id", vault["sp-id"])
    stack.vault_secret(f"outbound-{tenant}-secret", vault["sp-password"])
    principal = stack.service_principal()
    stack.emulator("PATCH", "settings", {"roles": {principal: ["Microsoft.MachineLearningServices/workspaces/*"]}})
    here, there = Workspace(**target(stack.new_workspace())), Workspace(**target(stack.description["workspaces"][2]))
    parts = Wiring()
    reader = parts.reconciler._reader
    stack.emulator("POST", "reset", {})
    for workspace in (here, there):
        reader.look(workspace, parts.pool)
    callers = {
        call["path"].split("/")[2]: call["caller"]
        for call in stack.emulator("GET", "requests")
        if "/workspaces/" in call["path"]
    }
    app = stack.description["identities"]["app"]["object_id"]
    assert callers == {SUBSCRIPTIONS[0]: app, SUBSCRIPTIONS[1]: principal}


def _work_here(stack: LocalStack, factory: Journey, key: str, body: object) -> dict[str, Any]:
    """The host is kept from the message; this process does the work, with the settings of the test."""
    with fault(stack, key, status=503, headers={"Retry-After": "60"}, count=1):
        accepted = factory.accepted(body)
        eventually(lambda: [call for call in calls(stack, key) if call["status"] == 503][-1:])
    stack.emulator("POST", "reset", {})
    message = {"operation": accepted.json()["id"], "workspace": key}
    Wiring().worker.process(json.dumps(message).encode())
    return dict(factory.follow(accepted).json())
