"""Who the app is to Azure: its managed identity, or a service principal whose secret a vault keeps."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from shared.clouds import AUTHORITIES
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential


def app_identity(settings: Settings) -> TokenCredential:
    """The managed identity; on an engineer's own machine, whoever signed in with the Azure CLI or azd."""
    from azure.identity import (
        AzureCliCredential,
        AzureDeveloperCliCredential,
        ChainedTokenCredential,
        ManagedIdentityCredential,
    )

    if "IDENTITY_ENDPOINT" in os.environ or os.environ.get("AZURE_FUNCTIONS_ENVIRONMENT") != "Development":
        return ManagedIdentityCredential(client_id=settings.managed_identity)
    return ChainedTokenCredential(AzureCliCredential(), AzureDeveloperCliCredential())


FRESH = 600.0
"""Seconds that a kept token still has to live: twice what the SDK's policy asks for, so that it never asks in vain."""


class KeptToken:
    """A credential whose token is asked for once, and not by each of a hundred clients."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential
        self._kept: dict[tuple[str, ...], AccessToken] = {}
        self._asking: dict[tuple[str, ...], Future[AccessToken]] = {}
        self._lock = threading.Lock()

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """With `claims`, which Azure asks for when it refuses a token, always a new one. Whoever asks meanwhile waits
        for the same answer, a refusal, too: one try may take half a minute, and dozens would follow each other."""
        claims = kwargs.get("claims")
        key = scopes if claims is None else (*scopes, claims)
        with self._lock:
            kept = None if claims is not None else self._kept.get(scopes)
            if kept is not None and kept.expires_on - time.time() >= FRESH:
                return kept
            asked = self._asking.get(key)
            asking = self._asking.setdefault(key, Future())
        if asked is None:
            self._ask(key, asking, scopes, kwargs)
        error = asking.exception()
        if error is not None and kept is not None and kept.expires_on > time.time():
            return kept
        return asking.result()

    def _ask(
        self, key: tuple[str, ...], asking: Future[AccessToken], scopes: tuple[str, ...], kwargs: dict[str, Any]
    ) -> None:
        token, error = None, None
        try:
            token = self._credential.get_token(*scopes, **kwargs)
        except BaseException as raised:  # noqa: BLE001 - it is raised by each that waits
            error = raised
        with self._lock:
            del self._asking[key]
            if token is not None:
                self._kept[scopes] = token
        if token is not None:
            asking.set_result(token)
        else:
            asking.set_exception(error)


class OutboundPrincipal:
    """A service principal for calls to Azure ML. Its client id and secret are read at first use, and again when Entra
    refuses them, since they may have been rotated."""

    def __init__(
        self,
        tenant_id: str,
        client_id: Callable[[], str],
        secret: Callable[[], str],
        authority: str,
        transport: Any,
    ) -> None:
        self._tenant_id = tenant_id
        self.client_id = client_id
        self._secret = secret
        self._authority = authority
        self._transport = transport
        self._inner: TokenCredential | None = None

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        from azure.core.exceptions import ClientAuthenticationError

        if self._inner is not None:
            try:
                return self._inner.get_token(*scopes, **kwargs)
            except ClientAuthenticationError:
                self._inner = None
        self._inner = self._build()
        return self._inner.get_token(*scopes, **kwargs)

    def _build(self) -> TokenCredential:
        from azure.identity import ClientSecretCredential

        return ClientSecretCredential(
            self._tenant_id,
            self.client_id(),
            self._secret(),
            authority=self._authority,
            transport=self._transport,
            disable_instance_discovery=self._authority not in AUTHORITIES,
        )
