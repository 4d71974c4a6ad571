"""Whom the one transport trusts: over TLS, against the local ARM."""

from __future__ import annotations

import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.core.rest import HttpRequest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from registration.wiring import Wiring
from shared.errors import Misconfigured
from shared.transport import Transport
from tests.support import API_VERSION, MANAGEMENT, LocalStack, arm_id


def ask(stack: LocalStack, transport: Transport, **options: Any) -> int:
    request = HttpRequest("GET", f"{stack.description['arm']}/_emulator/requests")
    status: int = transport.send(request, **options).status_code
    return status


@pytest.fixture
def transport(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes one that trusts what a bundle holds, and waits for nothing."""

    def make(bundle: str | Path) -> Transport:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        return Transport(sleep=lambda _: None)

    return make


@pytest.mark.parametrize("options", [{}, {"connection_verify": False}, {"connection_verify": True}])
def test_a_server_of_an_authority_that_is_not_in_the_bundle_is_refused(
    stack: LocalStack, transport: Any, options: dict[str, bool]
) -> None:
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(stack, transport(DEFAULT_CA_BUNDLE_PATH), **options)


def test_a_certificate_for_another_name_is_refused(stack: LocalStack, transport: Any) -> None:
    other = stack.description["arm"].replace("127.0.0.1", "127.1")  # the same address
    with pytest.raises(ServiceRequestError, match="certificate is not valid for"):
        transport(stack.description["ca"]).send(HttpRequest("GET", f"{other}/_emulator/requests"))


def test_the_bundle_is_read_once_and_not_for_each_connection(stack: LocalStack, transport: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "authorities.pem"
    shutil.copy(stack.description["ca"], bundle)
    first = transport(bundle)
    bundle.unlink()
    assert ask(stack, first) == 200


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="NOT CHECKED: openssl, which names the files of such a directory, is absent"
)
def test_the_bundle_may_be_a_directory(stack: LocalStack, transport: Any, tmp_path: Path) -> None:
    shutil.copy(stack.description["ca"], tmp_path / "authority.pem")
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True)
    assert ask(stack, transport(tmp_path)) == 200


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_is_none_is_named_with_its_setting(
    parts: Wiring, name: str, content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "authorities.pem"
    if content is not None:
        bundle.write_text(content)
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, str(bundle))
    with pytest.raises(Misconfigured, match=f"^{name} names no"):
        Transport()
    assert any(problem.startswith(f"{name} names no") for problem in parts.problems())


class Tunnels(socketserver.StreamRequestHandler):
    """A proxy as far as CONNECT: it hands bytes on, both ways."""

    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        self.asked.append(self.rfile.readline().split()[1].decode())
        while self.rfile.readline().strip():
            pass
        host, port = self.asked[-1].split(":")
        with socket.create_connection((host, int(port))) as server:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_hand_on, args=(server, self.connection))
            back.start()
            _hand_on(self.connection, server)
            back.join()


def _hand_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def proxy(address: str) -> None:
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", address)

    return proxy


def test_through_a_proxy_the_server_is_checked_against_the_bundle(
    stack: LocalStack, transport: Any, behind: Callable[[str], None]
) -> None:
    Tunnels.asked.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnels) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            behind(f"http://127.0.0.1:{server.server_address[1]}")
            trusting = transport(stack.description["ca"])
            assert ask(stack, trusting) == 200
            trusting.session.close()
            with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
                ask(stack, transport(DEFAULT_CA_BUNDLE_PATH))
        finally:
            server.shutdown()
    assert set(Tunnels.asked) == {urlsplit(stack.description["arm"]).netloc}


@pytest.mark.parametrize(
    ("trusted", "refusal"), [(True, "Tunnel connection failed"), (False, "CERTIFICATE_VERIFY_FAILED")]
)
def test_a_proxy_that_speaks_tls_is_checked_against_the_bundle_too(
    stack: LocalStack, transport: Any, behind: Callable[[str], None], trusted: bool, refusal: str
) -> None:
    """The local ARM stands in for it: it has a certificate of the authority, and no tunnels."""
    behind(stack.description["arm"])
    with pytest.raises(ServiceRequestError, match=refusal):
        ask(stack, transport(stack.description["ca"] if trusted else DEFAULT_CA_BUNDLE_PATH))


def test_a_token_stands_whatever_netrc_has_for_its_host(
    stack: LocalStack, transport: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a proxy is set, requests reads the environment, and netrc with it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password not-a-secret\n")
    netrc.chmod(0o600)
    for name, value in {"NETRC": str(netrc), "HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    headers = {"Authorization": f"Bearer {stack.token('platform-admin', MANAGEMENT)}"}
    address = f"{stack.description['arm']}{arm_id(stack.new_workspace())}?api-version={API_VERSION}"
    answer = transport(stack.description["ca"]).send(HttpRequest("GET", address, headers=headers))
    assert answer.status_code == 200
