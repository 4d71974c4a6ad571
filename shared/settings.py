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

from shared.errors import Misconfigured
from shared.workspace import is_guid

CONTAINER = "registrar"
QUEUE = "registrar-work"
POISON_QUEUE = f"{QUEUE}-poison"
STORAGE = "AzureWebJobsStorage"
"""The host's own storage connection: a connection string, or `…__accountName` / `…__blobServiceUri` by identity."""

DEFAULT_SWEEP_SCHEDULE = "0 */5 * * * *"


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address such as https://name.example")
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError("must begin with https://")
    return value.rstrip("/")


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
    arm_endpoint: str = _setting("ARM_ENDPOINT", _url, "https://management.azure.com", "Azure Resource Manager")
    authority_host: str = _setting(
        "AZURE_AUTHORITY_HOST", _url, "https://login.microsoftonline.com", "where service principals sign in"
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
    allow_shared_principal: bool = _setting(
        "ALLOW_SHARED_PRINCIPAL",
        _boolean,
        "false",
        "let datastores store the very principal that calls Azure ML",
    )
    max_body_bytes: int = _setting("MAX_BODY_BYTES", _positive, str(4 * 1024 * 1024), "largest request body")
    max_changes: int = _setting("MAX_CHANGES", _positive, "50000", "most assets × workspaces of one registration")
    deadline_minutes: int = _setting("OPERATION_DEADLINE_MINUTES", _positive, "360", "an operation ends by then")
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

    @cached_property
    def outbound_principal(self) -> tuple[str, str, str] | None:
        """Tenant id, client id, secret name of the outbound service principal, where one is configured."""
        if self.outbound_tenant_id and self.outbound_client_id and self.outbound_secret:
            return self.outbound_tenant_id, self.outbound_client_id, self.outbound_secret
        return None


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
    if outbound and not has("KEY_VAULT_URLS"):
        problems.append("KEY_VAULT_URLS is not set: the outbound service principal's secret cannot be read")
    return problems
