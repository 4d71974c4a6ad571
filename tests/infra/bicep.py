"""The Bicep compiler, or what stands in for it: builds files, and evaluates what a parameter file would deploy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local.azurite import ROOT

INFRA = ROOT / "infra"
STAND_IN = ROOT.parent / "shared" / "tools" / "bicep" / "bicepcheck"
SUBSCRIPTION = "00000000-0000-4000-8000-0000000000aa"
TENANT = "00000000-0000-4000-8000-0000000000bb"

Resource = dict[str, Any]


def sources() -> list[Path]:
    return sorted([*INFRA.rglob("*.bicep"), *INFRA.rglob("*.bicepparam")])


def parameter_files() -> list[Path]:
    return sorted(INFRA.rglob("*.bicepparam"))


@dataclass(frozen=True)
class Failed(Exception):
    """A file does not build, or cannot be evaluated; `text` is what the tool said."""

    text: str


class Bicep(Protocol):
    """Raises Failed."""

    def build(self, files: list[Path]) -> None:
        """No error and no warning in any of them."""

    def evaluate(
        self, file: Path, environment: dict[str, str] | None = None, subscription: str = SUBSCRIPTION
    ) -> list[Resource]:
        """The resources that a parameter file deploys."""


class Compiler:
    """Microsoft's own."""

    def build(self, files: list[Path]) -> None:
        for file in files:
            command = "build-params" if file.suffix == ".bicepparam" else "build"
            done = _run(["bicep", command, str(file), "--stdout"])
            if done.returncode or ": Warning " in done.stderr or ": Error " in done.stderr:
                raise Failed(done.stderr)

    def evaluate(
        self, file: Path, environment: dict[str, str] | None = None, subscription: str = SUBSCRIPTION
    ) -> list[Resource]:
        """Evaluated beside the file, so the file it writes is taken away again."""
        made = file.with_suffix(".snapshot.json")
        try:
            place = ["--subscription-id", subscription, "--tenant-id", TENANT]
            done = _run(["bicep", "snapshot", str(file), "--mode", "overwrite", *place], environment)
            if done.returncode:
                raise Failed(done.stderr)
            found: list[Resource] = json.loads(made.read_text(encoding="utf-8"))["predictedResources"]
            return found
        finally:
            made.unlink(missing_ok=True)


class StandIn:
    """bicepcheck, from beside the project."""

    def build(self, files: list[Path]) -> None:
        done = _run([sys.executable, str(STAND_IN), "build", "--strict", "--warnings-as-errors", *map(str, files)])
        if done.returncode or ": Warning " in done.stdout or "use-recent-api-versions" in done.stdout:
            raise Failed(done.stdout + done.stderr)

    def evaluate(
        self, file: Path, environment: dict[str, str] | None = None, subscription: str = SUBSCRIPTION
    ) -> list[Resource]:
        place = ["--subscription", subscription, "--tenant", TENANT]
        done = _run([sys.executable, str(STAND_IN), "snapshot", str(file), *place], environment)
        if done.returncode:
            raise Failed(done.stdout + done.stderr)
        found = json.loads(done.stdout)
        if found["diagnostics"]:
            raise Failed(str(found["diagnostics"]))
        resources: list[Resource] = found["predictedResources"]
        return resources


def find() -> Bicep | None:
    """The compiler where it is installed, else the stand-in where that is, else None."""
    if shutil.which("bicep"):
        return Compiler()
    return StandIn() if STAND_IN.exists() else None


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "REGISTRAR_"))}
    return subprocess.run(
        command, cwd=INFRA, env=kept | (environment or {}), capture_output=True, text=True, check=False, timeout=120
    )
