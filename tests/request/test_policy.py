"""The policy: one rule must allow a thing whole, and everything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from registration.access.caller import Caller
from registration.access.policy import Access, Action, Policy, Source, parse_policy
from registration.access.policy_watch import PolicyWatch
from shared.watched import WatchedFile

TENANT = "11111111-1111-4111-8111-111111111111"
OWNER = Caller(TENANT, "44444444-4444-4444-8444-444444444444")
REGISTRAR = frozenset({"Registrar"})
WORKSPACE = "6d1f0a4e-0000-4000-8000-000000000001/ml-rg/ml-ws-1"

RULES = f"""
rules:
  - callers: [{{tenant_id: {TENANT}, object_id: {OWNER.object_id}}}]
    actions: [register, plan, read]
    workspaces: ["*/ML-rg/*"]
    assets: ["data/sales_*", "datastores/silver"]
    sources: ["sourcedata/silver/sales/*", "sourcedata/*/shared.csv"]
    secrets: [sp-password]
  - callers: [{{tenant_id: {TENANT}, object_id: {OWNER.object_id}}}]
    actions: [register]
    workspaces: ["*/ml-rg/*"]
    assets: ["data/hr_*"]
    sources: ["hrdata/*"]
"""


def access(asset: str, place: str = "", workspace: str = WORKSPACE, secrets: tuple[str, ...] = ()) -> Access:
    """`place`: account/container/path for data, account/container for a datastore."""
    account, container, path = [*place.split("/", 2), "", ""][:3]
    source = Source(f"{account}/{container}", path or None)
    return Access(workspace, asset, (source,) if place else (), secrets)


def allows(question: Access, action: Action = Action.REGISTER, caller: Caller = OWNER) -> bool:
    return parse_policy(RULES).of(caller, action).allows(question)


def table(file: str, source: str = "sourcedata/silver/sales") -> Access:
    """A table that is read at `source`, and whose file goes to `file`."""
    asked = access("data/sales_x", f"{source}/")
    account, container, path = file.split("/", 2)
    return Access(asked.workspace, asked.asset, asked.sources, writes=(Source(f"{account}/{container}", path),))


WRITES = f"""
  - callers: [{{tenant_id: {TENANT}, object_id: {OWNER.object_id}}}]
    actions: [register]
    workspaces: ["*/*/*"]
    assets: ["data/*"]
    sources: ["sourcedata/silver/sales/*"]
    writes: ["sourcedata/tables/sales_*/MLTable", "sourcedata/tables/all/*"]
"""


def test_what_is_written_is_granted_by_a_part_of_its_own_and_by_the_same_rule() -> None:
    rights = parse_policy(RULES + WRITES).of(OWNER, Action.REGISTER)
    assert rights.allows(table("sourcedata/tables/sales_x/MLTable"))
    assert rights.allows(table("sourcedata/tables/all/a/b/MLTable"))
    for refused in (
        table("sourcedata/tables/MLTable"),
        table("sourcedata/tables/sales_x/deep/MLTable"),
        table("sourcedata/silver/sales/MLTable"),
    ):
        assert not rights.allows(refused)
        assert "(writes)" in rights.why_not(refused)
    elsewhere = table("sourcedata/tables/all/MLTable", "hrdata/silver")
    assert not rights.allows(elsewhere)
    assert "(sources)" in rights.why_not(elsewhere)


def test_nothing_is_written_by_default() -> None:
    rights = parse_policy(RULES).of(OWNER, Action.REGISTER)
    assert not rights.allows(table("sourcedata/silver/sales/MLTable"))
    assert "(writes)" in rights.why_not(table("sourcedata/silver/sales/MLTable"))


@pytest.mark.parametrize(
    "question",
    [
        access("data/sales_2026", "sourcedata/silver/sales/a/b.csv"),
        access("data/SALES_2026", "sourcedata/silver/sales/a.csv"),
        access("data/sales_x", "sourcedata/gold/shared.csv"),
        access("datastores/silver", "sourcedata/silver"),
        access("datastores/silver", "sourcedata/silver", secrets=("sp-password", "SP-Password")),
        access("data/hr_people", "hrdata/any/where.csv"),
    ],
)
def test_what_a_rule_allows(question: Access) -> None:
    assert allows(question)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (access("data/hr_people", "sourcedata/silver/sales/a.csv"), "sources"),
        (access("data/sales_x", "hrdata/any/where.csv"), "sources"),
        (access("data/marketing", "sourcedata/silver/sales/a.csv"), "data/marketing"),
        (access("data/sales_x", "sourcedata/silver/salesman/a.csv"), "sources"),
        (access("data/sales_x", "sourcedata/silver/SALES/a.csv"), "sources"),
        (access("data/sales_x", "sourcedata/silver/%73ales/a.csv"), "sources"),
        (access("data/sales_x", "sourcedata/a/b/shared.csv"), "sources"),
        (access("datastores/silver", "otherdata/silver"), "sources"),
        (access("datastores/gold", "sourcedata/silver"), "datastores/gold"),
        (access("datastores/silver", "sourcedata/silver", secrets=("admin-password",)), "secrets"),
        (access("data/hr_people", "hrdata/x/y", secrets=("sp-password",)), "secrets"),
        (access("data/sales_x", "sourcedata/silver/sales/a", WORKSPACE.replace("ml-rg", "rg")), "workspace"),
        (access("data/sales_x", "sourcedata/silver/sales/a", "s/x/ml-rg/y"), "workspace"),
    ],
)
def test_what_no_single_rule_allows_whole_is_refused_with_what_is_missing(question: Access, says: str) -> None:
    rights = parse_policy(RULES).of(OWNER, Action.REGISTER)
    assert not rights.allows(question)
    assert says in rights.why_not(question)


def test_a_folder_is_inside_a_prefix_that_names_it() -> None:
    folder = Source("sourcedata/silver", "sales", folder=True)
    rights = parse_policy(RULES).of(OWNER, Action.REGISTER)
    assert rights.allows(Access(WORKSPACE, "data/sales_x", (folder,)))
    assert not rights.allows(Access(WORKSPACE, "data/sales_x", (Source("sourcedata/silver", "", folder=True),)))


def test_only_the_actions_that_are_named() -> None:
    question = access("data/hr_people", "hrdata/x/y")
    assert allows(question, Action.REGISTER)
    assert not any(allows(question, action) for action in Action if action is not Action.REGISTER)


@pytest.mark.parametrize(
    ("pattern", "caller", "matches"),
    [
        (f"object_id: {OWNER.object_id}", OWNER, True),
        (f"object_id: {OWNER.object_id.upper()}", OWNER, True),
        (f"object_id: {OWNER.object_id}", Caller(OWNER.object_id, OWNER.object_id), False),
        (f"client_id: {TENANT}", Caller(TENANT, OWNER.object_id, TENANT), True),
        (f"client_id: {TENANT}", OWNER, False),
        ("role: Registrar", Caller(TENANT, TENANT, None, REGISTRAR), True),
        ("role: Registrar", Caller(TENANT, TENANT, None, frozenset({"registrar"})), False),
        (
            f"role: Registrar, object_id: {TENANT}",
            Caller(TENANT, OWNER.object_id, None, frozenset({"Registrar"})),
            False,
        ),
    ],
)
def test_every_part_of_a_caller_must_match(pattern: str, caller: Caller, matches: bool) -> None:
    rule = f"callers: [{{tenant_id: {TENANT}, {pattern}}}], actions: [read], workspaces: ['*/*/*'], assets: ['*/*']"
    text = f"rules: [{{{rule}}}]"
    assert parse_policy(text).of(caller, Action.READ).allows(access("data/x")) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [{callers: [{tenant_id: x}], actions: [read]}]", "GUID"),
        (f"rules: [{{callers: [{{tenant_id: {TENANT}}}], actions: [read]}}]", "object_id, client_id or role"),
        ("rules: [{callers: [], actions: [fly]}]", "rules.0.actions.0"),
        ("rules: [{callers: [], actions: [], colour: blue}]", "rules.0.colour"),
        ("rules: 5", "rules"),
        ("- x", "a list"),
        ("rules: [", "not YAML"),
    ],
)
def test_an_invalid_policy_says_where(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_policy(text)


class Text:
    """A policy's text that a test can change."""

    def __init__(self, text: str) -> None:
        self.text: str | None = text

    def changed(self) -> str | None:
        if self.text == "gone":
            raise FileNotFoundError(2, "No such file")
        return self.text


def test_a_policy_is_read_again_and_the_last_good_one_stays() -> None:
    text, now = Text("rules: ["), [0.0]
    watch = PolicyWatch(text, 30, lambda: now[0])
    assert watch.current() == Policy()
    assert "every request is refused" in (watch.problem or "")
    text.text = RULES
    assert watch.current() == Policy()
    now[0] = 31
    good = watch.current()
    assert len(good.rules) == 2
    assert watch.problem is None
    for broken in ("rules: 5", "gone"):
        text.text, now[0] = broken, now[0] + 31
        assert watch.current() == good
        assert "last good one stays" in (watch.problem or "")


def test_a_policy_that_is_invalid_is_told_until_it_is_mended(tmp_path: Path) -> None:
    """At each look, though its text is given once: a file or blob that did not change says so."""
    file, now = tmp_path / "policy.yml", [0.0]
    file.write_text(RULES)
    watch = PolicyWatch(WatchedFile(str(file)), 30, lambda: now[0])
    good = watch.current()
    file.write_text("rules: 5")
    for _ in range(3):
        now[0] += 31
        assert watch.current() == good
        assert "the policy is invalid" in (watch.problem or "")
    file.unlink()
    now[0] += 31
    watch.current()
    assert "cannot be read" in (watch.problem or "")
    file.write_text("rules: [5]")
    now[0] += 31
    watch.current()
    assert "the policy is invalid" in (watch.problem or "")
    file.write_text(RULES)
    now[0] += 31
    assert watch.current() == good
    assert watch.problem is None
