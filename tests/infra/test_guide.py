"""docs/deploy.md: what it names is there, and its last table says of every step where it lives now."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from local.azurite import ROOT
from registration.request.document import parse_registration
from tests.infra.bicep import INFRA, SUBSCRIPTION, Bicep
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
    """By the parameter file, or as an output of the deployment, which azd keeps; or it is GitHub's."""
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text()))
    read |= set(re.findall(r'environment.get\("(\w+)"', (INFRA / "hooks" / "policy.py").read_text()))
    given = set(re.findall(r"^output (\w+) ", (INFRA / "main.bicep").read_text(), re.MULTILINE))
    given |= set(re.findall(r"vars\.(AZURE_\w+)", (ROOT / ".github" / "workflows" / "main.yml").read_text()))
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
    joined = deploy("existing").properties("Microsoft.Web/sites")["virtualNetworkSubnetId"]
    assert not joined.startswith(f"/subscriptions/{SUBSCRIPTION}/")
    assert {read[name] for name in {*naming, "network"}} == set(re.findall(r"`(REGISTRAR_\w+)`", section))
    away = TEXT[TEXT.index("## Taking something away") : TEXT.index("## Taking it down")]
    assert {read[name] for name in {*naming, "callers"}} == set(re.findall(r"`(REGISTRAR_\w+)`", away))


def test_a_subscription_that_nothing_names_any_more_is_taken_from_the_roles(bicep: Bicep) -> None:
    """Which Azure refuses while they are assigned there, as the section says: bicep, issue 17145."""
    assert "`RoleScopeBeingRemovedContainsAssignments`" in TEXT
    group = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg"
    for named in ([group], []):
        resources = bicep.evaluate(INFRA / "main.bicepparam", {"REGISTRAR_WORKSPACE_SCOPES": json.dumps(named)})
        roles = [it["properties"] for it in resources if it["type"] == "Microsoft.Authorization/roleDefinitions"]
        assert all(any(scope in group for scope in role["assignableScopes"]) == bool(named) for role in roles)


def test_the_pipeline_owns_whatever_of_entra_a_deployment_changes(deploy: Deploy) -> None:
    """By its permission it changes nothing else; assignments have a permission of their own."""
    section = TEXT[TEXT.index("## Continuously") : TEXT.index("## Taking something away")]
    [kinds] = re.findall(r"for kind in (.*); do", section)
    graph = {kind.removeprefix("Microsoft.Graph/") for kind in deploy("minimal").kinds() if "Microsoft.Graph/" in kind}
    assert graph == {*kinds.split(), "appRoleAssignedTo"}
    assert "/owners/" in section
    assert "AppRoleAssignment.ReadWrite.All" in section


def test_an_identity_without_rights_in_azure_can_sign_in() -> None:
    """A caller needs none, and az refuses an identity without a subscription: azure-docs, issue 36664."""
    lines = [line for line in TEXT.splitlines() if "az login --identity" in line]
    assert lines
    assert all("--allow-no-subscriptions" in line for line in lines)


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
