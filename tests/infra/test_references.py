"""A file that names another, in a comment or in code, names one that is there."""

from __future__ import annotations

import re
import subprocess

import pytest

from local.azurite import ROOT

NAMED = re.compile(
    r"(?<![\w.*/$-])(?:\.{1,2}/)*((?:[\w-]+/)*[\w-]+\.(?:bicepparam|bicep|py|json|yml|xml|md|csv|txt|toml))\b"
)
MADE = {"line.json", "registrar-policy/policy.yml", "AzureVPN/azurevpnconfig.xml", "files/deployextension.json"}
"""What a program writes, or keeps in storage, or others have."""
FILES = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
READ = [it for it in FILES if it.startswith("infra/") and "requirements" not in it]
DOCUMENT = "docs/platform.md"


def missing(text: str) -> list[str]:
    """Names of files, by the end of a path, that nothing here has. Addresses are left out."""
    named = NAMED.findall(re.sub(r"https?://\S+", "", text))
    return [it for it in named if it not in MADE and not any(f"/{file}".endswith(f"/{it}") for file in FILES)]


@pytest.mark.parametrize("file", [*READ, DOCUMENT])
def test_every_file_that_is_named_is_there(file: str) -> None:
    assert missing((ROOT / file).read_text(encoding="utf-8")) == []


def test_one_that_is_gone_is_found() -> None:
    """Or else the test above would prove nothing."""
    assert missing("// hooks/network.py does it; see ../platform/main.bicep, https://x.example/gone.json") == [
        "hooks/network.py"
    ]
    assert missing("loadTextContent('../agent.yml')") == ["agent.yml"]
