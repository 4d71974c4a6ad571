"""The Azure CLI, as whoever signed in to it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refused(Exception):
    """A command failed; `text` is what it wrote to its error stream."""

    text: str

    def __str__(self) -> str:
        return self.text.strip().splitlines()[-1] if self.text.strip() else "no reason was given"


def az(*arguments: str) -> Any:
    """What the command answers, from JSON; None where it answers nothing. Raises Refused."""
    try:
        done = subprocess.run(["az", *arguments, "--output", "json"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Refused("az is not installed: https://aka.ms/azure-cli, and `az extension add --name ml`.") from None
    if done.returncode:
        raise Refused(done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def outputs_of(deployment: str) -> dict[str, Any]:
    """The outputs of a deployment of main.bicep, by name. Raises Refused."""
    found = az("deployment", "sub", "show", "--name", deployment, "--query", "properties.outputs")
    if not isinstance(found, dict) or "networkMode" not in found:
        raise Refused(f"{deployment} is no deployment of infra/platform/main.bicep that succeeded.")
    return {name: it["value"] for name, it in found.items()}
