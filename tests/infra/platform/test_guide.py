"""docs/platform.md: every step of both guides has its row, and what a row names is there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from local.azurite import ROOT
from tests.infra.bicep import SUBSCRIPTION, Bicep
from tests.infra.conftest import Deployed
from tests.infra.platform.conftest import FILES, PLATFORM, Platform, target_of
from tests.infra.test_guide import words
from tests.local_azure.conftest import shared

TEXT = (ROOT / "docs" / "platform.md").read_text()
MAIN = (PLATFORM / "main.bicep").read_text()
STEPS = [*(f"V{number}" for number in range(1, 27)), *(f"M{number}" for number in range(1, 11))]
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| ([VM]\d+) \| (.*?) \| (.*?)\|? ?\| (.*?) \|$", TEXT, re.MULTILINE)}
PARAMETERS = set(re.findall(r"^param (\w+) ", MAIN, re.MULTILINE))
FIELDS = set(re.findall(r"^  (\w+): ", (PLATFORM / "types.bicep").read_text(), re.MULTILINE))


def test_every_step_has_its_row_in_order() -> None:
    assert list(ROWS) == STEPS


def code_of(files: list[str]) -> str:
    """What they say without their comments, and without a word of the language that is a parameter's name, too."""
    text = "\n".join((PLATFORM / file).read_text() for file in files)
    text = re.sub(r"^\s*//.*$|^@description\(.*\)$", "", text, flags=re.MULTILINE)
    return re.sub(r"\bexisting (?=[=i])", "", text)


def absent(names: Iterable[str], files: list[str]) -> list[str]:
    """Names that are in none of the files, neither so nor as the name of a type."""
    text = code_of(files)
    return [it for it in names if not re.search(rf"\b{it}\b|\b{it[0].upper()}{it[1:]}\b", text)]


@pytest.mark.parametrize("step", STEPS)
def test_a_row_says_where_and_that_is_there(step: str) -> None:
    """Links are followed in tests/stack/test_documents.py; here files, and in these parameters, properties, values."""
    what, parameters, where = ROWS[step]
    assert what
    named = re.findall(r"`([^`]+)`", parameters)
    assert [name for name in named if name not in PARAMETERS | FIELDS] == []
    assert not re.sub(r"`\w+`|[, ]", "", parameters)
    files = re.findall(r"`([\w/-]+\.(?:bicep|bicepparam|json|yml|py))`", where)
    assert files
    assert [file for file in files if not (PLATFORM / file).is_file()] == []
    assert absent(named, files) == []
    assert absent(set(re.findall(r"`([\w/-]+)`", where)) - {"infra/roles"}, files) == []


def test_a_parameter_that_lives_elsewhere_is_missed() -> None:
    """Or else the rows would prove nothing: that a parameter is one of main.bicep's is not enough."""
    assert absent(["endpointApproval", "existing"], ["modules/endpoint.bicep", "modules/subnets.bicep"]) == [
        "endpointApproval",
        "existing",
    ]
    assert absent(["customerManagedKey", "rotateEvery"], ["parts/stores.bicep"]) == []


def test_the_rows_are_in_words_of_our_own() -> None:
    guides = words(shared("GUIDES.md").read_text())
    theirs = {tuple(guides[at : at + 7]) for at in range(len(guides))}
    for step, row in ROWS.items():
        ours = words(" ".join(row))
        assert not {tuple(ours[at : at + 7]) for at in range(len(ours) - 6)} & theirs, step


def test_every_parameter_is_explained_and_no_other() -> None:
    section = TEXT[TEXT.index("## Parameters") : TEXT.index("## Reaching it")]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == PARAMETERS


def test_every_provider_is_named(platform: Platform) -> None:
    """Those whose resources are deployed, those that subnets are handed to, those of which Azure makes something."""
    section = TEXT[TEXT.index("## Deploy") : TEXT.index("## Parameters")]
    rows = dict(re.findall(r"^\| ((?:`\.\w+`(?:, )?)+) \| (.*?) \|$", section, re.MULTILINE))
    named = {name for cell in rows for name in re.findall(r"`\.(\w+)`", cell)}
    used = {kind.split("/")[0].removeprefix("Microsoft.") for name in FILES for kind in platform(name).kinds()}
    subnets = [it for name in FILES for it in platform(name).properties("Microsoft.Network/virtualNetworks")["subnets"]]
    handed = {to["properties"]["serviceName"] for it in subnets for to in it["properties"]["delegations"]}
    used |= {name.split("/")[0].removeprefix("Microsoft.") for name in handed}
    assert named == used - {"Authorization", "Resources"} | {"PolicyInsights", "DocumentDB", "Search"}
    assert {name for why in rows.values() for name in re.findall(r"`(\w+)`", why)} <= PARAMETERS


def test_every_optional_part_has_its_price() -> None:
    section = TEXT[TEXT.index("## What it costs") : TEXT.index("## Proof on a tenant")]
    named = {name for cell in re.findall(r"^\| [^|]+ \| ([^|]+) \|", section, re.MULTILINE)
             for name in re.findall(r"`(\w+)`", cell)}  # fmt: skip
    assert named <= PARAMETERS | FIELDS
    free = {"openAi", "instances", "gpuCluster"}  # by use alone
    optional = set(re.findall(r"^param (\w+) \w+\?$", MAIN, re.MULTILINE)) - {"rolesOf"}
    assert optional - free <= named


def test_whatever_brings_a_subnet_says_what_is_removed_before_it_goes() -> None:
    """The network is deployed with its subnets, and Azure takes none away that somebody is in."""
    section = TEXT[TEXT.index("## Changing it later") : TEXT.index("## Logs")]
    rows = re.findall(r"^\| (`.*?) \| .*? \|$", section, re.MULTILINE)
    named = {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}
    assert named <= PARAMETERS | FIELDS
    plan = MAIN[MAIN.index("var plan = ") : MAIN.index("var given = ")]
    conditions = re.findall(r"\bon: (.*?)(?:, goesOut|\n)", plan)
    assert len(conditions) == len(re.findall(r"\bnumber: ", plan))
    asked = {name for it in conditions for name in re.findall(r"\b[a-zA-Z]+\b", it) if name in PARAMETERS}
    assert asked | {"egress", "publicAddress"} == named  # main.bicep asks for these two by variables of its own


def test_every_output_it_names_is_given() -> None:
    given = set(re.findall(r"^output (\w+) ", MAIN, re.MULTILINE))
    assert {"namesToResolve", "dnsRecords", "dnsResolver", "workspaceIdentity"} <= given


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"`(infra/[\w./-]+)`", TEXT))
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("by_hand", ["false", "true"])
def test_the_endpoints_module_is_deployed_alone_as_it_says(bicep: Bicep, tmp_path: Path, by_hand: str) -> None:
    """The command's own parameters, given to the template."""
    [command] = re.findall(r"^    az deployment group create (?:.*\\\n)+.*\n(?:^     .*\n)*", TEXT, re.MULTILINE)
    ids = {"workspace": "theirs/providers/Microsoft.MachineLearningServices/workspaces/old", "resource group": "zones",
           "subnet": "net/providers/Microsoft.Network/virtualNetworks/hub/subnets/ways-in"}  # fmt: skip
    for what, where in ids.items():
        command = re.sub(f"<id of (the|a) {what}>", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{where}", command)
    words_ = shlex.split(command.replace("<name>", "old").replace("approvedByHand=false", f"approvedByHand={by_hand}"))
    template = ROOT / words_[words_.index("--template-file") + 1]
    lines = [f"using '{os.path.relpath(template, tmp_path)}'"]
    for name, _, value in (it.partition("=") for it in words_[words_.index("--parameters") + 1 :]):
        read = value if value in {"true", "false"} else f"json('''{value}''')" if value[:1] == "{" else f"'{value}'"
        lines.append(f"param {name} = {read}")
    file = tmp_path / "alone.bicepparam"
    file.write_text("\n".join(lines) + "\n")
    found = Deployed(bicep.evaluate(file))
    endpoint = found.one("Microsoft.Network/privateEndpoints")
    assert (endpoint["name"], target_of(endpoint)) == ("pe-old", ("old", "amlworkspace"))
    assert bool(endpoint["properties"]["manualPrivateLinkServiceConnections"]) is (by_hand == "true")
    assert endpoint["properties"]["subnet"]["id"].endswith("/subnets/ways-in")
    zones = found.properties("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")["privateDnsZoneConfigs"]
    assert [it["properties"]["privateDnsZoneId"].rpartition("/resourceGroups/")[2] for it in zones] == [
        f"zones/providers/Microsoft.Network/privateDnsZones/privatelink.{name}"
        for name in ("api.azureml.ms", "notebooks.azure.net")
    ]
    assert not found.all("Microsoft.Authorization/roleAssignments")


def test_its_commands_are_ones_a_shell_reads() -> None:
    blocks = re.findall(r"(?:^    .*\n)+", TEXT, re.MULTILINE)
    inline = re.findall(r"`((?:az|python3|ssh-keygen) [^`]+)`", TEXT)
    assert len(blocks) >= 5
    assert len(inline) >= 6
    for commands in [*(re.sub("^    ", "", block, flags=re.MULTILINE) for block in blocks), *inline]:
        text = re.sub(r"<[^<>]*(?:<\w+>[^<>]*)*>", "x", commands).replace("\\|", "|")
        done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (commands, done.stderr)
