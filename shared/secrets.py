"""Secrets: found by reference, read at write time, never stored, logged, returned or compared.

A reference is a name in the first vault on the settings' list, or a full secret URL in any listed vault.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.assets import KeyVaultSecret
from shared.errors import AzureBusy, AzureRefused

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.keyvault.secrets import SecretClient

CACHE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SecretName:
    """Where a secret is. `label` is what the policy's `secrets` name: the bare name in the first vault, else
    `vault host/name`."""

    vault: str
    name: str
    version: str | None
    label: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that was read. Its value does not show in `repr`; `version` says which one it was."""

    value: str = field(repr=False)
    version: str
    id: str
    """Address of the secret without its version."""


def find_secret(reference: KeyVaultSecret, vaults: Sequence[str]) -> SecretName:
    """Resolves a reference against the listed vaults, without a call. Raises ValueError with a sentence."""
    text = reference.key_vault_secret
    if not vaults:
        raise ValueError("no vault is configured (KEY_VAULT_URLS), so no secret can be referred to")
    if "://" not in text:
        return SecretName(vaults[0], _name(text), None, text)
    parts = urlsplit(text)
    vault = f"{parts.scheme}://{parts.netloc}".lower()
    if vault not in vaults:
        raise ValueError("this vault is not on the service's list (KEY_VAULT_URLS)")
    match = re.fullmatch(r"/secrets/([^/]+)(?:/([^/]+))?/?", parts.path)
    if match is None or parts.query or parts.fragment:
        raise ValueError("write https://<vault>/secrets/<name>, with or without a version")
    if match[2] is not None and not re.fullmatch(r"[0-9a-fA-F]{32}", match[2]):
        raise ValueError("a secret's version has 32 hexadecimal digits; leave it out for the newest one")
    name = _name(match[1])
    return SecretName(vault, name, match[2], name if vault == vaults[0] else f"{parts.netloc.lower()}/{name}")


def _name(text: str) -> str:
    if not re.fullmatch(r"[0-9a-zA-Z-]{1,127}", text):
        raise ValueError("a secret's name has 1 to 127 letters, digits and hyphens")
    return text


class Vaults:
    """Reads secrets from the listed vaults. A value is kept for a minute, in memory."""

    def __init__(
        self,
        vaults: Sequence[str],
        credential: Callable[[], TokenCredential],
        transport: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vaults = vaults
        self._credential = credential
        self._transport = transport
        self._clock = clock
        self._clients: dict[str, SecretClient] = {}
        self._cache: dict[SecretName, tuple[float, Secret]] = {}
        self._lock = threading.Lock()

    def read(self, reference: KeyVaultSecret) -> Secret:
        """The secret. Raises AzureRefused (gone, disabled, forbidden) or AzureBusy."""
        try:
            where = find_secret(reference, self._vaults)
        except ValueError as error:
            raise AzureRefused(400, "SecretReference", str(error)) from None
        with self._lock:
            kept = self._cache.get(where)
            if kept is not None and kept[0] > self._clock():
                return kept[1]
        secret = self._fetch(where)
        with self._lock:
            self._cache[where] = (self._clock() + CACHE_SECONDS, secret)
        return secret

    def _fetch(self, where: SecretName) -> Secret:
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            found = self._client(where.vault).get_secret(where.name, where.version)
        except HttpResponseError as error:
            message = f"The secret '{where.name}' could not be read: {_first_line(error)}"
            status = error.status_code or 503
            if status in {408, 429} or status >= 500:
                raise AzureBusy("KeyVaultBusy", message) from None
            raise AzureRefused(status, "SecretNotReadable", message) from None
        except AzureError as error:
            raise AzureBusy("KeyVaultUnreachable", f"The vault of '{where.name}' cannot be reached.") from error
        if not found.value:
            raise AzureRefused(404, "SecretEmpty", f"The secret '{where.name}' has no value.")
        return Secret(found.value, found.properties.version or "", f"{where.vault}/secrets/{where.name}")

    def _client(self, vault: str) -> SecretClient:
        from azure.keyvault.secrets import SecretClient

        with self._lock:
            if vault not in self._clients:
                self._clients[vault] = SecretClient(vault, self._credential(), transport=self._transport, retry_total=0)
            return self._clients[vault]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:500] if str(error) else type(error).__name__
