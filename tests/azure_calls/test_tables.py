"""Tables: the service writes the MLTable file into the lake, never over another's, and registers its folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from local.azurite import ROOT
from registration.access.policy import Rights, Rule
from registration.records.inventory import State
from registration.request.document import parse_registration
from registration.wiring import Wiring
from shared import logs
from shared.errors import AzureBusy, AzureRefused
from shared.lake import MAX_BYTES, Lake
from shared.tables import TableDefinition, mltable_text
from shared.transport import Transport
from tests.azure_calls.lake import LocalLake
from tests.azure_calls.reconciling import reconcile
from tests.azure_calls.test_kinds import ALL, Bench
from tests.road.journey import Journey, blobs, changes, host_environment, outcomes, registration, versions
from tests.support import LocalStack

ROLE = "Storage Blob Data Contributor"
MARK = {"registration": "sales", "owner": "a/b"}


@pytest.fixture
def lake(stack: LocalStack) -> LocalLake:
    return LocalLake(stack)


@pytest.fixture
def folder() -> str:
    """A folder of one's own."""
    return f"tables/{uuid.uuid4().hex}"


def table(folder: str, **definition: Any) -> dict[str, Any]:
    return {
        "name": "sales",
        "type": "mltable",
        "path": "azureml://datastores/silver/paths/sales/",
        "write_to": f"azureml://datastores/silver/paths/{folder}/",
        "mltable": definition,
    }


def text_of(**definition: Any) -> str:
    base = "abfss://silver@sourcedata.dfs.core.windows.net/sales"
    return mltable_text(TableDefinition.model_validate(definition), base)


def test_the_text_of_the_file() -> None:
    definition = TableDefinition(
        delimiter=r"\t", encoding="latin1", header="no_header", paths=["2026/*.csv", "**/ü.tsv"]
    )
    assert mltable_text(definition, "abfss://silver@sourcedata.dfs.core.windows.net/sales") == (
        "type: mltable\n"
        "paths:\n"
        '  - pattern: "abfss://silver@sourcedata.dfs.core.windows.net/sales/2026/*.csv"\n'
        '  - pattern: "abfss://silver@sourcedata.dfs.core.windows.net/sales/**/ü.tsv"\n'
        "transformations:\n"
        "  - read_delimited:\n"
        '      delimiter: "\\t"\n'
        '      encoding: "latin1"\n'
        '      header: "no_header"\n'
    )


# Through the stack.


def test_without_the_role_nothing_is_written_and_the_answer_names_it(
    stack: LocalStack, lake: LocalLake, folder: str
) -> None:
    key = stack.new_workspace()
    result = Journey(stack).done(registration([key], table(folder)), 424)
    change = changes(result, key)["data/sales"]
    assert change["outcome"] == "failed"
    assert ROLE in change["error"]["message"]
    assert "not by default" in change["error"]["message"]
    assert versions(stack, key, "sales") == {}
    assert lake.read(f"{folder}/MLTable") is None


def test_one_file_for_all_workspaces_and_nothing_to_do_the_second_time(
    stack: LocalStack, lake: LocalLake, folder: str
) -> None:
    keys = [stack.new_workspace() for _ in range(3)]
    wanted = registration(keys, table(folder, delimiter=";"), name=f"tables-{uuid.uuid4().hex}")
    with lake.writable():
        Journey(stack).done(wanted)
        assert lake.read(f"{folder}/MLTable") == text_of(delimiter=";")
        etag = lake.etag(f"{folder}/MLTable")
        again = Journey(stack).done(wanted)
    assert set(outcomes(again).values()) == {"unchanged"}
    assert lake.etag(f"{folder}/MLTable") == etag
    for key in keys:
        [held] = versions(stack, key, "sales").values()
        assert held["dataType"] == "mltable"
        assert held["dataUri"] == f"azureml://datastores/silver/paths/{folder}/"


def test_a_changed_definition_is_a_new_version_and_replaces_the_file(
    stack: LocalStack, lake: LocalLake, folder: str
) -> None:
    key, name = stack.new_workspace(), f"tables-{uuid.uuid4().hex}"
    with lake.writable():
        for definition in ({}, {"paths": ["2026/*"]}, {"paths": ["2026/*"]}):
            Journey(stack).done(registration([key], table(folder, **definition), name=name))
            assert lake.read(f"{folder}/MLTable") == text_of(**definition)
    assert len(versions(stack, key, "sales")) == 2


def test_a_version_keeps_its_definition(stack: LocalStack, lake: LocalLake, folder: str) -> None:
    key = stack.new_workspace()
    with lake.writable():
        Journey(stack).done(registration([key], {**table(folder), "version": "1"}))
        changed = registration([key], {**table(folder, delimiter=";"), "version": "1"})
        result = Journey(stack).done(changed, 424)
    assert changes(result, key)["data/sales"]["outcome"] == "conflict"
    assert lake.read(f"{folder}/MLTable") == text_of()


THEIRS = "type: mltable\n"


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"registrar": "1", "digest": "0" * 64},
        {"registrar": "1", "digest": hashlib.sha256(THEIRS.encode()).hexdigest()},
    ],
)
def test_a_file_that_the_service_did_not_write_stays(
    stack: LocalStack, lake: LocalLake, folder: str, metadata: dict[str, str] | None
) -> None:
    """Nor one that it wrote and somebody changed: the digest is of another text then. Nor one of nobody's."""
    key = stack.new_workspace()
    lake.put(f"{folder}/MLTable", THEIRS, metadata)
    with lake.writable():
        result = Journey(stack).done(registration([key], table(folder)), 424)
    change = changes(result, key)["data/sales"]
    assert (change["outcome"], change["error"]["code"]) == ("conflict", "NotOurFile")
    assert f"sourcedata/silver/{folder}/MLTable" in change["error"]["message"]
    assert lake.read(f"{folder}/MLTable") == THEIRS
    assert versions(stack, key, "sales") == {}


def another(result: dict[str, Any], key: str) -> None:
    """The table was refused, since its file is another registration's."""
    change = changes(result, key)["data/sales"]
    assert (change["outcome"], change["error"]["code"]) == ("conflict", "NotOurFile")
    assert "another registration" in change["error"]["message"]


@pytest.mark.parametrize("identity", ["data-factory", "platform-admin"])
def test_a_file_belongs_to_the_registration_that_wrote_it(
    stack: LocalStack, lake: LocalLake, folder: str, identity: str
) -> None:
    """Another one, even of the same owner, does not take it over; the first still finds what it wrote."""
    first, second = stack.new_workspace(), stack.new_workspace()
    mine = registration([first], table(folder), name=f"tables-{uuid.uuid4().hex}")
    with lake.writable():
        Journey(stack).done(mine)
        etag = lake.etag(f"{folder}/MLTable")
        for definition in ({}, {"delimiter": ";"}):
            theirs = registration([second], table(folder, **definition), name=f"tables-{uuid.uuid4().hex}")
            another(Journey(stack, identity).done(theirs, 424), second)
        assert lake.etag(f"{folder}/MLTable") == etag
        assert set(outcomes(Journey(stack).done(mine)).values()) == {"unchanged"}
        Journey(stack).done({**mine, "name": mine["name"].upper(), "data": [table(folder, paths=["*.csv"])]})
    assert lake.read(f"{folder}/MLTable") == text_of(paths=["*.csv"])
    assert versions(stack, second, "sales") == {}


def test_a_namesake_of_another_owner_is_another_registration(stack: LocalStack, lake: LocalLake, folder: str) -> None:
    key = stack.new_workspace()
    wanted = registration([key], table(folder), name=f"tables-{uuid.uuid4().hex}")
    with lake.writable():
        Journey(stack).done(wanted)
        blobs(stack).delete_blob(f"registrations/{wanted['name']}")
        another(Journey(stack, "platform-admin").done({**wanted, "data": [table(folder, delimiter=";")]}, 424), key)
    assert lake.read(f"{folder}/MLTable") == text_of()


def test_a_version_that_is_there_already_is_adopted_with_its_own_file_alone(
    stack: LocalStack, lake: LocalLake, folder: str
) -> None:
    first, second, third = (stack.new_workspace() for _ in range(3))
    mine, theirs = ({**table(folder, **definition), "version": "1"} for definition in ({}, {"delimiter": ";"}))
    held = {"properties": {"dataType": "mltable", "dataUri": mine["write_to"]}}
    for key in (second, third):
        assert stack.arm("PUT", f"{key}/data/sales/versions/1", held).is_success
    with lake.writable():
        result = Journey(stack).done(registration([first, second], mine))
        assert changes(result, second)["data/sales"]["outcome"] == "adopted"
        another(Journey(stack).done(registration([third], theirs), 424), third)
    assert lake.read(f"{folder}/MLTable") == text_of()
    assert list(versions(stack, second, "sales")) == ["1"]


def test_the_policy_grants_each_file(stack: LocalStack, folder: str) -> None:
    """data-owner may register data/sales_*, and write nothing."""
    body = {**registration([stack.new_workspace()], {**table(folder), "name": "sales_x"}), "datastores": []}
    body["data"][0]["path"] = "abfss://silver@sourcedata.dfs.core.windows.net/sales"
    body["data"][0]["write_to"] = f"abfss://silver@sourcedata.dfs.core.windows.net/{folder}"
    answer = Journey(stack, "data-owner").send(body)
    assert answer.status_code == 403
    assert "(writes)" in answer.json()["error"]["details"][0]["message"]


def test_the_policy_is_asked_again_when_the_workspace_has_its_turn(
    stack: LocalStack, lake: LocalLake, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in host_environment(stack).items():
        monkeypatch.setenv(name, value)
    bench = Bench(stack)
    request = parse_registration(registration([bench.workspace.key], {**table(folder), "version": "1"}), (), 9)
    rights = Rights((Rule.model_validate({"callers": [], "actions": [], **ALL, "writes": ["sourcedata/silver/x/*"]}),))
    with lake.writable():
        result, _ = reconcile(bench.parts, bench.workspace, request, rights, State())
    assert [(asset.asset, asset.verdict) for asset in result.assets] == [
        ("datastores/silver", "created"),
        ("data/sales/1", "notAuthorized"),
    ]
    assert result.assets[1].error is not None
    assert "(writes)" in result.assets[1].error["message"]
    assert lake.read(f"{folder}/MLTable") is None


# At the wire.


class Between(Transport):
    """Keeps the conditions of each write, and lets somebody be faster than the first one."""

    def __init__(self, lake: LocalLake, *faster: tuple[str, str, dict[str, str] | None], status: int = 0) -> None:
        super().__init__(sleep=lambda _: None)
        self._lake, self._faster, self._status = lake, list(faster), status
        self.sent: list[dict[str, str]] = []

    def send(self, request: Any, **kwargs: Any) -> Any:
        if request.method == "PUT" and self._faster:
            self._lake.put(*self._faster.pop(0))
        response = super().send(request, **kwargs)
        if request.method == "PUT":
            self.sent.append({name.lower(): value for name, value in request.headers.items()})
        response.status_code = self._status or response.status_code
        return response


@pytest.fixture
def writer(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in host_environment(stack).items():
        monkeypatch.setenv(name, value)
    parts = Wiring()
    return lambda wire: Lake(parts.settings.lake_endpoint, lambda: parts.identity, wire)


def test_a_file_is_created_and_replaced_under_conditions(lake: LocalLake, folder: str, writer: Any) -> None:
    wire, path = Between(lake), f"{folder}/MLTable"
    with lake.writable(), logs.bound(operation="11111111-1111-4111-8111-111111111111"):
        writer(wire).write("sourcedata", "silver", path, "one", MARK)
        etag = lake.etag(path)
        writer(wire).write("sourcedata", "silver", path, "one", MARK)
        with pytest.raises(AzureRefused, match="another registration"):
            writer(wire).write("sourcedata", "silver", path, "two", {**MARK, "owner": "a/c"})
        writer(wire).write("sourcedata", "silver", path, "two", MARK)
    created, replaced = wire.sent
    assert created["if-none-match"] == "*"
    assert replaced["if-match"] == etag
    assert created["x-ms-client-request-id"] == "11111111-1111-4111-8111-111111111111"
    assert lake.read(path) == "two"


def test_whoever_is_faster_is_not_overwritten(lake: LocalLake, folder: str, writer: Any) -> None:
    path = f"{folder}/MLTable"
    with lake.writable():
        with pytest.raises(AzureRefused, match="did not write"):
            writer(Between(lake, (path, "theirs", None))).write("sourcedata", "silver", path, "ours", MARK)
        assert lake.read(path) == "theirs"
        lake.container.delete_blob(path)
        writer(Between(lake)).write("sourcedata", "silver", path, "ours", MARK)
        with pytest.raises(AzureRefused, match="did not write"):
            writer(Between(lake, (path, "theirs", None))).write("sourcedata", "silver", path, "newer", MARK)
    assert lake.read(path) == "theirs"


def test_another_host_that_writes_the_same_is_no_trouble(lake: LocalLake, folder: str, writer: Any) -> None:
    path = f"{folder}/MLTable"
    with lake.writable():
        writer(Between(lake)).write("sourcedata", "silver", f"{folder}/first", "ours", MARK)
        metadata = lake.container.get_blob_client(f"{folder}/first").get_blob_properties().metadata
        wire = Between(lake, (path, "ours", metadata))
        writer(wire).write("sourcedata", "silver", path, "ours", MARK)
    assert len(wire.sent) == 1
    assert lake.read(path) == "ours"


def test_a_long_file_is_not_ours(lake: LocalLake, folder: str, writer: Any) -> None:
    lake.put(f"{folder}/MLTable", "x" * (MAX_BYTES + 1))
    with lake.writable(), pytest.raises(AzureRefused, match="did not write"):
        writer(Between(lake)).write("sourcedata", "silver", f"{folder}/MLTable", "ours", MARK)


def test_what_storage_refuses(lake: LocalLake, folder: str, writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with lake.writable():
        with pytest.raises(AzureRefused) as refused:
            writer(Between(lake)).write("sourcedata", "nowhere", "MLTable", "ours", MARK)
        assert (refused.value.status, refused.value.code) == (404, "ContainerNotFound")
        with pytest.raises(AzureBusy):
            writer(Between(lake, status=503)).write("sourcedata", "silver", f"{folder}/MLTable", "ours", MARK)
        with pytest.raises(AzureBusy):
            Lake("https://127.0.0.1:1/{account}", writer(None)._credential, Transport(sleep=lambda _: None)).write(
                "sourcedata", "silver", f"{folder}/MLTable", "ours", MARK
            )
    with pytest.raises(AzureRefused, match=ROLE):
        writer(Between(lake)).write("sourcedata", "silver", f"{folder}/MLTable", "ours", MARK)


# Readable by `mltable`, in an environment of its own: it would bring several hundred MB into this one.

_OWN = ROOT / ".venv-mltable" / "bin" / "python"
MLTABLE = os.environ.get("MLTABLE_PYTHON") or (str(_OWN) if _OWN.exists() else None)
LOAD = "import sys, mltable; print(mltable.load(sys.argv[1]).to_pandas_dataframe().to_json(orient='values'))"


@pytest.mark.skipif(MLTABLE is None, reason="THE REAL mltable IS NOT INSTALLED: `make mltable`, or set MLTABLE_PYTHON")
@pytest.mark.parametrize(
    ("definition", "files", "rows"),
    [
        ({}, {"x.csv": "a,b\n7,é\n", "y.csv": "a,b\n8,z\n", "deep/z.csv": "a,b\n9,z\n"}, [[7, "é"], [8, "z"]]),
        ({"paths": ["**/*.csv"]}, {"x.txt": "c\n1\n", "deep/x.csv": "a,b\n7,y\n"}, [[7, "y"]]),
        ({"delimiter": r"\t", "header": "no_header"}, {"x.csv": "7\tu\n8\tv\n"}, [[7, "u"], [8, "v"]]),
        ({"delimiter": ";", "encoding": "utf16"}, {"x.csv": "a;b\n7;é\n"}, [[7, "é"]]),
        ({"encoding": "windows1252", "header": "from_first_file"}, {"x.csv": "a,b\n7,€\n"}, [[7, "€"]]),
        ({"encoding": "latin1", "header": "all_files_different_headers"}, {"x.csv": "a,b\n7,é\n"}, [[7, "é"]]),
        ({"encoding": "iso88591"}, {"x.csv": "a,b\n7,é\n"}, [[7, "é"]]),
        ({"encoding": "ascii", "delimiter": "|"}, {"x.csv": "a|b\n7|e\n"}, [[7, "e"]]),
    ],
)
def test_mltable_reads_what_is_meant(
    tmp_path: Path, definition: dict[str, Any], files: dict[str, str], rows: list[list[Any]]
) -> None:
    """The file is as it is written, but for its base: a folder of this machine in place of the lake."""
    python = {"utf16": "utf-16", "windows1252": "cp1252", "iso88591": "latin1"}
    encoding = str(definition.get("encoding", "utf-8"))
    for name, content in files.items():
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode(python.get(encoding, encoding)))
    (tmp_path / "table").mkdir()
    base = "abfss://silver@sourcedata.dfs.core.windows.net/sales"
    text = text_of(**definition).replace(base, str(tmp_path / "data"))
    (tmp_path / "table" / "MLTable").write_text(text, encoding="utf-8")
    load = [str(MLTABLE), "-c", LOAD, str(tmp_path / "table")]
    done = subprocess.run(load, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(re.findall(r"^\[.*\]$", done.stdout, re.MULTILINE)[-1]) == rows
