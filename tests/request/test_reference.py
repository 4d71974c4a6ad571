"""The field tables of `docs/request.md` name the fields that there are, and what they may hold."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from local.azurite import ROOT
from shared.assets import DATASTORES, Data, TableDefinition
from shared.datastores import AccountKey, Certificate, Credentials, SasToken, ServicePrincipal

PAGE = (ROOT / "docs" / "request.md").read_text()


CREDENTIALS: tuple[type[Credentials], ...] = (ServicePrincipal, Certificate, AccountKey, SasToken)


def rows(heading: str) -> dict[str, str]:
    """Field -> its row, of the first table whose head begins with `heading`."""
    table = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n", 1)[0]
    lines = [line.split(" | ", 1) for line in table.split("\n")[2:]]
    return {name: line[1] for line in lines for name in re.findall(r"`(\w+)`", line[0])}


def test_the_fields_of_datastores() -> None:
    fields = {name for model in DATASTORES.values() for name in model.model_fields}
    assert rows("field | kinds").keys() == fields


def test_the_fields_of_data() -> None:
    assert rows("field | needed | default").keys() == Data.model_fields.keys()
    assert rows("field of `mltable`").keys() == TableDefinition.model_fields.keys()


def test_the_fields_of_credentials() -> None:
    table = PAGE[PAGE.index("| credentials | for |") :].split("\n\n", 1)[0]
    for kind, model in zip(table.split("\n")[2:], CREDENTIALS, strict=True):
        named = set(re.findall(r"`(\w+)`", kind.split(" | ")[-1]))
        assert named <= model.model_fields.keys()
        assert {name for name, field in model.model_fields.items() if field.is_required()} <= named


@pytest.mark.parametrize("kind", ["azure_blob", "azure_file", "azure_data_lake_gen2"])
def test_the_protocols(kind: str) -> None:
    short = {"azure_blob": "blob", "azure_file": "file", "azure_data_lake_gen2": "Gen2"}[kind]
    literal, _ = get_args(DATASTORES[kind].model_fields["protocol"].annotation)
    [named] = re.findall(rf"{short}: ([^;(]*)", rows("field | kinds")["protocol"])
    assert set(re.findall(r"`(\w+)`", named)) == set(get_args(literal))
