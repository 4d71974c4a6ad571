"""Who calls Azure ML in which subscription: the app's identity, its outbound service principal, or a tenant's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.assets import KeyVaultSecret
from shared.credentials import KeptToken, OutboundPrincipal
from shared.settings import Settings, tenant_secret

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from shared.secrets import Vaults


class Outbound:
    """Credentials by subscription, each with one token for all clients that use it."""

    def __init__(
        self, settings: Settings, identity: Callable[[], TokenCredential], vaults: Vaults, transport: Any
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._vaults = vaults
        self._transport = transport
        self._credentials: dict[str | None, TokenCredential] = {}
        self._lock = threading.Lock()

    def credential(self, subscription_id: str) -> TokenCredential:
        """Who makes the calls about this subscription: always the same object for the same principal."""
        tenant = self._settings.outbound_tenants.get(subscription_id.lower())
        with self._lock:
            if tenant not in self._credentials:
                self._credentials[tenant] = KeptToken(self._build(tenant))
            return self._credentials[tenant]

    def client_ids(self) -> frozenset[str]:
        """The client ids of every outbound principal. Raises AzureRefused or Temporary when one cannot be read."""
        settings = self._settings
        ids = {self._read(tenant_secret(tenant, "client-id")) for tenant in settings.outbound_tenants.values()}
        if settings.outbound_client_id:
            ids.add(settings.outbound_client_id)
        return frozenset(client_id.lower() for client_id in ids)

    def _build(self, tenant: str | None) -> TokenCredential:
        settings = self._settings
        if tenant is not None:
            names = tenant_secret(tenant, "client-id"), tenant_secret(tenant, "secret")
            client, secret = (lambda name=name: self._read(name) for name in names)
            return OutboundPrincipal(tenant, client, secret, settings.authority_host, self._transport)
        own = settings.outbound_tenant_id, settings.outbound_client_id, settings.outbound_secret
        if not all(own):
            return self._identity()
        tenant_id, client_id, name = (str(part) for part in own)
        return OutboundPrincipal(
            tenant_id, lambda: client_id, lambda: self._read(name), settings.authority_host, self._transport
        )

    def _read(self, name: str) -> str:
        return self._vaults.read(KeyVaultSecret(key_vault_secret=name)).value
