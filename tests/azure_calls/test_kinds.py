"""Every kind of datastore, credential and data: its body on the wire is what Microsoft defines, and what is read back
is what was wanted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.azurite import ROOT
from registration.access.policy import Rights, Rule
from registration.plan import Action, Claim, Desired, Inventory, Origin, make_plan
from registration.records.inventory import State
from registration.request.body import parse_body
from registration.request.document import parse_registration
from registration.request.versions import with_versions
from registration.wiring import Wiring, utc_now
from registration.work.verdicts import Reconciled
from shared.transport import Transport
from shared.workspace import Workspace
from tests.azure_calls.lake import LocalLake
from tests.azure_calls.reconciling import reconcile
from tests.local_azure.definitions import Definitions
from tests.road.journey import host_environment, target
from tests.support import LocalStack

TENANT = "11111111-1111-4111-8111-111111111111"
ALL = {"workspaces": ["*/*/*"], "assets": ["*/*"], "sources": ["*"], "writes": ["*"], "secrets": ["*"]}
EVERYTHING = Rights((Rule.model_validate({"callers": [], "actions": [], **ALL}),))


def secret(name: str) -> dict[str, str]:
    return {"key_vault_secret": name}


PRINCIPAL = {"tenant_id": secret("tenant-id"), "client_id": secret("sp-id"), "client_secret": secret("sp-password")}
CERTIFICATE = {
    "tenant_id": TENANT,
    "client_id": TENANT.upper(),
    "certificate": secret("certificate"),
    "thumbprint": "A" * 40,
    "authority_url": "https://login.microsoftonline.com/",
    "resource_url": "https://storage.azure.com/",
}
KEY, SAS = {"account_key": secret("account-key")}, {"sas_token": secret("sas-token")}
BLOB = {"type": "azure_blob", "account_name": "sourcedata", "container_name": "silver"}
FILE = {"type": "azure_file", "account_name": "sourcedata", "file_share_name": "silver"}
LAKE = {"type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
ONE_LAKE = {
    "type": "one_lake",
    "one_lake_workspace_name": "Sales",
    "endpoint": "onelake.dfs.fabric.microsoft.com",
    "artifact": {"type": "lake_house", "name": "Silver"},
}
WHOLE = {
    "description": "All of it",
    "tags": {"team": "sales"},
    "endpoint": "core.windows.net",
    "protocol": "https",
    "$schema": "https://azuremlschemas.azureedge.net/latest/azureBlob.schema.json",
}

DATASTORES: dict[str, dict[str, Any]] = {
    "blob, identity": BLOB,
    "blob, key": {**BLOB, "credentials": KEY},
    "blob, SAS": {**BLOB, "credentials": SAS},
    "blob, every field": {**BLOB, **WHOLE, "credentials": KEY},
    "file, identity": FILE,
    "file, key": {**FILE, "credentials": KEY},
    "file, SAS": {**FILE, "credentials": SAS},
    "file, every field": {**FILE, **WHOLE, "credentials": SAS},
    "gen2, identity": LAKE,
    "gen2, service principal": {**LAKE, "credentials": PRINCIPAL},
    "gen2, certificate": {**LAKE, "credentials": CERTIFICATE},
    "gen2, older name of a field": {
        **LAKE,
        "credentials": {**PRINCIPAL, "authority_uri": "https://login.microsoftonline.com"},
    },
    "gen2, every field": {**LAKE, **WHOLE, "credentials": PRINCIPAL},
    "OneLake, identity": ONE_LAKE,
    "OneLake, service principal": {**ONE_LAKE, "credentials": PRINCIPAL, "description": "Fabric", "tags": {"a": "b"}},
}

FULL = {"description": "Sales", "tags": {"grain": "day"}, "properties": {"origin": "erp"}}
DATA: dict[str, dict[str, Any]] = {
    "file": {"type": "uri_file", "path": "azureml://datastores/store/paths/a b/ü.csv", **FULL},
    "folder": {"type": "uri_folder", "path": "abfss://silver@sourcedata.dfs.core.windows.net/sales/"},
    "table": {"type": "mltable", "path": "azureml://datastores/store/paths/table/", **FULL},
    "table, straight": {"type": "mltable", "path": "https://sourcedata.blob.core.windows.net/silver/table"},
    "file, wasbs": {"type": "uri_file", "path": "wasbs://silver@sourcedata.blob.core.windows.net/a.csv"},
}


class Recording(Transport):
    """Keeps what is written, and what is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[str, str, int, Any, Any]] = []

    def send(self, request: Any, **kwargs: Any) -> Any:
        response = super().send(request, **kwargs)
        if request.method == "PUT" and "/subscriptions/" in request.url:
            path = "/subscriptions/" + request.url.split("/subscriptions/", 1)[1]
            body = request.data if request.data is not None else request.body
            content = response.internal_response.content
            self.writes.append((request.method, path, response.status_code, json.loads(body), json.loads(content)))
        return response


class Bench:
    """The service's own parts, aimed at one fresh workspace."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.parts = Wiring()
        self.wire = Recording()
        self.parts.__dict__["arm_transport"] = self.wire
        self.workspace = Workspace(**target(stack.new_workspace()))

    def reconcile(self, *assets: dict[str, Any]) -> Reconciled:
        body = {"workspaces": [self.workspace.model_dump()], "datastores": [], "data": []}
        for asset in assets:
            body["data" if "path" in asset else "datastores"].append(asset)
        request = parse_registration(json.loads(json.dumps(body)), self.parts.settings.key_vault_urls, 99)
        self.registration = with_versions(request, None, utc_now())
        result, self.known = reconcile(self.parts, self.workspace, self.registration, EVERYTHING, self.state)
        return result

    state = State()
    """What the next run knows of the workspace: nothing, unless a test hands it `known`."""


@pytest.fixture
def bench(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name, value in host_environment(stack).items():
        monkeypatch.setenv(name, value)
    for name in ("account-key", "sas-token", "certificate"):
        stack.vault_secret(name, f"not-a-real-secret-{name}")
    return Bench(stack)


def valid_on_the_wire(bench: Bench) -> None:
    definitions = Definitions()
    for method, path, status, sent, answered in bench.wire.writes:
        definitions.check(method, path, status, sent, answered)


@pytest.mark.parametrize("kind", DATASTORES)
def test_datastores(bench: Bench, kind: str) -> None:
    wanted = {"name": "store", **DATASTORES[kind]}
    if wanted["type"] == "one_lake":
        wanted.pop("protocol", None)
    first = bench.reconcile(wanted)
    assert [(result.verdict, result.error) for result in first.assets] == [("created", None)]
    valid_on_the_wire(bench)
    bench.state = bench.known
    again = bench.reconcile(wanted)
    assert [(result.verdict, result.reasons) for result in again.assets] == [("unchanged", ())]
    [(_, _, _, sent, _)] = bench.wire.writes
    assert sent["properties"]["credentials"]["credentialsType"] in {
        "None",
        "AccountKey",
        "Sas",
        "ServicePrincipal",
        "Certificate",
    }
    for name, value in wanted.get("credentials", {}).items():
        if name in {"client_secret", "certificate", "account_key", "sas_token"}:
            kept = bench.parts.vaults.read(bench.registration.datastores[0].credentials.references()[name])
            assert kept.value in sent["properties"]["credentials"]["secrets"].values(), value


@pytest.mark.parametrize("kind", DATA)
def test_data(bench: Bench, kind: str) -> None:
    store = {"name": "store", **LAKE}
    first = bench.reconcile(store, {"name": "sales", "version": "1", **DATA[kind]})
    assert [result.verdict for result in first.assets] == ["created", "created"]
    assert len(bench.wire.writes) == 2, "an MLTable is one write too, and nothing is read from storage"
    valid_on_the_wire(bench)
    reader = bench.parts.reconciler._reader
    observed = reader.look(bench.workspace, bench.parts.pool)
    observed = reader.versions(bench.workspace, observed, {("sales", "1"): "1"}, {}, bench.parts.pool)
    found = observed.data["sales", "1"]
    assert found is not None
    wanted = bench.registration.data[0]
    assert (found.type, found.path, found.description or None) == (wanted.type, wanted.path, wanted.description)
    assert found.tags == (wanted.tags or {})
    [change] = make_plan(Desired((Claim(Origin("bench", ""), wanted),)), Inventory(), observed).changes
    assert change.action is Action.ADOPT


def test_a_long_path_of_the_same_workspace_is_its_short_form(bench: Bench) -> None:
    store = {"name": "store", **LAKE}
    place = bench.workspace
    long = (
        f"azureml://subscriptions/{place.subscription_id}/resourcegroups/{place.resource_group.upper()}"
        f"/workspaces/{place.workspace_name}/datastores/store/paths/a.csv"
    )
    bench.reconcile(store, {"name": "sales", "type": "uri_file", "path": long, "version": "1"})
    assert bench.wire.writes[-1][3]["properties"]["dataUri"] == "azureml://datastores/store/paths/a.csv"


def test_a_datastore_can_change_its_credentials_in_place(bench: Bench) -> None:
    bench.reconcile({"name": "store", **BLOB, "credentials": KEY})
    result = bench.reconcile({"name": "store", **BLOB})
    assert [(change.verdict, change.reasons[0].field) for change in result.assets] == [("updated", "credentials")]
    result = bench.reconcile({"name": "store", **FILE})
    assert [change.verdict for change in result.assets] == ["conflict"], "another kind under the same name"


def test_credentials_are_never_sent_in_clear(bench: Bench) -> None:
    """Nor by a protocol that the workspace's datastore has from before."""
    bench.reconcile({"name": "store", **BLOB, "protocol": "http"})
    bench.reconcile({"name": "store", **BLOB, "description": "as it was"})
    bench.reconcile({"name": "store", **BLOB, "credentials": KEY})
    assert [write[3]["properties"]["protocol"] for write in bench.wire.writes] == ["http", "http", "https"]


def test_the_examples_of_the_reference_are_taken_by_azure(bench: Bench) -> None:
    text = (ROOT / "docs" / "request.md").read_text()
    with LocalLake(bench.stack).writable():
        for example in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
            document = parse_body(example.encode(), "application/yaml", 100_000)
            names = {asset["name"]: asset for part in ("datastores", "data") for asset in document[part]}
            result = bench.reconcile(*names.values())
            assert {change.verdict for change in result.assets} == {"created"}
            bench.workspace = Workspace(**target(bench.stack.new_workspace()))
    valid_on_the_wire(bench)
