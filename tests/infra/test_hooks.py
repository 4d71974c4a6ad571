"""The hooks of azd, run: the door is tried after a deployment, the policy put in place before it."""

from __future__ import annotations

import base64
import json
import re
import string
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.hooks import door, policy
from registration.access.policy import parse_policy
from tests.infra.bicep import TENANT
from tests.support import LocalStack

CALLER = "10ca1000-0000-4000-8000-0000000000a1"


def environment(url: str, caller: str = CALLER) -> dict[str, str]:
    return {"REGISTRAR_URL": url, "AZURE_TENANT_ID": TENANT, "REGISTRAR_CALLER_ID": caller}


def test_the_hook_is_content_with_a_door_that_is_shut(stack: LocalStack) -> None:
    caller = stack.description["identities"]["data-factory"]["object_id"]
    assert door.main(environment(stack.front, caller) | {"AZURE_TENANT_ID": stack.config["tenant_id"]}) is None


Answer = Callable[[str, dict[str, str]], tuple[int, bytes]]
"""Path and headers (lower case) to status and body."""
HEALTHY = b'{"status": "healthy", "problems": []}'


@pytest.fixture
def received() -> dict[str, bytes]:
    """What was PUT, by path."""
    return {}


@pytest.fixture
def codes() -> list[str]:
    """What storage gives as its error's code, if anything."""
    return []


@pytest.fixture
def app(received: dict[str, bytes], codes: list[str]) -> Iterator[Callable[[Answer], str]]:
    """A server that answers as a test says."""
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answer(self.path, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                self.send_header("Location", "https://login.example/")
                for code in codes:
                    self.send_header("x-ms-error-code", code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self) -> None:
                received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def shut(path: str, _: dict[str, str]) -> tuple[int, bytes]:
    return (200, HEALTHY) if path == "/api/health" else (401, b"")


def believing(name: str) -> Answer:
    """Easy Auth is off, and the app believes that header, if it names a caller that the policy knows."""

    def answer(path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        claims = json.loads(base64.b64decode(headers.get(name, "")) or "{}").get("claims", [])
        known = {it["val"] for it in claims} >= {TENANT, CALLER}
        return (200, b"{}") if known and path != "/api/health" else shut(path, headers)

    return answer


def open_at(open_path: str, status: int) -> Answer:
    return lambda path, headers: (status, b"") if path == open_path else shut(path, headers)


def unhealthy(body: bytes, status: int = 200) -> Answer:
    return lambda path, _: (status, body) if path == "/api/health" else (401, b"")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (believing("x-ms-client-principal"), "THE DOOR IS NOT SHUT.*with a forged X-MS-CLIENT-PRINCIPAL"),
        (believing("x_ms_client_principal"), "THE DOOR IS NOT SHUT.*with a forged X_MS_CLIENT_PRINCIPAL"),
        (open_at("/api/operations", 200), "THE DOOR IS NOT SHUT.*with no token answered 200"),
        (open_at("/api/me", 302), "THE DOOR IS NOT SHUT.*answered 302"),
        (open_at("/send_data", 403), "THE DOOR IS NOT SHUT.*answered 403"),
        (open_at("/send_data", 404), "THE DOOR IS NOT SHUT.*answered 404"),
        (unhealthy(b"", 401), "answered 401, not 200"),
        (unhealthy(b"", 503), "answered 503, not 200"),
        (unhealthy(b"<html>"), "must hold no data"),
        (unhealthy(b'{"status": "healthy", "problems": [], "workspaces": 3}'), "must hold no data"),
        (unhealthy(b'{"status": "misconfigured", "problems": ["PUBLIC_URL is not set"]}'), "PUBLIC_URL is not set"),
    ],
)
def test_the_hook_fails_for_any_other_door(app: Callable[[Answer], str], answer: Answer, said: str) -> None:
    problem = door.main(environment(app(answer)), patience=0)
    assert problem is not None
    assert re.search(said, problem)


def test_the_hook_waits_for_an_app_that_starts(app: Callable[[Answer], str]) -> None:
    left = iter([503, 0, 404])

    def answer(path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        return (status, b"") if path == "/api/health" and (status := next(left, 0)) else shut(path, headers)

    assert door.main(environment(app(answer)), patience=30, pause=0) is None


def test_the_hook_waits_for_an_app_that_does_not_find_its_policy_yet(
    app: Callable[[Answer], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its role at the policy may be some minutes from being known, and a policy that was mended is read within one."""
    left = iter([b'{"status": "misconfigured", "problems": ["the policy cannot be read"]}'] * 3)

    def answer(path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        return (200, next(left, HEALTHY)) if path == "/api/health" else shut(path, headers)

    assert door.main(environment(app(answer)), patience=30, pause=0) is None
    assert "Waiting for the app, which says: the policy cannot be read" in capsys.readouterr().err


def test_an_open_door_is_told_before_anything_is_waited_for(app: Callable[[Answer], str]) -> None:
    """The clock is never asked to pass: with this pause the test would not end."""
    wrong = b'{"status": "misconfigured", "problems": ["the policy cannot be read"]}'
    url = app(lambda path, _: (200, wrong if path == "/api/health" else b"{}"))
    assert "THE DOOR IS NOT SHUT" in (door.main(environment(url), pause=1e6) or "")


@pytest.mark.parametrize("detour", door.DETOURS)
def test_the_hook_tries_to_get_past_by_the_path_that_is_open(app: Callable[[Answer], str], detour: str) -> None:
    """To Easy Auth it might be the health page's, and another to the app."""

    def past(path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        return (200, b'{"value": []}') if path == detour and "x-ms-client-principal" in headers else shut(path, headers)

    told = door.main(environment(app(past)), patience=0) or ""
    assert "THE DOOR IS NOT SHUT: http://127.0.0.1" in told
    assert f"{detour} with a forged X-MS-CLIENT-PRINCIPAL answered 200" in told


@pytest.mark.parametrize("answered", [(404, b""), (400, b"<html>"), (200, HEALTHY)])
def test_a_detour_that_leads_nowhere_is_no_open_door(app: Callable[[Answer], str], answered: tuple[int, bytes]) -> None:
    url = app(lambda path, headers: answered if path in door.DETOURS else shut(path, headers))
    assert door.main(environment(url), patience=0) is None


def test_the_hook_says_when_nobody_answers_or_its_environment_is_missing() -> None:
    assert "answered nothing" in (door.main(environment("http://127.0.0.1:9"), patience=0) or "")
    assert "REGISTRAR_URL is not set" in (door.main({}) or "")


@pytest.fixture
def azd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An azd that is signed in."""
    program = tmp_path / "azd"
    asked = "auth token --scope https://storage.azure.com/.default --output json"
    answer = json.dumps({"token": "not-a-real-token", "expiresOn": "2026-01-02T00:00:00Z"})
    program.write_text(f"#!/bin/sh\n[ \"$*\" = '{asked}' ] || exit 2\necho '{answer}'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("azd")
def test_the_policy_is_put_where_the_app_reads_it(app: Callable[[Answer], str], received: dict[str, bytes]) -> None:
    """A role that was just assigned is not known at once: it is tried again."""
    refusals, seen = iter([403, 403]), dict[str, str]()

    def answer(_: str, headers: dict[str, str]) -> tuple[int, bytes]:
        seen.update(headers)
        return next(refusals, 201), b""

    url = f"{app(answer)}/registrar-policy/policy.yml"
    given = environment("") | {"REGISTRAR_POLICY_URL": url}
    assert policy.main(given, patience=30, pause=0) is None
    assert seen["authorization"] == "Bearer not-a-real-token"
    assert seen["x-ms-blob-type"] == "BlockBlob"
    [text] = received.values()
    [rule] = parse_policy(text.decode()).rules
    assert [(it.tenant_id, it.object_id) for it in rule.callers] == [(TENANT, CALLER)]


@pytest.mark.usefixtures("azd")
def test_the_policy_hook_says_why_it_failed(app: Callable[[Answer], str]) -> None:
    given = environment("") | {"REGISTRAR_POLICY_URL": app(lambda *_: (403, b"")) + "/policy.yml"}
    assert "storage answered 403" in (policy.main(given, patience=0) or "")
    given["REGISTRAR_POLICY_URL"] = "http://127.0.0.1:9/policy.yml"
    assert "cannot be reached" in (policy.main(given, patience=0) or "")
    assert "AZURE_TENANT_ID is not set" in (policy.main({}) or "")


def test_the_policy_hook_says_what_azd_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment("") | {"REGISTRAR_POLICY_URL": "http://127.0.0.1:9/policy.yml"}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "azd cannot be run" in (policy.main(given) or "")
    (tmp_path / "azd").write_text("#!/bin/sh\necho 'ERROR: not logged in' >&2\nexit 1\n")
    (tmp_path / "azd").chmod(0o700)
    told = policy.main(given) or ""
    assert "`azd auth login`" in told
    assert "ERROR: not logged in" in told


def test_a_policy_that_cannot_be_filled_in_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policy.yml").write_text('rules:\n  - assets: ["data/$*"]\n')
    monkeypatch.setattr(policy, "POLICY", tmp_path / "policy.yml")
    told = policy.main(environment("") | {"REGISTRAR_POLICY_URL": "http://127.0.0.1:9/policy.yml"}) or ""
    assert "line 2, col 20" in told
    assert "written twice" in told


@pytest.mark.usefixtures("azd")
def test_whom_storage_shuts_out_is_told_how_to_go_on(app: Callable[[Answer], str], codes: list[str]) -> None:
    """From outside of a network without operatorRanges; a role that is not known yet has a code of its own."""
    given = environment("") | {"REGISTRAR_POLICY_URL": app(lambda *_: (403, b"")) + "/policy.yml"}
    codes.append("AuthorizationFailure")
    told = policy.main(given, patience=0) or ""
    assert "storage answered 403 AuthorizationFailure\n" in told
    for way in ("`azd hooks run postprovision` from inside", "operatorRanges", "REGISTRAR_POLICY_BY_HAND"):
        assert way in told
    codes[:] = ["AuthorizationPermissionMismatch"]
    assert (policy.main(given, patience=0) or "").endswith("storage answered 403 AuthorizationPermissionMismatch")


def test_a_policy_that_others_put_in_place_is_left_to_them_loudly(
    received: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert policy.main({"REGISTRAR_POLICY_BY_HAND": "true"}) is None
    assert "THE POLICY WAS NOT PUT IN PLACE" in capsys.readouterr().err
    assert not received
    assert policy.main({"REGISTRAR_POLICY_BY_HAND": "false"}) is not None


def test_the_first_policy_lets_nobody_in_but_the_caller_of_the_deployment() -> None:
    text = policy.POLICY.read_text()
    [rule] = parse_policy(string.Template(text).substitute(AZURE_TENANT_ID=TENANT, REGISTRAR_CALLER_ID=CALLER)).rules
    assert {action.value for action in rule.actions} == {"register", "plan", "read", "reconcile"}
    names = re.findall(r"\$\{(\w+)\}", text)
    assert set(names) == {"AZURE_TENANT_ID", "REGISTRAR_CALLER_ID"}
