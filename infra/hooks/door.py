"""After deployment: knocks without a token, then with forged headers, and is content with 401 alone.

The forged principal is one that the policy knows, so that an app which believed the header would let it in. It also
tries to get past by the one path that is open to everyone, /api/health, in spellings that a server may read otherwise.
Needs nothing but Python's standard library. Exits 1, saying why, when the door is not shut.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 300.0
"""Seconds that an app may take to start, and as many again to find its policy: a role is not known at once."""
PATHS = ("/api/operations", "/api/me", "/send_data")
DETOURS = (
    "/api/health/../operations",
    "/api/health/%2e%2e/operations",
    "/api/health%2f..%2foperations",
    "/api/health/..;/operations",
    "/api/health/..%5coperations",
    "/api/operations;/api/health",
    "/api/operations/..%2fhealth",
)
"""What they are to Azure nobody says (401, 404, a bad request); none may be answered with what is behind the door."""
SPELLINGS = ("X-MS-CLIENT-PRINCIPAL", "x-ms-client-principal", "X_MS_CLIENT_PRINCIPAL")
HEALTH = {"status", "problems"}


def main(environment: Mapping[str, str] = os.environ, patience: float = PATIENCE, pause: float = 10.0) -> str | None:
    """What is wrong with the door, or None."""
    try:
        url = environment["REGISTRAR_URL"].rstrip("/")
        tenant, caller = environment["AZURE_TENANT_ID"], environment["REGISTRAR_CALLER_ID"]
    except KeyError as missing:
        return f"{missing.args[0]} is not set: run this as azd's hook, or with `azd env get-values`."
    health = f"{url}/api/health"
    status, body = _until(lambda status, _: status == 200, health, patience, pause)
    if status == 200 and (open_door := _open_door(url, _principal(tenant, caller), caller)):
        return open_door
    if _problems(body):
        sys.stderr.write(f"The door is shut. Waiting for the app, which says: {'; '.join(_problems(body))}\n")
        status, body = _until(lambda status, body: status == 200 and not _problems(body), health, patience, pause)
    if status != 200:
        return f"{health} answered {status or 'nothing'}, not 200: the app does not run, or /api/health is shut."
    return _telling_health(health, body)


def _until(content: Callable[[int, bytes], bool], url: str, patience: float, pause: float) -> tuple[int, bytes]:
    """The app's own answer; while it does not run, a 401 elsewhere would prove little."""
    end = time.monotonic() + patience
    while not content(*(answer := _knock(url, {}))) and time.monotonic() < end:
        time.sleep(pause)
    return answer


def _open_door(url: str, forged: str, caller: str) -> str | None:
    knocks = [{}, *({name: forged, f"{name}-ID": caller, f"{name}-IDP": "aad"} for name in SPELLINGS)]
    for path in PATHS:
        for headers in knocks:
            status, _ = _knock(url + path, headers)
            if status != 401:
                how = f"a forged {next(iter(headers))}" if headers else "no token"
                return f"THE DOOR IS NOT SHUT: {url}{path} with {how} answered {status}, not 401. Stop the app."
    for path in DETOURS:
        status, body = _knock(url + path, knocks[1])
        if 200 <= status < 300 and _health(body) is None:
            return f"THE DOOR IS NOT SHUT: {url}{path} with a forged {SPELLINGS[0]} answered {status}. Stop the app."
    return None


def _telling_health(url: str, body: bytes) -> str | None:
    if _health(body) is None:
        return f"{url} answered something other than {sorted(HEALTH)}: it is open to everyone and must hold no data."
    return f"The app is misconfigured: {'; '.join(_problems(body))}" if _problems(body) else None


def _health(body: bytes) -> dict[str, Any] | None:
    """The health page; None where that is another one."""
    try:
        health = json.loads(body)
    except ValueError:
        return None
    return health if isinstance(health, dict) and health.keys() == HEALTH else None


def _problems(body: bytes) -> list[str]:
    return [str(problem) for problem in (_health(body) or {}).get("problems") or []]


def _principal(tenant: str, caller: str) -> str:
    names = "http://schemas.microsoft.com/identity/claims/"
    claims = [{"typ": f"{names}tenantid", "val": tenant}, {"typ": f"{names}objectidentifier", "val": caller}]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims}).encode()).decode()


def _knock(url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body, redirects not followed; status 0 where nobody answers."""
    parts = urlsplit(url)
    kind = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
    connection = kind(parts.netloc, timeout=60)
    try:
        connection.request("GET", parts.path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
