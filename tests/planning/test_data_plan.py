"""The plan for data: what can be changed in place is, what cannot is a conflict, what need not be read is not."""

from __future__ import annotations

from typing import Any

import pytest

from registration.plan import Applied, Claim, Desired, Inventory, must_look
from shared.assets import Data, Observed
from tests.planning.parts import (
    BEFORE,
    FIRST,
    NOW,
    applied,
    claim,
    inventory,
    one,
    plan,
    sales,
    told,
    version,
    workspace,
)

KNOWN = applied(sales())
TAGGED = sales(tags={"a": "b"})
ABSENT = workspace(absent=[("sales", "1")])
MISSING = ("version", "missing")
DEFINED = {"type": "mltable", "mltable": {"delimiter": ","}, "write_to": "azureml://datastores/silver/paths/t"}
TABLE = Data.model_validate(
    {"name": "sales", "version": "1", "path": "azureml://datastores/silver/paths/s/", **DEFINED}
)
OTHER_TABLE = Data.model_validate({**TABLE.model_dump(), "mltable": {"delimiter": ";"}})
TABLE_THERE = workspace(version(type="mltable", path="azureml://datastores/silver/paths/t"))


@pytest.mark.parametrize(
    ("wanted", "observed", "known", "action", "reasons"),
    [
        (sales(), workspace(), None, "create", [MISSING]),
        (sales(), workspace(), KNOWN, "create", [MISSING]),
        (sales(), ABSENT, None, "new_version", [MISSING]),
        (sales(), ABSENT, KNOWN, "new_version", [MISSING]),
        (sales("2"), workspace(version(), absent=[("sales", "2")]), None, "new_version", [MISSING]),
        (sales(), workspace(version()), None, "adopt", []),
        (sales(), workspace(version()), KNOWN, "none", []),
        (sales(), workspace(version(name="SALES")), KNOWN, "none", []),
        (sales("A"), workspace(version("a")), None, "adopt", []),
        (sales(), workspace(version(path="azureml://x")), KNOWN, "conflict", [("path", "immutable")]),
        (sales(), workspace(version(type="uri_folder")), None, "conflict", [("type", "immutable")]),
        (sales(properties={"a": "b"}), workspace(version()), None, "conflict", [("properties", "immutable")]),
        (sales(properties={"a": "b"}), workspace(version(properties={"a": "b", "x": "y"})), None, "adopt", []),
        (TAGGED, workspace(version(tags={"c": "d"})), None, "update", [("tags", "differs")]),
        (TAGGED, workspace(version(tags={"c": "d"})), applied(TAGGED), "update", [("tags", "changed in workspace")]),
        (TAGGED, workspace(version(tags={"c": "d"})), KNOWN, "update", [("tags", "differs")]),
        (
            sales(description="new"),
            workspace(version(description="old")),
            applied(sales(description="old")),
            "update",
            [("description", "changed in registration")],
        ),
        (
            sales(description="new"),
            workspace(version(path="azureml://x")),
            None,
            "conflict",
            [("path", "immutable")],
        ),
        # What is left out is not managed.
        (sales(), workspace(version(description="mine", tags={"a": "b"}, properties={"c": "d"})), KNOWN, "none", []),
        (sales(tags={}), workspace(version(tags={"a": "b"})), KNOWN, "update", [("tags", "differs")]),
        (sales(), workspace(version(archived=True)), None, "update", [("archived", "differs")]),
        (sales(), workspace(version(archived=True)), KNOWN, "update", [("archived", "changed in workspace")]),
        # Below an archived asset no version can be restored.
        (sales(), workspace(version(archived=True), archived=True), KNOWN, "conflict", [("archived", "immutable")]),
        (sales(), workspace(version(), archived=True), KNOWN, "none", []),
        # A defined table's file lies in the lake: only the inventory knows what it says.
        (TABLE, TABLE_THERE, None, "adopt", []),
        (TABLE, TABLE_THERE, applied(TABLE), "none", []),
        (OTHER_TABLE, TABLE_THERE, applied(TABLE), "conflict", [("mltable", "immutable")]),
    ],
)
def test_the_table(
    wanted: Data, observed: Observed, known: Applied | None, action: str, reasons: list[tuple[str, str]]
) -> None:
    assert told(one(wanted, observed, known)) == (action, reasons)


@pytest.mark.parametrize(
    ("options", "observed", "known", "action", "reasons"),
    [
        ({"drift": "report"}, ABSENT, applied(TAGGED), "none", [MISSING]),
        ({"drift": "report"}, workspace(), applied(TAGGED), "none", [MISSING]),
        ({"drift": "report"}, ABSENT, None, "new_version", [MISSING]),
        ({"drift": "report"}, workspace(version()), applied(TAGGED), "none", [("tags", "changed in workspace")]),
        ({"drift": "report"}, workspace(version()), None, "update", [("tags", "differs")]),
        (
            {"drift": "report"},
            workspace(version(tags={"a": "b"}, archived=True)),
            applied(TAGGED),
            "none",
            [("archived", "changed in workspace")],
        ),
        (
            {"drift": "report"},
            workspace(version()),
            applied(sales(tags={"c": "d"})),
            "update",
            [("tags", "changed in registration")],
        ),
        ({"ignore": ("tags",)}, ABSENT, None, "new_version", [MISSING]),
        ({"ignore": ("tags",)}, workspace(version()), None, "adopt", []),
        ({"ignore": ("tags",)}, workspace(version()), applied(TAGGED), "none", []),
        ({"ignore": ("description",)}, workspace(version()), None, "update", [("tags", "differs")]),
        ({"ignore": ("archived",)}, workspace(version(tags={"a": "b"}, archived=True)), None, "adopt", []),
        (
            {"ignore": ("archived",)},
            workspace(version(tags={"a": "b"}, archived=True), archived=True),
            None,
            "adopt",
            [],
        ),
    ],
)
def test_options(
    options: dict[str, Any], observed: Observed, known: Applied | None, action: str, reasons: list[tuple[str, str]]
) -> None:
    change = one(TAGGED, observed, known, **options)
    assert told(change) == (action, reasons)
    assert change.drifted is (action == "none" and bool(reasons))


def test_a_version_that_is_made_again_is_a_new_entry_and_one_that_is_left_missing_the_old() -> None:
    assert one(sales(), ABSENT, KNOWN).record == applied(sales(), at=NOW)
    old = applied(sales(description="old"))
    assert one(sales(description="new"), ABSENT, old, drift="report").record == old


def test_a_name_collides_with_itself_in_other_letters() -> None:
    [change] = plan([claim(sales(name="Sales"))], workspace(version(name="sALES"))).changes
    assert (change.asset, change.action) == ("data/Sales/1", "adopt")


def test_versions_of_one_asset_are_assets_of_their_own() -> None:
    changes = plan([claim(sales("1")), claim(sales("2"))], workspace(version(), absent=[("sales", "2")])).changes
    assert [(change.asset, change.action) for change in changes] == [
        ("data/sales/1", "adopt"),
        ("data/sales/2", "new_version"),
    ]


def test_data_without_a_version_is_no_plan() -> None:
    with pytest.raises(ValueError, match="no version"):
        plan([claim(sales(None))])


def test_a_version_that_must_be_looked_at_is_no_plan_without() -> None:
    with pytest.raises(ValueError, match="looked at"):
        plan([claim(sales())], workspace(unlooked={"sales": "1"}))


SEEN = workspace(unlooked={"sales": "1"})
ENTRY = ("data/sales/1", KNOWN)


@pytest.mark.parametrize(
    ("claims", "observed", "known", "looks"),
    [
        ([claim(sales())], workspace(), inventory(ENTRY), False),
        ([claim(sales())], SEEN, inventory(ENTRY, sales="1"), False),
        ([claim(sales(name="SALES"))], SEEN, inventory(ENTRY, sales="1"), False),
        ([claim(sales())], SEEN, inventory(sales="1"), True),
        ([claim(sales())], SEEN, inventory(ENTRY), True),
        ([claim(sales())], SEEN, inventory(ENTRY, sales="0"), True),
        ([claim(sales(tags={}))], SEEN, inventory(ENTRY, sales="1"), True),
        ([claim(sales(), ignore=("archived",))], SEEN, inventory(ENTRY, sales="1"), True),
        ([claim(sales())], workspace(unlooked={"sales": "1"}, archived=True), inventory(ENTRY, sales="1"), True),
        ([claim(sales())], SEEN, inventory(ENTRY, sales="1", intents={"data/sales/1": KNOWN}), True),
        ([claim(sales(), held=True)], SEEN, inventory(), False),
    ],
)
def test_what_must_be_looked_at(claims: list[Claim], observed: Observed, known: Inventory, looks: bool) -> None:
    desired = Desired(tuple(claims))
    assert must_look(desired, known, observed) == ({("sales", "1")} if looks else set())


def test_what_need_not_be_looked_at_stays_as_it_was_applied() -> None:
    [change] = plan([claim(sales())], SEEN, inventory(ENTRY, sales="1")).changes
    assert told(change) == ("none", [])
    assert change.record == KNOWN
    assert (KNOWN.origin, KNOWN.made, KNOWN.at) == (FIRST, True, BEFORE)
