"""Tokens of the stack's identities, got as an app on Azure gets its own."""

from __future__ import annotations

import os
from typing import Any

import httpx
import msal

from local.stack import StackError

MANAGEMENT = "https://management.azure.com"


def token(stack: dict[str, Any], identity: str, resource: str | None = None) -> str:
    """By msal's managed-identity client, from the two variables that Azure sets for it.

    `stack`: its `stack.json`. `resource`: the app's audience when it is left out. Raises StackError.
    """
    if identity not in stack["identities"]:
        raise StackError(f"There is no identity '{identity}'; there are {', '.join(stack['identities'])}.")
    it = stack["identities"][identity]
    os.environ["IDENTITY_ENDPOINT"], os.environ["IDENTITY_HEADER"] = it["endpoint"], it["header"]
    with httpx.Client(timeout=60, trust_env=False) as http:
        client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=http)
        answer = client.acquire_token_for_client(resource=resource or stack["audience"])
    if "access_token" not in answer:
        raise StackError(f"No token for {identity}: {answer.get('error_description', answer)}")
    return str(answer["access_token"])
