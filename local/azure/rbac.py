"""Who may do what in Resource Manager: role actions by object id, with Azure's wildcards."""

import re

from local.azure.answers import AzureError, Json
from local.azure.store import GROUPS, Place

_VERBS = {"list": "read", "read": "read", "write": "write", "patch": "write", "delete": "delete"}


def action(place: Place, verb: str) -> str:
    """The action that a call needs, as `az provider operation show` spells it; a POST's ends in `/action`."""
    kind = "Microsoft.Resources/subscriptions/resourceGroups" if place.type == GROUPS else place.type
    return f"{kind}/{_VERBS.get(verb, verb + '/action')}"


class Roles:
    """`assigned` is what each object id was given at the start, `changed` what tests put in its place."""

    def __init__(self, assigned: dict[str, list[str]]) -> None:
        self.assigned, self.changed = assigned, dict[str, list[str]]()

    def allow(self, who: str, wanted: str) -> bool:
        """Whether a role of that object id holds `wanted`: case is ignored, `*` matches anything."""
        patterns = self.changed.get(who, self.assigned.get(who, []))
        return any(re.fullmatch(re.escape(it).replace(r"\*", ".*"), wanted, re.IGNORECASE) for it in patterns)

    def demand(self, claims: Json, wanted: str, scope: str) -> None:
        """Raises AzureError 403 unless a role allows `wanted`."""
        who = claims["oid"]
        if self.allow(who, wanted):
            return
        client = claims.get("appid") or claims.get("azp")
        text = f"The client '{client}' with object id '{who}' does not have authorization to perform action "
        text += f"'{wanted}' over scope '{scope}' or the scope is invalid. "
        text += "If access was recently granted, please refresh your credentials."
        raise AzureError(403, "AuthorizationFailed", text)
