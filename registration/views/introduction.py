"""`GET /api/me`: who a caller is to the service, and what they may do."""

from __future__ import annotations

from typing import Any

from registration.access.caller import Caller
from registration.access.policy import Policy
from shared.settings import Settings


def introduce(caller: Caller, policy: Policy, settings: Settings) -> dict[str, Any]:
    """The caller's identity; the rules that speak for them, without whom else they speak for; the service's limits."""
    rules = [rule for rule in policy.rules if any(who.matches(caller) for who in rule.callers)]
    return {
        **caller.as_json(),
        "rules": [rule.model_dump(mode="json", exclude={"callers"}) for rule in rules],
        "limits": {
            "maxBodyBytes": settings.max_body_bytes,
            "maxChanges": settings.max_changes,
            "operationDeadlineMinutes": settings.deadline_minutes,
        },
    }
