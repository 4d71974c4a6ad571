"""A plan as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest

from registration.plan import Action as Planned
from registration.plan import Change, Origin, Reason, Why
from registration.views.rendering import plan_text
from registration.work.verdicts import denied, failed, planned, settled, suspended

TEXT = """\
Registration sales-silver, generation 3

s/ml-rg/ws-1
  ~ update          datastores/silver
      description    "old"  -> "new"  changed in workspace
      account_name   (none) -> "x"    changed in registration
      client_secret                   secret rotated
  + create          data/a/1
      version  missing
  + new version     data/b/2  (other)
      version  missing
  - archive         data/c/1
      version  older than the versions to keep
  ! conflict        data/d/1
      the registration first came first
      Conflict: Another registration has it.
  = adopt           data/e/1
  ? drifted         data/f/1
      tags  {"a": "2", "b": "1"} -> {"a": "1"}  changed in workspace
  ! not authorized  data/g/1
      NotAuthorized: No rule.
  unmanaged: data/stray, datastores/old
  2 unchanged, 1 suspended

s/ml-rg/ws-2
  ! AzureRefused: There is no such workspace.

s/ml-rg/ws-3
  1 unchanged

s/ml-rg/ws-4
  nothing to do

Warnings:
  A selector finds no workspace.

Plan: 2 to create, 1 to update, 1 to archive, 0 to delete, 1 to adopt, 1 conflict, 1 not authorized, \
1 workspace failed; 3 unchanged, 1 drifted, 1 suspended.
"""


def change(
    asset: str, action: str, outcome: str = "planned", *reasons: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    found = {"asset": asset, "registration": "sales-silver", "action": action, "outcome": outcome, **fields}
    return {**found, "reasons": list(reasons)} if reasons else found


def reason(field: str, why: str, *values: Any) -> dict[str, Any]:
    return {"field": field, "reason": why, **dict(zip(("found", "wanted"), values, strict=False))}


MISSING = reason("version", "missing")


def test_a_plan_is_read_from_top_to_bottom() -> None:
    first = [
        change(
            "datastores/silver",
            "update",
            "planned",
            reason("description", "changed in workspace", "old", "new"),
            reason("account_name", "changed in registration", None, "x"),
            reason("client_secret", "secret rotated"),
        ),
        change("data/a/1", "create", "planned", MISSING),
        change("data/b/2", "new_version", "planned", MISSING, registration="other"),
        change("data/c/1", "archive", "planned", reason("version", "older than the versions to keep")),
        change(
            "data/d/1",
            "conflict",
            "conflict",
            conflictsWith="first",
            error={"code": "Conflict", "message": "Another registration has it."},
        ),
        change("data/e/1", "adopt"),
        change("data/f/1", "none", "drifted", reason("tags", "changed in workspace", {"b": "1", "a": "2"}, {"a": "1"})),
        change("data/g/1", "create", "notAuthorized", error={"code": "NotAuthorized", "message": "No rule."}),
        change("data/h/1", "none", "unchanged"),
        change("data/i/1", "none", "unchanged"),
        change("data/j/1", "none", "suspended"),
    ]
    lost = {"code": "AzureRefused", "message": "There is no such workspace."}
    body = {
        "registration": {"name": "sales-silver", "generation": 3},
        "warnings": ["A selector finds no workspace."],
        "workspaces": [
            {"workspace": "s/ml-rg/ws-1", "changes": first, "unmanaged": ["data/stray", "datastores/old"]},
            {"workspace": "s/ml-rg/ws-2", "outcome": "failed", "error": lost, "changes": []},
            {"workspace": "s/ml-rg/ws-3", "changes": [change("data/a/1", "none", "unchanged")]},
            {"workspace": "s/ml-rg/ws-4", "changes": []},
        ],
    }
    assert plan_text(body) == plan_text(body) == TEXT


@pytest.mark.parametrize(
    ("actions", "line"),
    [
        ([], "Plan: 0 to create, 0 to update, 0 to archive, 0 to delete, 0 conflicts; 0 unchanged."),
        (
            ["create", "new_version", "update", "archive", "conflict", "none", "none", "none"],
            "Plan: 2 to create, 1 to update, 1 to archive, 0 to delete, 1 conflict; 3 unchanged.",
        ),
        (
            ["delete", "delete", "conflict", "conflict"],
            "Plan: 0 to create, 0 to update, 0 to archive, 2 to delete, 2 conflicts; 0 unchanged.",
        ),
    ],
)
def test_the_last_line_sums_up(actions: list[str], line: str) -> None:
    outcomes = {"conflict": "conflict", "none": "unchanged"}
    changes = [change(f"data/d{n}/1", it, outcomes.get(it, "planned")) for n, it in enumerate(actions)]
    text = plan_text({"workspaces": [{"workspace": "s/g/w", "changes": changes}]})
    assert text.endswith(f"\n{line}\n")
    assert text.startswith("What is stored, against what the workspaces hold\n")


@pytest.mark.parametrize("sign", ["\x1b[31m", "\r", "\n", "\x7f", "\x9b", "\u202e", "\u2028", "\t"])
def test_nothing_that_others_wrote_reaches_the_terminal_as_a_control_character(sign: str) -> None:
    bad = f"a{sign}b"
    error = {"code": bad, "message": bad}
    one = change(bad, "update", "planned", reason(bad, bad, bad, {bad: bad}), registration=bad, conflictsWith=bad)
    body = {
        "registration": {"name": bad, "generation": bad},
        "warnings": [bad],
        "workspaces": [{"workspace": bad, "error": error, "changes": [{**one, "error": error}], "unmanaged": [bad]}],
        "nextLink": bad,
    }
    text = plan_text(body)
    assert sign not in text.replace("\n", "") if sign != "\n" else "a\nb" not in text
    assert text.replace("\n", "").isprintable()


def test_what_the_engine_says_of_a_dry_run_is_understood() -> None:
    """Every verdict that a plan can have, in the engine's own form."""
    origin = Origin("sales", "2026-01-01")
    made = [
        *(planned(Change(f"data/{it.value}/1", it, origin)) for it in Planned),
        settled(Change("data/drifted/1", Planned.NONE, origin, reasons=(Reason("tags", Why.IN_WORKSPACE, "a", "b"),))),
        settled(Change("data/kept/1", Planned.NONE, origin, reasons=(Reason("name", Why.GUARDED),))),
        denied("data/denied/1", "sales", "no rule"),
        failed("data/failed/1", "sales", "SecretNotFound", "There is no such secret."),
        suspended("data/suspended/1", "sales"),
    ]
    text = plan_text({"workspaces": [{"workspace": "s/g/w", "changes": [it.as_json() for it in made]}]})
    assert text.endswith(
        "Plan: 2 to create, 1 to update, 1 to archive, 1 to delete, 1 to adopt, 1 conflict, 1 failed, "
        "1 not authorized; 1 unchanged, 1 drifted, 1 kept, 1 suspended.\n"
    )


def test_a_page_says_where_it_goes_on() -> None:
    text = plan_text({"workspaces": [], "nextLink": "https://registrar.test/api/operations/1/result?skip=3"})
    assert "the next page: https://registrar.test/api/operations/1/result?skip=3" in text
