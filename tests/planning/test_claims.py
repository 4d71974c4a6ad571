"""Several registrations that want one asset: those that agree are merged; of those that do not, the earliest stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from registration.plan import Applied, Claim, Origin, Sync, WantedDatastore
from registration.plan.fields import agree
from shared.assets import KeyVaultSecret, ServicePrincipal
from tests.planning.parts import (
    BEFORE,
    FIRST,
    SECOND,
    TENANT,
    THIRD,
    Wanted,
    applied,
    claim,
    inventory,
    plan,
    sales,
    signed,
    store,
    there,
    told,
    version,
    workspace,
)

TAGS = {"a": "b"}
OTHER_SECRET = ServicePrincipal(
    tenant_id=TENANT, client_id=TENANT, client_secret=KeyVaultSecret(key_vault_secret="another")
)
TABLE = sales(
    type="mltable",
    path="azureml://datastores/silver/paths/s/",
    mltable={},
    write_to="azureml://datastores/silver/paths/t",
)


@pytest.mark.parametrize(
    ("first", "second", "agrees"),
    [
        (store(), store(), True),
        (store(), store(name="SILVER"), True),
        (store(), store(tags=TAGS, description="ours"), True),
        (store(tags=TAGS), store(tags=TAGS, description="ours"), True),
        (store(tags=TAGS), store(tags={}), False),
        (store(tags={"a": ""}), store(tags={"a": "b"}), False),
        (store(description=""), store(description="ours"), False),
        (store(), store(filesystem="gold"), False),
        (store(), store(protocol="https"), False),
        (store(), signed(), False),
        (signed("1"), signed("2"), True),
        (signed(), WantedDatastore(store(credentials=OTHER_SECRET).datastore), False),
        (sales(), sales(), True),
        (sales(), sales(name="Sales"), True),
        (sales(), sales(path="azureml://datastores/silver/paths/S.csv"), False),
        (sales(), sales(type="uri_folder"), False),
        (sales(), sales(tags=TAGS, properties=TAGS), True),
        (sales(properties=TAGS), sales(properties={}), False),
        (TABLE, TABLE, True),
        (TABLE, sales(type="mltable", path="azureml://datastores/silver/paths/t"), False),
    ],
)
def test_which_definitions_agree(first: Wanted, second: Wanted, agrees: bool) -> None:
    assert agree(first, second) is agrees
    assert agree(second, first) is agrees


def test_what_the_first_does_not_manage_is_taken_from_the_others() -> None:
    wishes = [
        claim(sales(), FIRST),
        claim(sales(description="ours"), SECOND),
        claim(sales(tags=TAGS, description="ours"), THIRD),
    ]
    [change] = plan(wishes, workspace(version())).changes
    assert told(change) == ("update", [("description", "differs"), ("tags", "differs")])
    assert change.origin == FIRST
    assert change.wanted == sales(description="ours", tags=TAGS)
    [merged] = plan([claim(signed(), FIRST), claim(signed(tags=TAGS), SECOND)]).changes
    assert isinstance(merged.wanted, WantedDatastore)
    assert merged.wanted.datastore.tags == TAGS
    assert (merged.wanted.principal, merged.wanted.secrets) == (signed().principal, signed().secrets)


def test_the_options_of_the_first_count() -> None:
    known = inventory((store().id, applied(store())))
    wishes = [claim(store(), FIRST, drift="report"), claim(store(), SECOND)]
    [change] = plan(wishes, workspace(there(filesystem="gold")), known).changes
    assert change.drifted
    [change] = plan(wishes[::-1], workspace(there(filesystem="gold")), known).changes
    assert change.action == "update"


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (
            [claim(store(), FIRST), claim(store(filesystem="gold"), SECOND)],
            [("first", "create", None), ("second", "conflict", "first")],
        ),
        (
            [claim(store(filesystem="gold"), FIRST), claim(store(), SECOND), claim(store(), THIRD)],
            [("first", "create", None), ("second", "conflict", "first"), ("third", "conflict", "first")],
        ),
        # The second stands with the first, against the third.
        (
            [claim(store(), FIRST), claim(store(tags=TAGS), SECOND), claim(store(tags={}), THIRD)],
            [("first", "create", None), ("third", "conflict", "second")],
        ),
        # One that is beaten beats nobody.
        (
            [claim(store(), FIRST), claim(signed(tags=TAGS), SECOND), claim(store(tags={}), THIRD)],
            [("first", "create", None), ("second", "conflict", "first")],
        ),
        # One that is held, by its suspension or by the run's scope, holds the asset all the same.
        (
            [claim(store(), FIRST, held=True), claim(store(filesystem="gold"), SECOND)],
            [("second", "conflict", "first")],
        ),
        ([claim(store(), FIRST, held=True), claim(store(tags=TAGS), SECOND)], [("second", "create", None)]),
        ([claim(store(), FIRST), claim(store(filesystem="gold"), SECOND, held=True)], [("first", "create", None)]),
        ([claim(store(), FIRST, held=True), claim(store(), SECOND, held=True)], []),
        (
            [claim(sales(name="SALES"), FIRST), claim(sales(path="azureml://datastores/x/paths/s"), SECOND)],
            [("first", "create", None), ("second", "conflict", "first")],
        ),
        (
            [claim(sales("1"), FIRST), claim(sales("2", path="azureml://datastores/x/paths/s"), SECOND)],
            [("first", "create", None), ("second", "create", None)],
        ),
    ],
)
def test_who_stands(wishes: list[Claim], expected: list[tuple[str, str, str | None]]) -> None:
    changes = plan(wishes).changes
    assert [(change.origin.name, change.action, change.rival) for change in changes] == expected
    for change in changes:
        if change.action == "conflict":
            assert told(change)[1] == [("name", "wanted otherwise by another registration")]
            assert change.record is None
            assert change.intent is None


def test_what_a_held_claim_alone_manages_is_not_written_for_it() -> None:
    [change] = plan([claim(store(tags=TAGS), FIRST, held=True), claim(store(), SECOND)]).changes
    assert isinstance(change.wanted, WantedDatastore)
    assert change.wanted.datastore.tags is None
    assert change.origin == SECOND


def test_a_run_about_one_registration_forgets_nothing_of_another() -> None:
    """Else what drifts would be taken for a difference from a stranger's work, and be written under `report`."""
    tagged = claim(store(tags=TAGS), FIRST, drift="report")
    known, found = inventory((store().id, applied(store(tags=TAGS)))), workspace(there(tags={"x": "y"}))
    [change] = plan([replace(tagged, held=True), claim(store(), SECOND)], found, known).changes
    assert change.record == applied(store(tags=TAGS))
    [change] = plan([tagged, claim(store(), SECOND)], found, inventory((store().id, change.record))).changes
    assert told(change) == ("none", [("tags", "changed in workspace")])
    ignoring = claim(store(tags=TAGS), SECOND, ignore=("tags",))
    [change] = plan([replace(tagged, held=True), ignoring], found, known).changes
    assert change.record == applied(store(tags=TAGS))
    [change] = plan([claim(store(), SECOND)], found, known).changes
    assert change.record == applied(store(), SECOND, made=False), "nobody manages the tags any more"


FORMER = Origin("first", "2020-01-01")
"""A deleted namesake of FIRST."""


@pytest.mark.parametrize(
    ("wishes", "known", "record"),
    [
        ([claim(store(), FIRST), claim(store(), SECOND)], applied(store(), SECOND), (SECOND, True)),
        ([claim(store(), FIRST), claim(store(), SECOND, held=True)], applied(store(), SECOND), (SECOND, True)),
        ([claim(store(), FIRST)], applied(store(), SECOND), (FIRST, False)),
        ([claim(store(), FIRST)], applied(store(), FORMER), (FIRST, False)),
        ([claim(store(), FIRST), claim(sales(), SECOND)], applied(store(), SECOND), (FIRST, False)),
    ],
)
def test_whose_an_asset_is_stays_as_long_as_that_registration_wants_it(
    wishes: list[Claim], known: Applied, record: tuple[Origin, bool]
) -> None:
    """What comes into other hands was not made for them."""
    change = plan(wishes, workspace(there()), inventory((store().id, known))).changes[0]
    assert change.record is not None
    assert (change.record.origin, change.record.made, change.record.at) == (*record, BEFORE)


@pytest.mark.parametrize("options", [{"prune": "archive"}, {"prune": "archive", "allow_empty": True}])
def test_a_beaten_wish_is_a_wish_all_the_same(options: dict[str, Any]) -> None:
    """What the second had made is held by the first now, and pruned for nobody."""
    known = inventory((store().id, applied(store(), SECOND)))
    wishes = [claim(store(filesystem="gold"), FIRST), claim(store(), SECOND)]
    changes = plan(wishes, workspace(there()), known, {FIRST: Sync(**options), SECOND: Sync(**options)}).changes
    assert [told(change)[0] for change in changes] == ["update", "conflict"]
