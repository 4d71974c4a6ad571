"""Azure ML CLI's own YAML files, as they are but for their secrets, inside a registration: the workspace holds what the
SDK makes of the same file."""

from __future__ import annotations

import io
import re
import textwrap
from typing import Any

import pytest
from azure.ai.ml import load_data, load_datastore

from tests.road.journey import Journey, datastore, versions
from tests.support import LocalStack

SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
DATASTORES = {
    "blob": f"""\
        $schema: {SCHEMAS}/azureBlob.schema.json
        name: store
        type: azure_blob
        description: Datastore pointing to a blob container using the wasbs protocol.
        account_name: sourcedata
        protocol: wasbs
        container_name: silver
        """,
    "blob, as `show` prints it": """\
        id: /subscriptions/x/resourceGroups/y/providers/z
        name: store
        type: azure_blob
        account_name: sourcedata
        container_name: silver
        endpoint: core.windows.net
        protocol: http
        credentials: {}
        tags: {}
        """,
    "blob, by key": f"""\
        $schema: {SCHEMAS}/azureBlob.schema.json
        name: store
        type: azure_blob
        account_name: sourcedata
        container_name: silver
        protocol: wasbs
        credentials:
          account_key: <secret>
        """,
    "file, by SAS": f"""\
        $schema: {SCHEMAS}/azureFile.schema.json
        name: store
        type: azure_file
        description: Datastore pointing to an Azure File Share using a SAS token.
        account_name: sourcedata
        file_share_name: silver
        credentials:
          sas_token: <secret>
        """,
    "Gen2": f"""\
        $schema: {SCHEMAS}/azureDataLakeGen2.schema.json
        name: store
        type: azure_data_lake_gen2
        account_name: sourcedata
        filesystem: silver
        protocol: abfss
        tags:
          team: sales
        """,
    "Gen2, by a principal": f"""\
        $schema: {SCHEMAS}/azureDataLakeGen2.schema.json
        name: store
        type: azure_data_lake_gen2
        account_name: sourcedata
        filesystem: silver
        credentials:
          tenant_id: 11111111-1111-4111-8111-111111111111
          client_id: 22222222-2222-4222-8222-222222222222
          client_secret: <secret>
          authority_uri: https://login.microsoftonline.com
        """,
    "Gen2, by a certificate": """\
        name: store
        type: azure_data_lake_gen2
        account_name: sourcedata
        filesystem: silver
        credentials:
          tenant_id: 11111111-1111-4111-8111-111111111111
          client_id: 22222222-2222-4222-8222-222222222222
          thumbprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
          certificate: <secret>
        """,
    "OneLake": f"""\
        $schema: {SCHEMAS}/oneLake.schema.json
        name: store
        type: one_lake
        one_lake_workspace_name: Sales
        endpoint: onelake.dfs.fabric.microsoft.com
        artifact:
          name: Silver
        """,
    "OneLake, by a principal": """\
        name: store
        type: one_lake
        one_lake_workspace_name: Sales
        endpoint: onelake.dfs.fabric.microsoft.com
        artifact:
          type: LakeHouse
          name: Silver
        credentials:
          tenant_id: 11111111-1111-4111-8111-111111111111
          client_id: 22222222-2222-4222-8222-222222222222
          client_secret: <secret>
        """,
}
DATA = {
    "without a type": f"""\
        $schema: {SCHEMAS}/data.schema.json
        name: sales
        description: Data asset created from folder in cloud.
        path: abfss://silver@sourcedata.dfs.core.windows.net/sales/
        """,
    "file": f"""\
        $schema: {SCHEMAS}/data.schema.json
        name: sales
        version: 3
        type: uri_file
        path: abfss://silver@sourcedata.dfs.core.windows.net/sales.csv
        tags: {{grain: day, "1": one}}
        """,
    "folder, as `show` prints it": """\
        creation_context: {created_at: "2026-01-02T02:00:00+00:00", created_by: A, created_by_type: User}
        id: azureml:/subscriptions/x/data/sales/versions/1
        latest_version: "1"
        name: sales
        path: https://sourcedata.blob.core.windows.net/silver/sales
        type: uri_folder
        version: '1'
        """,
    "table": """\
        name: sales
        type: mltable
        datastore: store
        path: wasbs://silver@sourcedata.blob.core.windows.net/table/
        version: 1
        """,
}
REFERENCE = "{key_vault_secret: sp-password}"


def sent(stack: LocalStack, key: str, part: str, file: str) -> dict[str, Any]:
    """Sends the file as an entry of a registration, in YAML; gives the result."""
    subscription, group, name = key.split("/")
    place = f"{{subscription_id: {subscription}, resource_group: {group}, workspace_name: {name}}}"
    entry = textwrap.indent(textwrap.dedent(file).replace("<secret>", REFERENCE), "    ").replace("    ", "  - ", 1)
    caller = Journey(stack)
    document = f"workspaces: [{place}]\n{part}:\n{entry}"
    answer = caller.http.post(
        "/api/registrations", content=document.encode(), headers={"Content-Type": "application/yaml"}
    )
    assert answer.status_code == 202, answer.text
    return dict(caller.follow(answer).json())


def of_the_sdk(load: Any, file: str) -> dict[str, Any]:
    """What the SDK would write, without secrets."""
    entity = load(source=io.StringIO(textwrap.dedent(file).replace("<secret>", "not-a-real-secret")))
    properties: dict[str, Any] = entity._to_rest_object().as_dict()["properties"]
    properties.get("credentials", {}).pop("secrets", None)
    return properties


@pytest.mark.parametrize("kind", DATASTORES)
def test_a_datastores_file_means_what_the_cli_means(stack: LocalStack, kind: str) -> None:
    key, file = stack.new_workspace(), DATASTORES[kind]
    assert sent(stack, key, "datastores", file)["status"] == "Succeeded"
    held, wanted = datastore(stack, key, "store"), of_the_sdk(load_datastore, file)
    if "authority" not in file:  # the cloud's own, which is a local one here
        for properties in (held, wanted):
            properties["credentials"].pop("authorityUrl", None)
    assert {name: value for name, value in held.items() if name in wanted} == wanted


@pytest.mark.parametrize("kind", DATA)
def test_a_data_assets_file_means_what_the_cli_means(stack: LocalStack, kind: str) -> None:
    key, file = stack.new_workspace(), DATA[kind]
    assert sent(stack, key, "data", file)["status"] == "Succeeded"
    [(version, held)] = versions(stack, key, "sales").items()
    wanted = of_the_sdk(load_data, file)
    assert {name: value for name, value in held.items() if name in wanted} == wanted
    if (given := re.search(r"\bversion: '?(\w+)", file)) and "latest_version" not in file:
        assert version == given[1]


def test_numbers_and_truth_values_are_text_as_it_was_written(stack: LocalStack) -> None:
    """Azure's definition has text alone; the CLI sends numbers as they come, and so loses the nought of 1.10."""
    key = stack.new_workspace()
    values = "{a: 1, b: 1.10, c: true, d: 1e3, e: -5, f: False, g: yes, h: 2026-01-02, i: 007, j: .inf}"
    file = f"""\
        name: sales
        version: 1
        path: abfss://silver@sourcedata.dfs.core.windows.net/sales/
        tags: {values}
        properties: {values}
        """
    assert sent(stack, key, "data", file)["status"] == "Succeeded"
    held = versions(stack, key, "sales")["1"]
    text = "a=1 b=1.10 c=true d=1e3 e=-5 f=false g=yes h=2026-01-02 i=007 j=.inf"
    assert " ".join(f"{name}={value}" for name, value in held["tags"].items()) == text
    assert held["properties"] == held["tags"]
    file = "name: store\ntype: azure_blob\naccount_name: sourcedata\ncontainer_name: silver\ntags: {a: 1.10, b: true}\n"
    for status in ("created", "unchanged"):
        result = sent(stack, key, "datastores", file)
        assert [change["outcome"] for change in result["workspaces"][0]["changes"]] == [status]
    assert datastore(stack, key, "store")["tags"] == {"a": "1.10", "b": "true"}
