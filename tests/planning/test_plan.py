"""The plan as a whole: its order, and what a reason shows."""

from __future__ import annotations

from registration.plan import REMOVALS, WRITES, Action, Reason, Sync, Why
from tests.planning.parts import (
    FIRST,
    SECOND,
    applied,
    claim,
    inventory,
    one,
    plan,
    sales,
    signed,
    store,
    there,
    there_signed,
    workspace,
)


def test_datastores_come_first_then_data_then_removals() -> None:
    wishes = [
        claim(sales(name="a"), FIRST),
        claim(store(name="b"), FIRST),
        claim(sales(name="A", tags={"a": "b"}), SECOND),
        claim(store(name="a"), SECOND),
        claim(store(name="B", filesystem="gold"), SECOND),
    ]
    known = inventory(("datastores/old", applied(store(name="old"))))
    changes = plan(wishes, workspace(there(name="old")), known, {FIRST: Sync(prune="archive")}).changes
    assert [(change.asset, change.origin.name) for change in changes] == [
        ("datastores/b", "first"),
        ("datastores/B", "second"),
        ("datastores/a", "second"),
        ("data/a/1", "first"),
        ("datastores/old", "first"),
    ]
    assert len({change.key for change in changes}) == len(changes)


def test_nothing_wanted_and_nothing_known_is_nothing_to_do() -> None:
    found = plan([], workspace(there()))
    assert (found.changes, found.forgotten, found.unmanaged) == ((), frozenset(), ("datastores/silver",))


def test_a_reason_shows_both_sides_but_never_a_secret() -> None:
    change = one(signed(), workspace(there_signed(filesystem="gold")), applied(signed("1")))
    assert [reason.as_json() for reason in change.reasons] == [
        {"field": "filesystem", "reason": "changed in workspace", "found": "gold", "wanted": "silver"},
        {"field": "client_secret", "reason": "secret rotated"},
    ]
    assert Reason("archived", Why.IN_WORKSPACE, True, False).as_json()["wanted"] is False


def test_which_actions_write() -> None:
    assert {Action.CREATE, Action.UPDATE, Action.NEW_VERSION} == WRITES - REMOVALS
    assert set(Action) - WRITES == {Action.ADOPT, Action.CONFLICT, Action.NONE}
