"""What was made and is no longer wanted: kept, archived or deleted; never what is another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from registration.plan import Applied, Claim, Inventory, Origin, Plan, Sync
from shared.assets import Observed
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
    store,
    there,
    told,
    version,
    workspace,
)

ARCHIVE = Sync(prune="archive")
STORE, SALES = ("datastores/silver", applied(store())), ("data/sales/1", applied(sales()))
BOTH = inventory(STORE, SALES)
HELD = workspace(there(), unlooked={"Sales": "1"})
ELSEWHERE = sales(name="other", path="abfss://container@account.dfs.core.windows.net/a.csv")
STAYS = claim(ELSEWHERE, SECOND)
"""Something else that is wanted, so that the guard does not speak."""
KEPT = "kept: the workspace's whole desired state turned empty"
UNWANTED, OLD = "no longer in the registration", "older than the versions to keep"


def removals(found: Plan) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    return {change.asset: told(change) for change in found.changes if change.wanted is None}


ALL = {"datastores/silver": ("delete", [("name", UNWANTED)]), "data/sales/1": ("archive", [("name", UNWANTED)])}
GUARDED = dict.fromkeys(ALL, ("none", [("name", KEPT)]))
LATER = Origin("first", "2026-01-01")
"""A namesake of FIRST, born after its end."""


@pytest.mark.parametrize(
    ("claims", "prunable", "known", "expected"),
    [
        ([STAYS], {FIRST: ARCHIVE}, BOTH, ALL),
        ([STAYS], {FIRST: Sync()}, BOTH, {}),
        ([STAYS], {SECOND: ARCHIVE}, BOTH, {}),
        ([STAYS], {}, BOTH, {}),
        ([STAYS], {LATER: ARCHIVE}, BOTH, {}),
        ([claim(ELSEWHERE, LATER)], {LATER: ARCHIVE, FIRST: ARCHIVE}, BOTH, ALL),
        # What was not made is never removed, nor what nobody knows of.
        ([STAYS], {FIRST: ARCHIVE}, inventory((STORE[0], applied(store(), made=False))), {}),
        ([STAYS], {FIRST: ARCHIVE}, inventory((STORE[0], applied(store(), None))), {}),
        ([STAYS], {FIRST: ARCHIVE}, inventory(), {}),
        # Where nothing is wanted any more, somebody may have erred.
        ([], {FIRST: ARCHIVE}, BOTH, GUARDED),
        ([], {FIRST: Sync(prune="archive", allow_empty=True)}, BOTH, ALL),
        ([], {FIRST: Sync(allow_empty=True)}, BOTH, {}),
        ([claim(ELSEWHERE, SECOND, held=True)], {FIRST: ARCHIVE}, BOTH, ALL),
        # What is wanted stays, whoever wants it, in whatever letters, held or beaten.
        ([claim(store(name="SILVER"), SECOND)], {FIRST: ARCHIVE}, inventory(STORE), {}),
        ([claim(store(), SECOND, held=True)], {FIRST: ARCHIVE}, inventory(STORE), {}),
        ([claim(sales(), SECOND, held=True)], {FIRST: ARCHIVE}, inventory(SALES), {}),
        (
            [claim(sales("2"), SECOND, held=True)],
            {FIRST: ARCHIVE},
            inventory(SALES),
            {"data/sales/1": ALL["data/sales/1"]},
        ),
    ],
)
def test_the_table(
    claims: Sequence[Claim], prunable: Mapping[Origin, Sync], known: Inventory, expected: dict[str, object]
) -> None:
    found = plan(claims, HELD, known, prunable)
    assert removals(found) == expected
    for change in found.changes:
        if change.wanted is None and change.action == "none":
            assert (change.record, change.guarded, change.drifted) == (known.assets[change.asset], True, False)


def test_a_datastore_behind_wanted_data_stays() -> None:
    through = claim(sales(path="azureml://datastores/SILVER/paths/x.csv"), SECOND, held=True)
    found = plan([through], HELD, inventory(STORE), {FIRST: ARCHIVE})
    assert removals(found) == {
        "datastores/silver": ("none", [("name", "kept: data that a registration wants lies behind it")])
    }
    table = sales(
        type="mltable",
        path="abfss://container@account.dfs.core.windows.net/a/",
        mltable={},
        write_to="azureml://datastores/silver/paths/t",
    )
    [*_, change] = plan([claim(table, SECOND, held=True)], HELD, inventory(STORE), {FIRST: ARCHIVE}).changes
    assert (change.action, change.guarded, change.drifted) == ("none", True, False)


def test_removals_come_last_and_leave_no_entry() -> None:
    found = plan([claim(sales("2"), FIRST)], workspace(there(), absent=[("sales", "2")]), BOTH, {FIRST: ARCHIVE})
    assert [(change.asset, change.action) for change in found.changes] == [
        ("data/sales/2", "new_version"),
        ("data/sales/1", "archive"),
        ("datastores/silver", "none"),
    ]
    assert found.changes[1].record is None


@pytest.mark.parametrize(
    ("observed", "prunable", "forgotten"),
    [
        (workspace(), {FIRST: ARCHIVE}, {"datastores/silver", "data/sales/1"}),
        (workspace(), {FIRST: Sync()}, {"datastores/silver", "data/sales/1"}),
        (workspace(), {}, set()),
        (workspace(there()), {FIRST: Sync()}, {"data/sales/1"}),
        (workspace(absent=[("sales", "1")]), {FIRST: ARCHIVE}, {"datastores/silver", "data/sales/1"}),
        (workspace(version(archived=True)), {FIRST: ARCHIVE}, {"datastores/silver", "data/sales/1"}),
        (workspace(unlooked={"sales": "2"}, archived=True), {FIRST: ARCHIVE}, {"datastores/silver", "data/sales/1"}),
        (workspace(version()), {FIRST: Sync()}, {"datastores/silver"}),
    ],
)
def test_what_is_gone_and_wanted_by_nobody_is_forgotten(
    observed: Observed, prunable: Mapping[Origin, Sync], forgotten: set[str]
) -> None:
    found = plan([STAYS], observed, BOTH, prunable)
    assert found.forgotten == forgotten
    assert not forgotten & set(removals(found))


def test_what_we_did_not_make_and_nobody_wants_any_more_is_forgotten_and_nobodys() -> None:
    adopted = ("data/sales/1", applied(sales(), made=False))
    found = plan([STAYS], workspace(version()), inventory(adopted), {FIRST: ARCHIVE})
    assert removals(found) == {}
    assert found.forgotten == {"data/sales/1"}
    assert found.unmanaged == ("data/sales",)
    # As long as it may be wanted by one that the run is not about, it stays.
    assert plan([STAYS], workspace(version()), inventory(adopted), {SECOND: ARCHIVE}).forgotten == set()


def test_what_is_wanted_is_not_forgotten() -> None:
    assert plan([claim(store(), SECOND, held=True)], workspace(), inventory(STORE), {FIRST: ARCHIVE}).forgotten == set()


def made(*numbers: int, origin: Origin = FIRST) -> list[tuple[str, Applied]]:
    """Versions, the later the higher."""
    return [(f"data/sales/{n}", applied(sales(str(n)), origin, at=f"2026-01-0{n}")) for n in numbers]


@pytest.mark.parametrize(
    ("claims", "options", "known", "archived"),
    [
        ([claim(sales("4"))], {"keep_versions": 1}, made(1, 2, 3, 4), {1, 2, 3}),
        ([claim(sales("4"))], {"keep_versions": 2}, made(1, 2, 3, 4), {1, 2}),
        ([claim(sales("4"))], {"keep_versions": 4}, made(1, 2, 3, 4), set()),
        ([claim(sales("4"))], {"keep_versions": 2, "prune": "archive"}, made(1, 2, 3, 4), {1, 2}),
        ([claim(sales("4"))], {"prune": "archive"}, made(1, 2, 3, 4), {1, 2, 3}),
        ([claim(sales("4"))], {}, made(1, 2, 3, 4), set()),
        # Those that are wanted come first, however old; they are never archived, be there more of them than are kept.
        ([claim(sales("1"))], {"keep_versions": 2}, made(1, 2, 3, 4), {2, 3}),
        ([claim(sales("1")), claim(sales("2"))], {"keep_versions": 1}, made(1, 2, 3), {3}),
        ([claim(sales("3"), held=True)], {"keep_versions": 1}, made(1, 3), {1}),
        # Other hands' versions are not counted and not touched.
        ([claim(sales("4"))], {"keep_versions": 1}, [*made(1, 4), *made(2, 3, origin=SECOND)], {1}),
        ([claim(sales("4")), claim(sales("1"), SECOND)], {"keep_versions": 1}, made(1, 2, 4), {2}),
        ([claim(sales("4"))], {"keep_versions": 1}, [("data/sales/1", applied(sales(), made=False))], set()),
        # An asset that is not wanted in any version follows `prune`.
        ([STAYS], {"keep_versions": 1}, made(1, 2), set()),
        ([STAYS], {"keep_versions": 1, "prune": "archive"}, made(1, 2), {1, 2}),
        ([claim(sales("4"), SECOND)], {"keep_versions": 1}, made(1, 2), set()),
    ],
)
def test_versions_to_keep(
    claims: Sequence[Claim], options: dict[str, object], known: list[tuple[str, Applied]], archived: set[int]
) -> None:
    wanted = {claim.wanted.id.split("/")[-1] for claim in claims}
    observed = workspace(*[version(number) for number in sorted({*wanted, "1", "2", "3"})])
    found = removals(plan(claims, observed, inventory(*known), {FIRST: Sync(**options)}))  # type: ignore[arg-type]
    assert set(found) == {f"data/sales/{number}" for number in archived}
    old = [("version", OLD)] if "keep_versions" in options and claims != [STAYS] else [("name", UNWANTED)]
    assert all(change == ("archive", old) for change in found.values())


def test_keeping_versions_says_nothing_of_datastores() -> None:
    assert removals(plan([STAYS], HELD, inventory(STORE), {FIRST: Sync(keep_versions=1)})) == {}


def test_a_removal_is_noted_as_about_to_be() -> None:
    """A run that is killed behind it must not take its own archiving for a change in the workspace."""
    intents = {change.asset: change.intent for change in plan([STAYS], HELD, BOTH, {FIRST: ARCHIVE}).changes}
    assert intents["datastores/silver"] == applied(store())
    assert intents["data/sales/1"] == Applied({**SALES[1].fields, "archived": True}, {}, FIRST, True, BEFORE)
    assert intents[ELSEWHERE.id] == applied(ELSEWHERE, SECOND, at=NOW)


def test_what_nobody_wants_and_the_plan_leaves_alone_is_told() -> None:
    observed = workspace(there(name="Stray"), there(), version(name="Other"), version(name="Foreign"))
    wishes = [claim(sales("2", name="FOREIGN", path=ELSEWHERE.path), SECOND, held=True)]
    found = plan(wishes, observed, inventory(STORE), {FIRST: ARCHIVE})
    strays = ("data/Foreign/1", "data/Other", "datastores/Stray")
    assert found.unmanaged == strays, "of what is wanted in another version, the latest one"
    assert plan(wishes, observed, inventory(STORE), {FIRST: Sync()}).unmanaged == strays, "what we made is known"
    assert plan(wishes, observed).unmanaged == (*strays, "datastores/silver")
