"""A run that was killed between a write and its record: the next one knows the work for its own, and finishes it."""

from __future__ import annotations

import pytest

from registration.plan import Applied, Desired, Inventory, Sync, must_look
from shared.assets import ObservedData, ObservedDatastore
from tests.planning.parts import (
    BEFORE,
    FIRST,
    NOW,
    SECOND,
    applied,
    claim,
    inventory,
    plan,
    sales,
    signed,
    store,
    there,
    there_signed,
    told,
    version,
    workspace,
)

PATH = "azureml://datastores/silver/paths/other.csv"
ID, STORE = "data/sales/1", "datastores/silver"
INTENT = applied(sales())
TAGGED, RETAGGED = sales(tags={"a": "b"}), sales(tags={"a": "c"})


def killed(intended: Applied, before: Applied | None = None) -> Inventory:
    return inventory(*[] if before is None else [(ID, before)], intents={ID: intended})


@pytest.mark.parametrize(
    ("known", "found", "report", "action", "made"),
    [
        # A creation: done, done and changed since, not done, another's.
        (killed(applied(TAGGED)), version(tags={"a": "b"}), False, "none", True),
        (killed(applied(TAGGED)), version(tags={"x": "y"}), False, "update", True),
        (killed(applied(TAGGED)), version(tags={"x": "y"}), True, "none", True),
        (killed(applied(TAGGED)), None, False, "new_version", True),
        (killed(applied(TAGGED)), None, True, "new_version", True),
        (killed(applied(sales(path=PATH))), version(tags={"a": "b"}), False, "adopt", False),
        (killed(applied(sales(path=PATH))), version(path=PATH), False, "conflict", True),
        (killed(applied(TAGGED)), version(path=PATH), False, "conflict", None),
        # One of what had been another's, and was missing.
        (killed(applied(TAGGED), applied(TAGGED, made=False)), version(tags={"a": "b"}), False, "none", True),
        (killed(applied(TAGGED), applied(TAGGED, made=False)), version(tags={"x": "y"}), False, "update", True),
        (killed(applied(TAGGED), applied(TAGGED, made=False)), None, True, "new_version", True),
        # An update from other tags: done or not, before the registration took it back.
        (killed(applied(RETAGGED), applied(TAGGED)), version(tags={"a": "c"}), False, "update", True),
        (killed(applied(RETAGGED), applied(TAGGED)), version(tags={"a": "c"}), True, "update", True),
        (killed(applied(RETAGGED), applied(TAGGED)), version(tags={"a": "b"}), True, "none", True),
        (killed(applied(RETAGGED), applied(TAGGED)), version(tags={"x": "y"}), True, "none", True),
        # An update of what was another's: not done.
        (killed(applied(TAGGED, made=False)), version(tags={"a": "b"}, archived=True), True, "update", False),
        # An archiving, before the version was wanted again: it is not somebody's change in the workspace.
        (
            killed(Applied({**applied(TAGGED).fields, "archived": True}, {}, FIRST, True, BEFORE), applied(TAGGED)),
            version(tags={"a": "b"}, archived=True),
            True,
            "update",
            True,
        ),
        (
            killed(Applied({**applied(TAGGED).fields, "archived": True}, {}, FIRST, True, BEFORE), applied(TAGGED)),
            version(tags={"a": "b"}),
            True,
            "none",
            True,
        ),
    ],
)
def test_data(known: Inventory, found: ObservedData | None, report: bool, action: str, made: bool | None) -> None:
    observed = workspace(found) if found is not None else workspace(absent=[("sales", "1")])
    [change] = plan([claim(TAGGED, drift="report" if report else "heal")], observed, known).changes
    assert change.action == action
    assert (None if change.record is None else change.record.made) is made


@pytest.mark.parametrize(
    ("found", "before", "action", "made"),
    [
        (there(), None, "none", True),
        (there(description="mine"), None, "none", True),
        (there(filesystem="gold"), None, "update", False),
        (there(type="azure_blob"), None, "conflict", True),
        (None, None, "create", True),
        (None, applied(store()), "create", True),
        (there(), applied(store(), made=False), "none", True),
    ],
)
def test_datastores(found: ObservedDatastore | None, before: Applied | None, action: str, made: bool) -> None:
    entries = [] if before is None else [(STORE, before)]
    known = inventory(*entries, intents={STORE: applied(store())})
    [change] = plan([claim(store(), drift="report")], workspace(*[] if found is None else [found]), known).changes
    assert change.action == action
    assert change.record is not None
    assert change.record.made is made


@pytest.mark.parametrize(
    ("before", "intended", "reasons"),
    [
        (None, applied(signed("2")), []),
        (applied(signed("1")), applied(signed("2")), [("client_secret", "secret unknown")]),
        (applied(signed("2")), applied(signed("2")), []),
        (None, applied(signed("2"), made=False), [("client_secret", "secret unknown")]),
        (applied(signed("1"), made=False), applied(signed("2")), []),
    ],
)
def test_whether_a_secret_was_written_over_another_cannot_be_seen(
    before: Applied | None, intended: Applied, reasons: list[tuple[str, str]]
) -> None:
    known = inventory(*[] if before is None else [(STORE, before)], intents={STORE: intended})
    [change] = plan([claim(signed("2"))], workspace(there_signed()), known).changes
    assert told(change) == ("update" if reasons else "none", reasons)


def test_what_was_made_and_is_no_longer_wanted_is_pruned_like_all_else() -> None:
    prunable = {FIRST: Sync(prune="archive")}
    wishes = (claim(sales("2"), SECOND),)
    known = inventory(intents={ID: INTENT, STORE: applied(store())})
    unlooked = workspace(there(), unlooked={"sales": "1"})
    assert must_look(Desired(wishes, prunable), known, unlooked) == {("sales", "1"), ("sales", "2")}
    found = plan(wishes, workspace(there(), version(), absent=[("sales", "2")]), known, prunable)
    assert [(change.asset, change.action) for change in found.changes] == [
        ("data/sales/2", "new_version"),
        (ID, "archive"),
        (STORE, "none"),
    ]


@pytest.mark.parametrize(
    "found", [None, version(path=PATH), version(archived=True)], ids=["not made", "another's", "archived"]
)
def test_an_intent_about_nothing_is_forgotten(found: ObservedData | None) -> None:
    observed = workspace(found) if found is not None else workspace(absent=[("sales", "1")])
    result = plan([claim(store())], observed, killed(INTENT), {FIRST: Sync(prune="archive")})
    assert result.forgotten == {ID}
    assert [change.asset for change in result.changes] == [STORE]


def test_another_registrations_intents_are_not_this_runs_affair() -> None:
    desired = Desired((claim(store()),), {SECOND: Sync(prune="archive")})
    assert must_look(desired, killed(INTENT), workspace(unlooked={"sales": "1"})) == set()
    result = plan([claim(store())], workspace(version()), killed(INTENT), desired.prunable)
    assert [change.asset for change in result.changes] == [STORE]
    assert result.forgotten == set()


def test_what_is_noted_before_a_write() -> None:
    changes = plan(
        [claim(store()), claim(sales()), claim(TAGGED.model_copy(update={"name": "tagged"}))],
        workspace(there(), version(name="tagged")),
        inventory((STORE, applied(store()))),
    ).changes
    assert [(told(change)[0], change.intent) for change in changes] == [
        ("none", None),
        ("create", applied(sales(), at=NOW)),
        ("update", applied(TAGGED, made=False, at=NOW)),
    ]
