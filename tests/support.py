"""The running local stack, as tests see it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import httpx

from local import azurite
from local.stack import SUBSCRIPTIONS, read_description

API_VERSION = "2024-04-01"
MANAGEMENT = "https://management.azure.com"
T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float = 30) -> T:
    """What `look` gives as soon as that is true; fails after `seconds` with what it gave last."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} seconds; at last: {found!r}"
        time.sleep(0.1)
    return found


def is_alive(pid: int) -> bool:
    """Whether that process still runs; a zombie does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


class LocalStack:
    """One stack, from its `stack.json`, and the calls that tests make again and again."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.directory = Path(description["directory"])
        self.config: dict[str, Any] = json.loads((self.directory / "config.json").read_text(encoding="utf-8"))
        self.front = str(description["api"]).removesuffix("/api")
        self.storage = azurite.connection_string(description["blob"], description["queue"], description["blob"])
        self._tokens: dict[tuple[str, str], str] = {}
        trust = ssl.create_default_context(cafile=description["ca"])
        self._clients = ExitStack()
        self._azure = self._client(base_url=description["arm"], verify=trust)
        self._plain = self._client()

    def close(self) -> None:
        """Close every client that was given out."""
        self._clients.close()

    @property
    def description(self) -> dict[str, Any]:
        """`stack.json` as it is now: the host's pid changes when it is started again."""
        found = read_description(self.directory)
        assert found is not None, f"the stack has stopped: {self.logs()[-3000:]}"
        return found

    def token(self, identity: str, resource: str | None = None) -> str:
        """A bearer token of that identity, for the app if no resource is named."""
        it, resource = self.description["identities"][identity], resource or self.config["audience"]
        if (identity, resource) not in self._tokens:
            query = {"resource": resource, "api-version": "2019-08-01"}
            answer = self._plain.get(it["endpoint"], params=query, headers={"X-IDENTITY-HEADER": it["header"]})
            answer.raise_for_status()
            self._tokens[identity, resource] = answer.json()["access_token"]
        return self._tokens[identity, resource]

    def api(self, identity: str | None = None) -> httpx.Client:
        """A client of the app, through the front; without an identity it sends no token."""
        headers = {"Authorization": f"Bearer {self.token(identity)}"} if identity else {}
        return self._client(base_url=self.front, headers=headers)

    def arm(self, method: str, path: str, body: object = None, *, identity: str = "platform-admin") -> httpx.Response:
        """One call of Resource Manager. `path` from `/subscriptions/...` on, or a workspace key with what follows:
        `<subscription>/<group>/<name>/data`."""
        if not path.startswith("/"):
            path = arm_id(path)
        if "api-version=" not in path:
            path += f"{'&' if '?' in path else '?'}api-version={API_VERSION}"
        headers = {"Authorization": f"Bearer {self.token(identity, MANAGEMENT)}"}
        return self._azure.request(method, path, json=body, headers=headers)

    def emulator(self, method: str, path: str, body: object = None) -> Any:
        """What the local Azure itself answers under `/_emulator/`: `requests`, `reset`, `faults`, `settings`."""
        answer = self._azure.request(method, f"/_emulator/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def new_workspace(self, name: str | None = None, tags: object = None, **properties: object) -> str:
        """The key of a fresh workspace, so that tests are kept apart."""
        key = f"{SUBSCRIPTIONS[0]}/ml-rg/{name or f'ws-{uuid.uuid4().hex[:12]}'}"
        answer = self.arm("PUT", key, {"location": "westeurope", "tags": tags or {}, "properties": properties})
        assert answer.is_success, answer.text
        eventually(lambda: self.arm("GET", key).json()["properties"].get("provisioningState") == "Succeeded")
        return key

    def vault_secret(self, name: str, value: str) -> None:
        """Set a secret, as a platform administrator does: a new version of it."""
        vault = self.description["vault"]
        token = self.token("platform-admin", vault.replace("127.", "", 1))
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._azure.put(f"{vault}/secrets/{name}?api-version=7.4", json={"value": value}, headers=headers)
        assert answer.is_success, answer.text

    def service_principal(self) -> str:
        """The object id of the principal whose client id and secret the vault holds."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.config["vault"]["sp-id"]))

    def kill_host(self) -> int:
        """Kill the host as a crash would; the supervisor starts it again. Returns the pid that is gone."""
        pid = int(self.description["pids"]["host"])
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not is_alive(pid))
        return pid

    def restart_host(self) -> None:
        """Kill the host and wait until its successor answers."""
        killed = self.kill_host()
        eventually(lambda: self.description["pids"]["host"] != killed)
        self.wait_for_host()

    def wait_for_host(self) -> None:
        """Returns when the app answers through the front."""

        def answers() -> bool:
            try:
                return self._plain.get(f"{self.front}/api/health").status_code == 200
            except httpx.TransportError:
                return False

        eventually(answers, seconds=60)

    def logs(self) -> str:
        """All that the stack's processes have written so far."""
        return "\n".join(log.read_text(encoding="utf-8", errors="replace") for log in self.directory.glob("*.log"))

    def _client(self, **options: Any) -> httpx.Client:
        client = httpx.Client(timeout=60, trust_env=False, **options)
        self._clients.callback(client.close)
        return client


def arm_id(key: str) -> str:
    """`<subscription>/<group>/<name>[/...]` as Resource Manager's path."""
    subscription, group, rest = key.split("/", 2)
    provider = "Microsoft.MachineLearningServices"
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/workspaces/{rest}"
