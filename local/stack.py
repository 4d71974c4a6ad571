"""What the local stack is made of: its ports, identities, files and processes."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local import azurite, certificates

ROOT = azurite.ROOT
TENANT = "10ca1000-0000-4000-8000-000000000000"
SUBSCRIPTIONS = ("10ca1000-0000-4000-8000-00000000005a", "10ca1000-0000-4000-8000-00000000005b")
WORKSPACES = (
    f"{SUBSCRIPTIONS[0]}/ml-rg/ml-ws-1",
    f"{SUBSCRIPTIONS[0]}/ml-rg/ml-ws-2",
    f"{SUBSCRIPTIONS[1]}/ml-rg-2/ml-ws-3",
)
IDENTITIES = ("data-factory", "data-owner", "stranger", "platform-admin", "app")
_SERVERS = ("front", "host", "arm", "vault", "identity", "blob", "queue", "table", "lake")
AUDIENCE = f"api://{TENANT}/registrar-local"
# What the shell may set that would lead the host, or the SDKs in it, out of the local stack.
_FOREIGN = re.compile(
    "(APPLICATIONINSIGHTS|ARM|AZURE|EASY_AUTH|IDENTITY|KEY_VAULT|LAKE|LOCAL|MSI|OUTBOUND|POLICY|SSL_CERT|WEBSITE)_"
    "|AzureWebJobs|DEVELOPMENT_CALLER|PUBLIC_URL|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?i:(https?|all|no)_proxy)"
)


class StackError(Exception):
    """The stack cannot start, or cannot go on; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Process:
    """One program of the stack, and the whole environment it runs in."""

    command: list[str]
    environment: dict[str, str]


def port_is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _choose_ports() -> dict[str, int]:
    """A free loopback port for each server.

    From below the range out of which outgoing connections get theirs: a child that is started again finds its
    port as free as it left it.
    """
    free = filter(port_is_free, random.sample(range(20000, 32000), 12000))
    return dict(zip(_SERVERS, free, strict=False))


class Stack:
    """One local stack in one directory: what its files hold and how its processes are started.

    `port` is the front's, 0 for a free one; `visibility` the seconds after which the stand-in hands out a
    queue message again that a dead worker had taken.
    """

    def __init__(self, directory: Path, *, port: int, visibility: int) -> None:
        self.directory = directory
        self.ports = _choose_ports()
        if port:
            self.ports["front"] = port
        self.storage = self.ports["blob"], self.ports["queue"], self.ports["table"]
        self.func = None if os.environ.get("LOCAL_HOST") == "stand-in" else shutil.which("func")
        self._visibility = visibility
        self._front_secret = secrets.token_urlsafe(32)
        self._identities = {
            name: {"object_id": _guid(0xA1 + n), "client_id": _guid(0xC1 + n), "header": secrets.token_hex(24)}
            for n, name in enumerate(IDENTITIES)
        }

    def write(self) -> None:
        """Certificates, `config.json` for the local Azure, `policy.yml` for the app."""
        tls = certificates.make(self.directory.resolve())
        role = json.loads((ROOT / "infra" / "roles" / "data-registrar.json").read_text(encoding="utf-8"))
        config = {
            "tenant_id": TENANT,
            "client_id": _guid(0xAA),
            "audience": AUDIENCE,
            "ports": {name: self.ports[name] for name in _SERVERS[:5]},
            "front_secret": self._front_secret,
            "certificate": str(tls.certificate),
            "key": str(tls.key),
            "ca": str(tls.ca),
            "identities": self._identities,
            "vault": {
                "tenant-id": TENANT,
                "sp-id": _guid(0x5F),
                "sp-password": f"not-a-real-secret-{secrets.token_hex(8)}",
            },
            "workspaces": list(WORKSPACES),
            "assignments": {
                self._identities["app"]["object_id"]: role["properties"]["permissions"][0]["actions"],
                self._identities["platform-admin"]["object_id"]: ["*"],
            },
            "auth": "infra/auth.json",
        }
        write_private(self.directory / "config.json", json.dumps(config, indent=2))
        write_private(self.directory / "policy.yml", yaml.safe_dump(self._policy(), sort_keys=False))

    def processes(self) -> dict[str, Process]:
        """What to start, in this order, by name."""
        inherited = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
        inherited["PYTHONUNBUFFERED"] = "1"
        directory = self.directory.resolve()
        config = str(directory / "config.json")
        lake = azurite.lake_command(self.ports["lake"], directory / "server.pem", directory / "server.key")
        accounts = {"AZURITE_ACCOUNTS": f"{azurite.LAKE_ACCOUNT}:{azurite.KEY}"}
        port = ["--port", str(self.ports["host"])]
        host = [self.func, "start", *port] if self.func else [sys.executable, "-m", "local.host", *port]
        return {
            "azurite": Process(azurite.command(*self.storage), inherited),
            "lake": Process(lake, inherited | accounts),
            "azure": Process([sys.executable, "-m", "local.azure", "--config", config], inherited),
            "host": Process(host, inherited | self._settings()),
        }

    def describe(self, pids: dict[str, int]) -> dict[str, Any]:
        """What `stack.json` holds."""
        blob, queue, _ = map(azurite.endpoint, self.storage)
        identities = {
            name: {"endpoint": self._token_endpoint(name), "header": it["header"], "object_id": it["object_id"]}
            for name, it in self._identities.items()
        }
        return {
            "ready": True,
            "api": f"{self.address('front')}/api",
            "host_api": f"{self.address('host')}/api",
            "arm": self.address("arm"),
            "vault": self.address("vault"),
            "ca": str(self.directory / "ca.pem"),
            "audience": AUDIENCE,
            "blob": blob,
            "queue": queue,
            "lake": f"{self.address('lake')}/{azurite.LAKE_ACCOUNT}",
            "host": "func" if self.func else "stand-in",
            "identities": identities,
            "workspaces": list(WORKSPACES),
            "directory": str(self.directory),
            "pids": pids,
        }

    def _settings(self) -> dict[str, str]:
        """The app's settings, as a deployment would set them; these win over local.settings.json."""
        directory, arm = self.directory.resolve(), self.address("arm")
        ca = str(directory / "ca.pem")
        return {
            "AzureWebJobsStorage": azurite.connection_string(*map(azurite.endpoint, self.storage)),
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
            "WEBSITE_AUTH_ENABLED": "true",
            "PUBLIC_URL": self.address("front"),
            "ARM_ENDPOINT": arm,
            "KEY_VAULT_URLS": self.address("vault"),
            "AZURE_AUTHORITY_HOST": arm,
            "LAKE_ENDPOINT": f"{self.address('lake')}/{{account}}",
            "REQUESTS_CA_BUNDLE": ca,
            "SSL_CERT_FILE": ca,
            "IDENTITY_ENDPOINT": self._token_endpoint("app"),
            "IDENTITY_HEADER": self._identities["app"]["header"],
            "POLICY_FILE": str(directory / "policy.yml"),
            "LOCAL_FRONT_SECRET": self._front_secret,
            "LOCAL_QUEUE_VISIBILITY_SECONDS": str(self._visibility),
            # Core Tools pick their Python worker from the active virtual environment.
            "VIRTUAL_ENV": sys.prefix,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    def address(self, server: str) -> str:
        """Where that server answers, without a slash at its end."""
        return f"{'https' if server in {'arm', 'vault', 'lake'} else 'http'}://127.0.0.1:{self.ports[server]}"

    def _token_endpoint(self, identity: str) -> str:
        return f"{self.address('identity')}/{identity}/token"

    def _policy(self) -> dict[str, object]:
        """Data Factory and platform administrators may do everything, data owners register sales data."""

        def rule(
            callers: list[str], actions: list[str], assets: list[str], writes: list[str], secret_names: list[str]
        ) -> object:
            return {
                "callers": [{"tenant_id": TENANT, "object_id": self._identities[it]["object_id"]} for it in callers],
                "actions": actions,
                "workspaces": ["*/*/*"],
                "assets": assets,
                "sources": ["*"],
                "writes": writes,
                "secrets": secret_names,
            }

        actions = ["register", "plan", "read", "reconcile", "delete", "administer"]
        principal = ["tenant-id", "sp-id", "sp-password"]
        everything = rule(["data-factory", "platform-admin"], actions, ["datastores/*", "data/*"], ["*"], principal)
        sales = rule(["data-owner"], ["register", "plan", "read"], ["data/sales_*"], [], [])
        return {"rules": [everything, sales]}


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 600, whole or not at all."""
    draft = path.with_name(path.name + ".draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def read_description(directory: Path) -> dict[str, Any] | None:
    """The directory's `stack.json`, or None while no stack is ready there."""
    try:
        found: dict[str, Any] = json.loads((directory / "stack.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def _guid(number: int) -> str:
    """An id that nobody takes for a real one."""
    return f"10ca1000-0000-4000-8000-{number:012x}"
