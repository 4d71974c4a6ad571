"""The plan: three sides compared, each difference with its reason. Pure, so every case is a line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.plan import WRITES, Action, Applied, Change, Desired, Reason, WantedDatastore, make_plan
from shared.assets import Data, KeyVaultSecret, Observed, ObservedData, ObservedDatastore, ServicePrincipal
from shared.datastores import LakeDatastore

TENANT = "11111111-1111-4111-8111-111111111111"
SECRET = KeyVaultSecret(key_vault_secret="sp-password")
PRINCIPAL = ServicePrincipal(tenant_id=TENANT, client_id=TENANT, client_secret=SECRET)


def datastore(**fields: Any) -> LakeDatastore:
    given = {"name": "silver", "type": "azure_data_lake_gen2", "account_name": "sourcedata", "filesystem": "silver"}
    return LakeDatastore(**{**given, **fields})


def held(**fields: Any) -> ObservedDatastore:
    given = {"account_name": "sourcedata", "filesystem": "silver", "credentials": "None", "tags": {}}
    name, kind = fields.pop("name", "silver"), fields.pop("type", "azure_data_lake_gen2")
    return ObservedDatastore(name=name, type=kind, fields={**given, **fields})


def plan_of(wanted: WantedDatastore, found: ObservedDatastore | None = None, applied: Applied | None = None) -> Change:
    observed = Observed(datastores={} if found is None else {found.name.lower(): found})
    inventory = {} if applied is None else {wanted.datastore.id.lower(): applied}
    [change] = make_plan(Desired((wanted,)), inventory, observed)
    return change


PLAIN = WantedDatastore(datastore())
KNOWN = Applied(PLAIN.fields())
SIGNED = WantedDatastore(
    datastore(credentials=PRINCIPAL), {"tenant_id": TENANT, "client_id": TENANT}, {"client_secret": "kv/secrets/sp/2"}
)
SIGNED_HELD = held(credentials="ServicePrincipal", tenant_id=TENANT, client_id=TENANT)


@pytest.mark.parametrize(
    ("wanted", "found", "applied", "action", "reasons"),
    [
        (PLAIN, None, None, Action.CREATE, [("name", "missing")]),
        (PLAIN, None, KNOWN, Action.CREATE, [("name", "missing")]),
        (PLAIN, held(), None, Action.ADOPT, []),
        (PLAIN, held(), KNOWN, Action.NONE, []),
        (PLAIN, held(name="SILVER"), KNOWN, Action.NONE, []),
        (PLAIN, held(filesystem="gold"), None, Action.UPDATE, [("filesystem", "differs")]),
        (PLAIN, held(filesystem="gold"), KNOWN, Action.UPDATE, [("filesystem", "changed in workspace")]),
        (
            WantedDatastore(datastore(filesystem="gold")),
            held(),
            KNOWN,
            Action.UPDATE,
            [("filesystem", "changed in registration")],
        ),
        (PLAIN, SIGNED_HELD, KNOWN, Action.UPDATE, [("credentials", "changed in workspace")]),
        (PLAIN, held(type="azure_blob"), None, Action.CONFLICT, [("type", "immutable")]),
        (PLAIN, held(type="QuantumLake"), KNOWN, Action.CONFLICT, [("type", "immutable")]),
        (PLAIN, held(description="mine", tags={"a": "b"}), KNOWN, Action.NONE, []),
        (WantedDatastore(datastore(tags={})), held(tags={"a": "b"}), None, Action.UPDATE, [("tags", "differs")]),
        (
            WantedDatastore(datastore(description="ours")),
            held(),
            None,
            Action.UPDATE,
            [("description", "differs")],
        ),
        (SIGNED, SIGNED_HELD, None, Action.UPDATE, [("client_secret", "secret unknown")]),
        (
            SIGNED,
            SIGNED_HELD,
            Applied(SIGNED.fields(), {"client_secret": "kv/secrets/sp/1"}),
            Action.UPDATE,
            [("client_secret", "secret rotated")],
        ),
        (SIGNED, SIGNED_HELD, Applied(SIGNED.fields(), SIGNED.secrets), Action.NONE, []),
        (
            SIGNED,
            held(credentials="AccountKey"),
            Applied(SIGNED.fields(), SIGNED.secrets),
            Action.UPDATE,
            [
                ("credentials", "changed in workspace"),
                ("tenant_id", "changed in workspace"),
                ("client_id", "changed in workspace"),
            ],
        ),
    ],
)
def test_datastores(
    wanted: WantedDatastore,
    found: ObservedDatastore | None,
    applied: Applied | None,
    action: Action,
    reasons: list[tuple[str, str]],
) -> None:
    change = plan_of(wanted, found, applied)
    assert (change.action, [(reason.field, reason.reason) for reason in change.reasons]) == (action, reasons)


def sales(**fields: Any) -> Data:
    return Data(**{"name": "sales", "type": "uri_file", "path": "azureml://datastores/silver/paths/s.csv", **fields})


def version(**fields: Any) -> ObservedData:
    return ObservedData(**{**sales().model_dump(include={"name", "type", "path"}), "version": "1", **fields})


@pytest.mark.parametrize(
    ("found", "known", "action", "reasons"),
    [
        (None, False, Action.CREATE, ["missing"]),
        (version(version="2"), False, Action.NEW_VERSION, ["missing"]),
        (version(), False, Action.ADOPT, []),
        (version(name="SALES"), True, Action.NONE, []),
        (version(path="azureml://datastores/silver/paths/other.csv"), True, Action.CONFLICT, ["immutable"]),
        (version(type="uri_folder"), False, Action.CONFLICT, ["immutable"]),
        (version(description="mine", tags={"a": "b"}), True, Action.NONE, []),
        (version(archived=True), True, Action.NONE, []),
    ],
)
def test_data(found: ObservedData | None, known: bool, action: Action, reasons: list[str]) -> None:
    observed = Observed()
    if found is not None:
        key = (found.name.lower(), found.version.lower())
        observed = Observed(names=frozenset({found.name.lower()}), data={key: found})
    inventory = {"data/sales/1": Applied({})} if known else {}
    [change] = make_plan(Desired(data=(sales(version="1"),)), inventory, observed)
    assert (change.action, [reason.reason for reason in change.reasons]) == (action, reasons)


def test_data_without_a_version_is_no_plan() -> None:
    with pytest.raises(ValueError, match="no version"):
        make_plan(Desired(data=(sales(),)), {}, Observed())


def test_a_reason_shows_both_sides_but_never_a_secret() -> None:
    change = plan_of(SIGNED, held(filesystem="gold"), Applied(SIGNED.fields(), {"client_secret": "old"}))
    shown = {reason.field: reason.as_json() for reason in change.reasons}
    assert shown["filesystem"]["found"] == "gold"
    assert shown["filesystem"]["wanted"] == "silver"
    assert shown["client_secret"] == {"field": "client_secret", "reason": "secret rotated"}
    assert Reason("x", "y").as_json() == {"field": "x", "reason": "y"}


names = st.sampled_from(["silver", "gold", "Silver"])
containers = st.sampled_from(["silver", "gold"])


@given(
    wanted=st.builds(lambda name, filesystem: datastore(name=name, filesystem=filesystem), names, containers),
    found=st.none() | st.builds(lambda name, filesystem: held(name=name, filesystem=filesystem), names, containers),
)
def test_a_plan_that_was_carried_out_plans_nothing_more(wanted: LakeDatastore, found: ObservedDatastore | None) -> None:
    want = WantedDatastore(wanted)
    change = plan_of(want, found)
    if change.action in WRITES:
        found = held(name=wanted.name, account_name=wanted.account_name, filesystem=wanted.filesystem)
    again = plan_of(want, found, change.applied())
    assert again.action is Action.NONE
    assert again.reasons == ()
