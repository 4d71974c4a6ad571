"""Names and ids that the service makes up."""

from __future__ import annotations

import hashlib
import json
import re
import uuid

from registration.access.caller import Caller
from registration.request.document import Registration


def new_operation_id() -> str:
    """Random: it says nothing and cannot be guessed. Versions alone have the form of a time."""
    return str(uuid.uuid4())


MADE_UP = ("auto", "send-data")
"""Prefixes of names that the service makes. Nobody else may take one, for they can be guessed."""


def is_made_up(name: str) -> bool:
    return re.fullmatch(rf"({'|'.join(MADE_UP)})-[0-9a-f]{{16}}", name.lower()) is not None


def default_name(prefix: str, caller: Caller, registration: Registration) -> str:
    """`<prefix>-<hash of caller, targets and asset names>`: a later call for the same replaces it."""
    parts = [
        caller.id,
        sorted(workspace.key for workspace in registration.workspaces),
        sorted(datastore.id.lower() for datastore in registration.datastores),
        sorted(f"data/{data.name}".lower() for data in registration.data),
    ]
    if registration.selectors:
        parts.append(sorted(selector.key for selector in registration.selectors))
    return f"{prefix}-{digest(json.dumps(parts).encode())[:16]}"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
