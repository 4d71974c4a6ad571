"""Whom the one transport trusts: over TLS, against the local ARM."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.core.rest import HttpRequest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.transport import Transport
from tests.support import LocalStack


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
    shutil.which("openssl") is None, reason="openssl, which names the files of such a directory, is absent"
)
def test_the_bundle_may_be_a_directory(stack: LocalStack, transport: Any, tmp_path: Path) -> None:
    shutil.copy(stack.description["ca"], tmp_path / "authority.pem")
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True)
    assert ask(stack, transport(tmp_path)) == 200
