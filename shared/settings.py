"""The settings: every environment variable that the service reads, with its default and its meaning.

Nothing here runs on import. `Settings.read()` raises `Misconfigured` with every problem at once; `/api/health` shows
the same problems.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from shared.clouds import CLOUDS, Cloud
from shared.errors import Misconfigured
from shared.workspace import is_guid

CONTAINER = "registrar"
AUDIT_CONTAINER = "registrar-audit"
QUEUE = "registrar-work"
POISON_QUEUE = f"{QUEUE}-poison"
STORAGE = "AzureWebJobsStorage"
"""The host's own storage connection: a connection string, or `…__accountName` / `…__blobServiceUri` by identity."""

DEFAULT_RECONCILE_SCHEDULE = "0 0 2 * * *"
DEFAULT_SWEEP_SCHEDULE = "0 */5 * * * *"


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address such as https://name.example")
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError("must begin with https://")
    return value.rstrip("/")


def _template(value: str) -> str:
    if "{account}" not in value:
        raise ValueError("does not say where {account} goes")
    return _url(value)


def _urls(value: str) -> tuple[str, ...]:
    return tuple(_url(part.strip()).lower() for part in value.split(",") if part.strip())


def _boolean(value: str) -> bool:
    if value.lower() not in {"true", "false", "1", "0"}:
        raise ValueError("is neither true nor false")
    return value.lower() in {"true", "1"}


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise ValueError("is not a whole number above 0")
    return int(value)


def _retention(value: str) -> int:
    """Days. An Idempotency-Key is good for 7, and stands for its operation so long."""
    if not value.isdecimal() or not 7 <= int(value) <= 36500:
        raise ValueError("is not a whole number from 7 to 36500")
    return int(value)


def _tenants(value: str) -> dict[str, str]:
    pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
    if not all(is_guid(subscription) and is_guid(tenant) for subscription, _, tenant in pairs):
        raise ValueError("is not a list of <subscription id>=<tenant id>")
    return {subscription.lower(): tenant.lower() for subscription, _, tenant in pairs}


def _cloud(value: str) -> Cloud:
    if value not in CLOUDS:
        raise ValueError(f"is none of {', '.join(CLOUDS)}")
    return CLOUDS[value]


def _guid(value: str) -> str:
    if not is_guid(value):
        raise ValueError("is not a GUID")
    return value.lower()


def _setting(name: str, parse: Callable[[str], Any], default: str | None, about: str) -> Any:
    return field(metadata={"name": name, "parse": parse, "default": default, "about": about})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the service is told. Field by field: environment variable, parser, default (None: left out), meaning."""

    public_url: str | None = _setting("PUBLIC_URL", _url, None, "the app's own address, for links in answers")
    key_vault_urls: tuple[str, ...] = _setting(
        "KEY_VAULT_URLS",
        _urls,
        "",
        "vaults that registrations may refer to, by comma; a bare name means the first",
    )
    policy_file: str | None = _setting("POLICY_FILE", str, None, "path of the policy; or POLICY_URL")
    policy_url: str | None = _setting("POLICY_URL", _url, None, "blob that holds the policy; or POLICY_FILE")
    cloud: Cloud = _setting(  # noqa: RUF009 - a field, made by a function
        "AZURE_CLOUD", _cloud, "AzureCloud", "AzureCloud, AzureUSGovernment or AzureChinaCloud: every address follows"
    )
    arm_override: str | None = _setting("ARM_ENDPOINT", _url, None, "another Resource Manager than the cloud's")
    authority_override: str | None = _setting(
        "AZURE_AUTHORITY_HOST", _url, None, "another sign-in for service principals than the cloud's"
    )
    lake_override: str | None = _setting(
        "LAKE_ENDPOINT", _template, None, "another address of storage accounts than the cloud's, with {account} in it"
    )
    managed_identity: str | None = _setting(
        "AZURE_CLIENT_ID",
        _guid,
        None,
        "client id of the app's user-assigned identity; left out: system-assigned",
    )
    outbound_tenant_id: str | None = _setting(
        "OUTBOUND_TENANT_ID",
        _guid,
        None,
        "tenant of the service principal that calls Azure ML; left out: the identity",
    )
    outbound_client_id: str | None = _setting(
        "OUTBOUND_CLIENT_ID", _guid, None, "client id of the service principal that calls Azure ML"
    )
    outbound_secret: str | None = _setting(
        "OUTBOUND_SECRET_NAME", str, None, "name, in the first vault, of that service principal's secret"
    )
    outbound_tenants: dict[str, str] = _setting(  # noqa: RUF009 - a field, made by a function
        "OUTBOUND_TENANTS",
        _tenants,
        "",
        "subscriptions of other tenants, as <subscription id>=<tenant id>, by comma; each tenant's principal is in the "
        "first vault, as outbound-<tenant id>-client-id and outbound-<tenant id>-secret",
    )
    allow_shared_principal: bool = _setting(
        "ALLOW_SHARED_PRINCIPAL",
        _boolean,
        "false",
        "let datastores store the very principal that calls Azure ML",
    )
    max_body_bytes: int = _setting("MAX_BODY_BYTES", _positive, str(4 * 1024 * 1024), "largest request body")
    max_changes: int = _setting("MAX_CHANGES", _positive, "50000", "most assets × workspaces of one registration")
    deadline_minutes: int = _setting("OPERATION_DEADLINE_MINUTES", _positive, "360", "an operation ends by then")
    retention_days: int = _setting(
        "OPERATION_RETENTION_DAYS", _retention, "30", "completed operations are kept for so many days; at least 7"
    )
    max_attempts: int = _setting("MAX_ATTEMPTS", _positive, "5", "tries of one workspace when Azure is busy or away")

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of the process. Raises Misconfigured, which names every wrong setting at once."""
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        problems: list[str] = []
        for attribute, spec in cls.__dataclass_fields__.items():
            name, default = spec.metadata["name"], spec.metadata["default"]
            text = environment.get(name, "").strip() or default
            try:
                values[attribute] = None if text is None else spec.metadata["parse"](text)
            except ValueError as error:
                problems.append(f"{name} {error}")
        problems += _missing(environment)
        if problems:
            raise Misconfigured(problems)
        return cls(**values)

    @property
    def arm_endpoint(self) -> str:
        return self.arm_override or self.cloud.arm

    @property
    def authority_host(self) -> str:
        return self.authority_override or self.cloud.authority

    @property
    def lake_endpoint(self) -> str:
        """The blobs of a storage account, with `{account}` for its name."""
        return self.lake_override or f"https://{{account}}.blob.{self.cloud.storage_suffix}"

    @cached_property
    def own_secrets(self) -> frozenset[str]:
        """Names, in the first vault, of the service's own credentials; nobody is granted them."""
        names = {tenant_secret(tenant, part) for tenant in self.outbound_tenants.values() for part in TENANT_PARTS}
        return frozenset(names | ({self.outbound_secret.lower()} if self.outbound_secret else set()))


TENANT_PARTS = ("client-id", "secret")


def tenant_secret(tenant_id: str, part: str) -> str:
    """The name of a secret that holds one part of a tenant's outbound principal."""
    return f"outbound-{tenant_id}-{part}"


def _missing(environment: Mapping[str, str]) -> list[str]:
    """Settings that only make sense together, and the ones nothing works without."""

    def has(name: str) -> bool:
        return bool(environment.get(name, "").strip())

    problems = []
    if not any(has(STORAGE + suffix) for suffix in ("", "__accountName", "__blobServiceUri")):
        problems.append(f"{STORAGE} is not set (nor {STORAGE}__accountName)")
    if not has("PUBLIC_URL"):
        problems.append("PUBLIC_URL is not set: answers cannot name their Location")
    if has("POLICY_FILE") == has("POLICY_URL"):
        problems.append("set either POLICY_FILE or POLICY_URL: without a policy every request is refused")
    outbound = [name for name in ("OUTBOUND_TENANT_ID", "OUTBOUND_CLIENT_ID", "OUTBOUND_SECRET_NAME") if has(name)]
    if outbound and len(outbound) < 3:
        problems.append(
            "OUTBOUND_TENANT_ID, OUTBOUND_CLIENT_ID and OUTBOUND_SECRET_NAME are set together or not at all"
        )
    if (outbound or has("OUTBOUND_TENANTS")) and not has("KEY_VAULT_URLS"):
        problems.append("KEY_VAULT_URLS is not set: the outbound service principal's secret cannot be read")
    return problems
