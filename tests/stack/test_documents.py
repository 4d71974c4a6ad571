"""README and docs say what is so: links lead somewhere, the settings are the settings, the requests are taken."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from local.azurite import ROOT
from registration.access.policy import Action as Permission
from registration.access.policy import parse_policy
from registration.plan import Action, Sync, Why
from registration.records.outcomes import Outcome, Verdict
from registration.request.document import parse_registration
from registration.request.original import as_registration, is_original
from registration.wiring import utc_now
from shared.settings import DEFAULT_RECONCILE_SCHEDULE, DEFAULT_SWEEP_SCHEDULE, Settings
from tests.support import LocalStack, eventually

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
VAULTS = ("https://kv-one.vault.azure.net",)


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text())
    for path, heading in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not heading or heading in headings(target), f"{path}#{heading}"


def headings(page: Path) -> set[str]:
    """As GitHub names them in links."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_settings_are_documented_with_their_defaults() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\|", text, re.MULTILINE))
    known = [field.metadata for field in Settings.__dataclass_fields__.values()]
    assert {field["name"]: field["default"] or "" for field in known}.items() <= rows.items()
    for name, default in (
        ("RECONCILE_SCHEDULE", DEFAULT_RECONCILE_SCHEDULE),
        ("SWEEP_SCHEDULE", DEFAULT_SWEEP_SCHEDULE),
    ):
        assert re.search(rf"^\| `{name}` \|.*`{re.escape(default)}`", text, re.MULTILINE)


def test_the_design_names_every_module() -> None:
    text = (ROOT / "docs" / "design.md").read_text()
    rooms = text[text.index("## Rooms") : text.index("## One road")]
    named = re.findall(r"(?<![\w/])(\w+(?:\.py|/))", rooms)
    rooms_of_registration = [path.parent for path in (ROOT / "registration").glob("*/__init__.py")]
    for folder in (ROOT / "registration", *rooms_of_registration, ROOT / "shared"):
        if folder.name == "triggers":  # one for each noun, as the line says
            continue
        modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        modules += [f"{path.parent.name}/" for path in folder.glob("*/__init__.py")]
        assert [name for name in modules if name not in named] == []
    there = {path.name for top in ("registration", "shared") for path in (ROOT / top).rglob("*.py")}
    assert [name for name in named if name.endswith(".py") and name not in there | {"function_app.py"}] == []


def column(page: str, head: str) -> list[list[str]]:
    """For each row of a table, what its first column sets as code; the table that begins with `head`."""
    text = (ROOT / "docs" / page).read_text()
    table = text[text.index(head) :].split("\n\n", 1)[0]
    return [re.findall(r"`([^`]+)`", line.split(" | ")[0]) for line in table.split("\n")[2:]]


def test_the_plan_and_its_options_are_documented() -> None:
    assert {name for [name] in column("desired-state.md", "| action | when |")} == set(Action)
    reasons = (ROOT / "docs" / "desired-state.md").read_text()
    assert [why for why in Why if f"`{why}`" not in reasons] == []
    options = [re.split("[: ]", names[0])[0] for names in column("desired-state.md", "| option | default |")]
    assert options == [field.name for field in fields(Sync)]
    assert {name for [name] in column("policy.md", "| action | lets a caller |")} == set(Permission)


def test_the_outcomes_are_documented() -> None:
    workspaces = {name for names in column("api.md", "| outcome of a workspace |") for name in names}
    assert workspaces == set(Outcome)
    assert {name for names in column("api.md", "| outcome of an asset |") for name in names} == set(Verdict)


@pytest.mark.parametrize("text", fenced("docs/request.md", "yaml") + fenced("README.md", "yaml"))
def test_the_registrations_in_the_docs_are_valid(text: str) -> None:
    parse_registration(yaml.safe_load(text), VAULTS, 50_000)


def test_the_original_bodies_in_the_docs_are_valid() -> None:
    [shown] = [json.loads(text) for text in fenced("docs/request.md", "json") if "workspace_definition" in text]
    assert is_original(shown)
    body, faults = as_registration(shown, utc_now())
    parse_registration(body, VAULTS, 50_000, faults)
    activity, body = map(json.loads, fenced("docs/data-factory.md", "json"))
    assert is_original(body)
    deployed = json.loads((ROOT / "infra" / "data-factory" / "register.json").read_text())
    assert [activity] == deployed["activities"]


@pytest.mark.parametrize("text", [*fenced("docs/policy.md", "yaml"), (ROOT / "policy.sample.yml").read_text()])
def test_the_policies_in_the_docs_are_valid(text: str) -> None:
    assert parse_policy(text).rules


def test_the_readmes_first_registration_goes_through(stack: LocalStack, tmp_path: Path) -> None:
    """Its commands, as they stand, but for the stack's port and directory."""
    stack.emulator("POST", "reset", {"state": True})
    readme = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / "first.yml").write_text(fenced("README.md", "yaml")[0])
    commands = "\n".join(re.findall(r"^    (.*)$", readme, re.MULTILINE))
    commands = commands[commands.index("TOKEN=") :]
    place = shlex.quote(str(stack.directory))
    changes = {
        ".venv/bin/python": shlex.quote(sys.executable),
        "local token data-factory": f"local token data-factory --dir {place}",
        "local token platform-admin": f"local token platform-admin --dir {place}",
        "local arm": f"local arm --dir {place}",
        ".local/ca.pem": f"{place}/ca.pem",
        "http://127.0.0.1:7071": stack.front,
        "curl ": "curl -s --noproxy '*' ",
    }
    for old, new in changes.items():
        assert old in commands
        commands = commands.replace(old, new)
    send, follow = re.split(r"(?=^curl.*/result)", commands, maxsplit=1, flags=re.MULTILINE)
    accepted = run(send, tmp_path)
    assert "202 Accepted" in accepted
    operation = re.search(r'"id":"([0-9a-f-]{36})"', accepted)
    assert operation is not None
    follow = send.split("\n")[0] + "\n" + follow.replace("<id>", operation[1])
    held = "azureml://datastores/silver/paths/accounting/accounting.csv"
    shown = eventually(lambda: text if held in (text := run(follow, tmp_path)) else "", seconds=60)
    assert '"Succeeded"' in shown


def run(commands: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shell = subprocess.run(
        ["bash", "-euc", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert shell.returncode == 0, shell.stderr
    return shell.stdout
