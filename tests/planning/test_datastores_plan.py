"""The plan for datastores: three sides compared, each difference with its reason. A line each."""

from __future__ import annotations

import pytest

from registration.plan import Applied, Sync, WantedDatastore
from shared.assets import ObservedDatastore
from tests.planning.parts import (
    BEFORE,
    FIRST,
    NOW,
    OTHER,
    SECOND,
    applied,
    claim,
    from_vault,
    inventory,
    one,
    plan,
    signed,
    store,
    there,
    there_signed,
    told,
    workspace,
)

PLAIN, KNOWN = store(), applied(store())
MISSING, ROTATED = ("name", "missing"), ("client_secret", "secret rotated")
WRITTEN_OVER = "changed in workspace, and written over with the rest"


def changed(*fields: str, by: str = "workspace") -> list[tuple[str, str]]:
    return [(field, f"changed in {by}") for field in fields]


@pytest.mark.parametrize(
    ("wanted", "found", "known", "action", "reasons"),
    [
        (PLAIN, None, None, "create", [MISSING]),
        (PLAIN, None, KNOWN, "create", [MISSING]),
        (PLAIN, there(), None, "adopt", []),
        (PLAIN, there(), KNOWN, "none", []),
        (PLAIN, there(name="SILVER"), KNOWN, "none", []),
        (store(name="SILVER"), there(), None, "adopt", []),
        (PLAIN, there(filesystem="gold"), None, "update", [("filesystem", "differs")]),
        (PLAIN, there(filesystem="gold"), KNOWN, "update", changed("filesystem")),
        (store(filesystem="gold"), there(), KNOWN, "update", changed("filesystem", by="registration")),
        (store(filesystem="gold"), there(filesystem="gold"), KNOWN, "none", []),
        (store(filesystem="gold"), there(filesystem="raw"), KNOWN, "update", changed("filesystem", by="registration")),
        (PLAIN, there_signed(), KNOWN, "update", changed("credentials")),
        (PLAIN, there(type="azure_blob"), None, "conflict", [("type", "immutable")]),
        (PLAIN, there(type="QuantumLake"), KNOWN, "conflict", [("type", "immutable")]),
        # What is left out is not managed; what is empty is.
        (PLAIN, there(description="mine", tags={"a": "b"}, protocol="https"), KNOWN, "none", []),
        (store(tags={}), there(tags={"a": "b"}), None, "update", [("tags", "differs")]),
        (store(tags={"a": ""}), there(tags={"a": None}), None, "adopt", []),
        (store(description=""), there(), None, "adopt", []),
        (store(description=""), there(description="mine"), KNOWN, "update", [("description", "differs")]),
        (store(protocol="https"), there(), KNOWN, "update", [("protocol", "differs")]),
        # Secrets cannot be read, so their versions are compared with those that were written.
        (signed(), there_signed(), None, "update", [("client_secret", "secret unknown")]),
        (signed(), there_signed(), applied(signed("1")), "update", [ROTATED]),
        (signed(), there_signed(), applied(signed()), "none", []),
        (
            signed(),
            there(credentials="AccountKey"),
            applied(signed()),
            "update",
            changed("credentials", "tenant_id", "client_id"),
        ),
        # Values that came from a vault are compared, and known by the version of their secret.
        (from_vault(), there_signed(), applied(from_vault()), "none", []),
        (from_vault(), there_signed(), applied(from_vault(version="0")), "none", []),
        (from_vault(), there_signed(client_id=OTHER), applied(from_vault()), "update", changed("client_id")),
        (
            from_vault(OTHER, "2"),
            there_signed(),
            applied(from_vault()),
            "update",
            [("client_id", "secret rotated")],
        ),
        (
            from_vault(),
            there_signed(client_id=OTHER),
            None,
            "update",
            [("client_id", "differs"), ("client_secret", "secret unknown")],
        ),
    ],
)
def test_the_table(
    wanted: WantedDatastore,
    found: ObservedDatastore | None,
    known: Applied | None,
    action: str,
    reasons: list[tuple[str, str]],
) -> None:
    change = one(wanted, workspace(*[] if found is None else [found]), known)
    assert told(change) == (action, reasons)


TAGGED = store(tags={"a": "b"})


@pytest.mark.parametrize(
    ("wanted", "found", "known", "action", "reasons"),
    [
        (PLAIN, None, None, "create", [MISSING]),
        (PLAIN, None, KNOWN, "none", [MISSING]),
        (PLAIN, there(filesystem="gold"), None, "update", [("filesystem", "differs")]),
        (PLAIN, there(filesystem="gold"), KNOWN, "none", changed("filesystem")),
        (store(filesystem="gold"), there(), KNOWN, "update", changed("filesystem", by="registration")),
        (store(filesystem="gold"), None, KNOWN, "none", [MISSING]),
        (PLAIN, there(type="azure_blob"), KNOWN, "conflict", [("type", "immutable")]),
        (
            store(filesystem="gold", tags={"a": "b"}),
            there(tags={"c": "d"}),
            applied(TAGGED),
            "update",
            [*changed("filesystem", by="registration"), ("tags", WRITTEN_OVER)],
        ),
        (signed(), there_signed(), applied(signed("1")), "update", [ROTATED]),
        (
            signed(tags={"a": "b"}),
            there_signed(tags={"c": "d"}),
            applied(signed("1", tags={"a": "b"})),
            "update",
            [("tags", WRITTEN_OVER), ROTATED],
        ),
        (from_vault(), there_signed(client_id=OTHER), applied(from_vault()), "none", changed("client_id")),
        (from_vault(OTHER, "2"), there_signed(), applied(from_vault()), "update", [("client_id", "secret rotated")]),
        (
            from_vault(),
            there(credentials="AccountKey"),
            applied(from_vault()),
            "none",
            changed("credentials", "tenant_id", "client_id"),
        ),
    ],
)
def test_drift_that_is_only_reported(
    wanted: WantedDatastore,
    found: ObservedDatastore | None,
    known: Applied | None,
    action: str,
    reasons: list[tuple[str, str]],
) -> None:
    change = one(wanted, workspace(*[] if found is None else [found]), known, drift="report")
    assert told(change) == (action, reasons)
    assert change.drifted is (action == "none")


@pytest.mark.parametrize(
    ("wanted", "found", "known", "ignore", "action"),
    [
        (TAGGED, None, None, ("tags",), "create"),
        (TAGGED, there(tags={"c": "d"}), applied(TAGGED), ("tags",), "none"),
        (TAGGED, there(tags={"c": "d"}), None, ("tags",), "adopt"),
        (TAGGED, there(tags={"c": "d"}), applied(TAGGED), ("description",), "update"),
        (signed(), there_signed(), applied(signed("1")), ("client_secret",), "none"),
        (signed(), there_signed(), None, ("client_secret",), "adopt"),
        (signed(), there_signed(client_id=OTHER), applied(signed()), ("client_id",), "none"),
        (signed(), there_signed(client_id=OTHER), applied(signed()), ("tenant_id",), "update"),
        (signed(), there(credentials="AccountKey"), applied(signed("1")), ("credentials",), "none"),
        (signed(), there(filesystem="gold"), applied(signed()), ("credentials",), "update"),
    ],
)
def test_ignored_fields(
    wanted: WantedDatastore,
    found: ObservedDatastore | None,
    known: Applied | None,
    ignore: tuple[str, ...],
    action: str,
) -> None:
    change = one(wanted, workspace(*[] if found is None else [found]), known, ignore=ignore)
    assert change.action == action
    assert change.record is not None
    assert not set(ignore) & set(change.record.fields)


def test_an_ignored_secret_that_was_not_written_is_not_taken_for_written() -> None:
    """Once it is no longer ignored, its rotation shows."""
    rotated, found, ignore = signed("2"), workspace(there_signed()), ("client_secret",)
    kept = one(rotated, found, applied(signed("1")), ignore=ignore).record
    assert kept is not None
    assert told(one(rotated, found, kept)) == ("update", [ROTATED])
    adopted = one(rotated, found, ignore=ignore).record
    assert adopted is not None
    assert told(one(rotated, found, adopted)) == ("update", [("client_secret", "secret unknown")])
    written = one(rotated, workspace(there_signed(filesystem="gold")), applied(signed("1")), ignore=ignore).record
    assert written is not None
    assert told(one(rotated, found, written)) == ("none", [])


def test_what_was_there_as_wanted_while_another_field_had_drifted_drifts_later() -> None:
    """It was managed from then on; its later change is one in the workspace, not a difference from a stranger's."""
    wanted = store(tags={"a": "b"}, description="ours")
    first = one(wanted, workspace(there(tags={}, description="ours")), applied(TAGGED), drift="report")
    assert told(first) == ("none", changed("tags"))
    later = one(wanted, workspace(there(tags={}, description="mine")), first.record, drift="report")
    assert told(later) == ("none", changed("description", "tags"))


@pytest.mark.parametrize(
    ("found", "known", "record"),
    [
        (None, None, (FIRST, True, NOW)),
        (None, applied(PLAIN, made=False), (FIRST, True, NOW)),
        (there(), None, (FIRST, False, NOW)),
        (there(filesystem="gold"), None, (FIRST, False, NOW)),
        (there(), KNOWN, (FIRST, True, BEFORE)),
        (there(filesystem="gold"), KNOWN, (FIRST, True, BEFORE)),
        (there(), applied(PLAIN, made=False), (FIRST, False, BEFORE)),
        (there(), applied(PLAIN, SECOND), (FIRST, False, BEFORE)),
        (there(), applied(PLAIN, None), (FIRST, False, BEFORE)),
        (there(type="azure_blob"), KNOWN, (FIRST, True, BEFORE)),
    ],
)
def test_who_made_it_is_kept(
    found: ObservedDatastore | None, known: Applied | None, record: tuple[object, bool, str]
) -> None:
    change = one(PLAIN, workspace(*[] if found is None else [found]), known)
    assert change.record is not None
    assert (change.record.origin, change.record.made, change.record.at) == record


def test_a_conflict_with_what_we_do_not_know_is_not_recorded() -> None:
    assert one(PLAIN, workspace(there(type="azure_blob"))).record is None


def test_nothing_from_a_vault_is_recorded_or_shown() -> None:
    change = one(
        from_vault(), workspace(there_signed(client_id=OTHER, filesystem="gold")), applied(from_vault("x", "0"))
    )
    shown = {reason.field: reason.as_json() for reason in change.reasons}
    assert shown["filesystem"]["found"] == "gold"
    assert shown["filesystem"]["wanted"] == "silver"
    assert shown["client_id"] == {"field": "client_id", "reason": "secret rotated"}
    assert change.record is not None
    assert "client_id" not in change.record.fields
    assert change.record.fields["tenant_id"] == from_vault().principal["tenant_id"]


def test_an_asset_that_is_held_is_left_alone() -> None:
    found = workspace(there(filesystem="gold"))
    held = plan([claim(PLAIN, held=True)], found, inventory((PLAIN.id, KNOWN)), {FIRST: Sync(prune="archive")})
    assert held.changes == ()
    assert held.unmanaged == ()
