"""One local Azure for the whole session, on free ports, with a tiny host behind its door."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import certificates

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
TENANT = "10000000-0000-4000-8000-000000000000"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
NAMES = ("data-factory", "data-owner", "stranger", "platform-admin", "app")
ARM = "https://management.azure.com"


def shared(path: str) -> Path:
    """A file beside the project. Its absence skips the test, and says so."""
    if not (SHARED / path).exists():
        pytest.skip(f"NOT CHECKED: {SHARED / path} is absent on this machine")
    return SHARED / path


class Echo(BaseHTTPRequestHandler):
    """A host that answers what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        seen = {"target": self.path, "method": self.command, "headers": list(self.headers.items()), "body": body}
        raw = json.dumps(seen).encode()
        self.send_response(203)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("X-From-Host", "yes")
        self.end_headers()
        self.wfile.write(raw)

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


class LocalAzure:
    """The running process: its configuration, its addresses, a client that trusts its CA."""

    def __init__(self, directory: Path) -> None:
        tls = certificates.make(directory)
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
        ports = dict(
            zip(("front", "host", "arm", "vault", "identity"), (s.getsockname()[1] for s in sockets), strict=True)
        )
        for one in sockets:
            one.close()
        ids = {
            name: {"object_id": _guid(0xA0 + n), "client_id": _guid(0xC0 + n), "header": f"header-of-{name}"}
            for n, name in enumerate(NAMES)
        }
        role = json.loads((ROOT / "infra/roles/data-registrar.json").read_text())
        self.config: dict[str, Any] = {
            "tenant_id": TENANT,
            "client_id": _guid(0x99),
            "audience": f"api://{TENANT}/registrar-local",
            "ports": ports,
            "front_secret": "between-front-and-host",
            "certificate": str(tls.certificate),
            "key": str(tls.key),
            "ca": str(tls.ca),
            "identities": ids,
            "vault": {"tenant-id": TENANT, "sp-id": _guid(0x5), "sp-password": "canary-5e"},
            "workspaces": [f"{SUBSCRIPTION}/rg1/ws1", f"{SUBSCRIPTION}/rg1/ws2"],
            "assignments": {
                _guid(0xA4): role["properties"]["permissions"][0]["actions"],
                _guid(0xA3): ["*"],
            },
            "auth": str(ROOT / "infra" / "auth.json"),
        }
        self.ca = str(tls.ca)
        self.file = directory / "config.json"
        self.file.write_text(json.dumps(self.config))
        self.arm, self.vault = (f"https://127.0.0.1:{ports[name]}" for name in ("arm", "vault"))
        self.front = f"http://127.0.0.1:{ports['front']}"
        self.http = httpx.Client(verify=ssl.create_default_context(cafile=self.ca), timeout=20)
        self._tokens: dict[tuple[str, str], str] = {}

    def endpoint(self, name: str) -> str:
        return f"http://127.0.0.1:{self.config['ports']['identity']}/{name}/token"

    def token(self, name: str, resource: str = ARM) -> str:
        if (name, resource) not in self._tokens:
            answer = self.http.get(
                self.endpoint(name),
                params={"resource": resource, "api-version": "2019-08-01"},
                headers={"X-IDENTITY-HEADER": self.config["identities"][name]["header"]},
            )
            self._tokens[name, resource] = answer.raise_for_status().json()["access_token"]
        return self._tokens[name, resource]

    def call(
        self, method: str, path: str, body: Any = None, *, as_: str | None = "platform-admin", **headers: str
    ) -> httpx.Response:
        """ARM, as somebody; adds an api-version where the path names none."""
        if "api-version" not in path:
            path += ("&" if "?" in path else "?") + "api-version=2024-04-01"
        if as_:
            headers["Authorization"] = f"Bearer {self.token(as_)}"
        return self.http.request(method, self.arm + path, json=body, headers=headers)

    def emulator(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.arm}/_emulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def workspace(self, name: str = "ws1") -> str:
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg1"
        return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}"


def _guid(number: int) -> str:
    return f"20000000-0000-4000-8000-{number:012x}"


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    azure = LocalAzure(tmp_path_factory.mktemp("azure"))
    host = ThreadingHTTPServer(("127.0.0.1", azure.config["ports"]["host"]), Echo)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    log = (azure.file.parent / "azure.log").open("w")
    command = [sys.executable, "-m", "local.azure", "--config", str(azure.file)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    yield azure
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    log.close()
    written = Path(log.name).read_text()
    assert "Traceback" not in written
    assert "canary-5e" not in written
    host.shutdown()
    host.server_close()
    azure.http.close()


@pytest.fixture
def azure(process: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> LocalAzure:
    """As new: no resources but the first workspaces, no faults, an empty log."""
    changed = process.emulator("PATCH", "settings", {})["roles"]
    settings: dict[str, Any] = {"latency_ms": 0, "throttle": False, "roles": dict.fromkeys(changed)}
    process.emulator("PATCH", "settings", settings)
    process.emulator("POST", "reset", {"state": True})
    for name in [name for name in os.environ if name.startswith(("IDENTITY_", "AZURE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", process.ca)
    return process
