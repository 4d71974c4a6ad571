"""What is pinned, what is imported, and the certificates."""

from __future__ import annotations

import ast
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local import azurite, certificates

STRICT = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN  # what Python 3.13 sets by itself


def test_lockfile_pins_everything_and_names_no_registry() -> None:
    packages = json.loads((azurite.ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    installed = [package for path, package in packages.items() if path]
    assert installed
    assert all("resolved" not in package and package["integrity"] for package in installed)
    assert packages["node_modules/azurite"]["version"] == "3.35.0"


def test_constraints_pin_everything_that_is_installed() -> None:
    texts = [(azurite.ROOT / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements-dev.txt")]
    pinned = {
        line.split(";")[0].split("#")[0].strip().lower()
        for text in [*texts, (azurite.ROOT / "constraints.txt").read_text(encoding="utf-8")]
        for line in text.splitlines()
    }
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude", "pip", "--exclude", "setuptools"]
    installed = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout.lower().split()
    assert set(installed) - pinned == set()


def test_nothing_but_azure_functions_is_imported_at_load() -> None:
    program = "import sys, function_app; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=azurite.ROOT, capture_output=True, text=True, check=True)
    loaded = {name for name in run.stdout.split() if re.match(r"(azure\.|msal|msrest|local\b|tests\b)", name)}
    assert {name for name in loaded if not re.match(r"azure\.functions\b", name)} == set()


def test_triggers_know_no_azure_but_azure_functions() -> None:
    """At no time, not only at load; import-linter sees `azure` as one thing."""
    files = [azurite.ROOT / "function_app.py", *(azurite.ROOT / "registration" / "triggers").glob("*.py")]
    found = {name for file in files for name in re.findall(r"\bazure\.\w+", _imports(file))}
    assert found <= {"azure.functions"}


def _imports(file: Path) -> str:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    imports = (ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
    return "\n".join(imports).replace(" import ", ".")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_certificate_passes_strict_checks(tmp_path: Path, host: str) -> None:
    made = certificates.make(tmp_path)
    assert made.key.stat().st_mode & 0o777 == 0o600
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(made.certificate, made.key)
    client = ssl.create_default_context(cafile=made.ca)
    client.verify_flags |= STRICT
    assert len(client.get_ca_certs()) == 1
    near, far = socket.socketpair()
    served = threading.Thread(target=lambda: server.wrap_socket(far, server_side=True).close())
    served.start()
    with client.wrap_socket(near, server_hostname=host) as connection:
        assert connection.version() == "TLSv1.3"
    served.join()
