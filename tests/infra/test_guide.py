"""docs/deploy.md: what it names is there, and its last table says of every step where it lives now."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from local.azurite import ROOT
from registration.request.document import parse_registration
from tests.infra.bicep import INFRA, SUBSCRIPTION
from tests.infra.conftest import Deploy, scope_of
from tests.infra.test_roles import ROLES
from tests.local_azure.conftest import shared

TEXT = (ROOT / "docs" / "deploy.md").read_text()
STEPS = [*(f"A{number}" for number in range(1, 13)), *(f"R{number}" for number in range(1, 6))]
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| ([AR]\d+) \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE)}


def test_every_step_has_its_row_in_order() -> None:
    assert list(ROWS) == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_a_row_says_where_and_that_is_there(step: str) -> None:
    """Links are followed in tests/stack/test_documents.py; here the files."""
    _, where = ROWS[step]
    files = re.findall(r"`([\w./-]+/[\w.-]+\.\w+)`", where)
    assert files or re.search(r"\]\([^)]+\)", where)
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_rows_are_in_words_of_our_own() -> None:
    guides = words(shared("GUIDES.md").read_text())
    theirs = {tuple(guides[at : at + 7]) for at in range(len(guides))}
    for step, row in ROWS.items():
        ours = words(" ".join(row))
        assert not {tuple(ours[at : at + 7]) for at in range(len(ours) - 6)} & theirs, step


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:infra|local|tests|docs|\.github)/[\w./-]+)`", TEXT))
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_variable_it_names_is_read_or_given_out() -> None:
    """By the parameter file, or as an output of the deployment, which azd keeps in its environment."""
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text()))
    read |= set(re.findall(r'environment.get\("(\w+)"', (INFRA / "hooks" / "policy.py").read_text()))
    given = set(re.findall(r"^output (\w+) ", (INFRA / "main.bicep").read_text(), re.MULTILINE))
    named = set(re.findall(r"\b((?:REGISTRAR|AZURE)_[A-Z_]+)\b", TEXT))
    assert named <= read | given
    assert {name for name in read if name.startswith("REGISTRAR_")} <= named


def test_its_registration_is_valid() -> None:
    [text] = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    parse_registration(json.loads(text)["registration"], (), 50_000)


def test_it_says_wherever_whoever_deploys_needs_rights(deploy: Deploy) -> None:
    """By what is assigned outside of the deployment's own group and subscription, and by which parameter."""
    found = deploy("everything")
    places = {scope_of(it) for it in found.all("Microsoft.Authorization/roleAssignments")}
    foreign = {place for place in places if not place.startswith(f"/subscriptions/{SUBSCRIPTION}/")}
    parameters = (INFRA / "parameters" / "everything.bicepparam").read_text()
    naming = {
        name
        for name, value in re.findall(r"^param (\w+) = (.*?)(?=^param|\Z)", parameters, re.MULTILINE | re.DOTALL)
        if any(place in value for place in foreign)
    }
    assert naming == {"workspaceScopes", "roleAssignments", "furtherVaultIds", "tableContainerIds"}
    read = dict(
        re.findall(r"^param (\w+) = .*Variable\('(\w+)'", (INFRA / "main.bicepparam").read_text(), re.MULTILINE)
    )
    section = TEXT[TEXT.index("## What you need") : TEXT.index("## Deploy")]
    assert {read[name] for name in naming} == set(re.findall(r"`(REGISTRAR_\w+)`", section))


def test_its_table_of_roles_is_the_roles() -> None:
    section = TEXT[TEXT.index("## Roles for people") : TEXT.index("## Networks")]
    assert set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) == set(ROLES)


def test_its_commands_go_where_azd_deploys() -> None:
    """az has a subscription of its own, and without the provider there is no Flex Consumption."""
    [block] = re.findall(r"((?:^    .*\n)+)", TEXT[TEXT.index("## Deploy\n") :], re.MULTILINE)[:1]
    first = [line.split()[:3] for line in block.splitlines()]
    places = [
        first.index(it) for it in (["az", "account", "set"], ["az", "provider", "register"], ["azd", "env", "new"])
    ]
    assert places == sorted(places)
    assert block.count("--subscription <subscription id>") == 2


def test_its_commands_are_ones_a_shell_reads() -> None:
    blocks = re.findall(r"(?:^    .*\n)+", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL), re.MULTILINE)
    inline = re.findall(r"`((?:az|azd|curl) [^`]+)`", TEXT)
    assert len(blocks) >= 6
    assert len(inline) >= 10
    for commands in [*(re.sub("^    ", "", block, flags=re.MULTILINE) for block in blocks), *inline]:
        text = re.sub(r"<[\w ]+>", "x", commands).replace("\\|", "|")
        done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (commands, done.stderr)
