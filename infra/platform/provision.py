"""After a deployment: provisions the managed network, and looks whether both ends of each private endpoint agree.

    python3 -m infra.platform.provision <deployment>

The workspace asks for its network when it is made, and only then; what was made before, or gets a rule later, is
provisioned here. Needs nothing but Python and the Azure CLI with its ml extension. Exits 1, saying what is not well.
"""

from __future__ import annotations

import sys
from typing import Any

from infra.platform.az import Refused, az, outputs_of


def main(deployment: str) -> str | None:
    """What is not well, one line for each; or None."""
    try:
        found = outputs_of(deployment)
        problems = _managed(found) if found["networkMode"] == "managedNetwork" else []
        problems += _endpoints(found)
    except Refused as refusal:
        return str(refusal)
    return "\n".join(problems) or None


def _managed(found: dict[str, Any]) -> list[str]:
    workspace, group = found["workspace"], found["resourceGroup"]
    az("ml", "workspace", "provision-network", "--name", workspace, "--resource-group", group, "--include-spark")
    rules = az("ml", "workspace", "outbound-rule", "list", "--workspace-name", workspace, "--resource-group", group)
    problems = [
        f"outbound rule {rule['name']} is {rule['status']}, not Active" for rule in rules if rule["status"] != "Active"
    ]
    # Only a rule for a private endpoint says which resource it leads to, not always in the template's spelling.
    leads_to = {
        rule["name"]: rule["destination"]["service_resource_id"]
        for rule in rules
        if isinstance(rule.get("destination"), dict) and "service_resource_id" in rule["destination"]
    }
    resources = {it.lower(): it for it in [*leads_to.values(), *found["approvals"]]}
    for key, resource in resources.items():
        names = [name for name, target in leads_to.items() if target.lower() == key]
        problems += _not_approved(resource, names) if names else [f"{resource}: no outbound rule leads to it"]
    return problems


def _not_approved(resource: str, rules: list[str]) -> list[str]:
    """What is not well with these rules' connections at the resource. The endpoint of a managed network is in a
    subscription of Microsoft's, by its rule's name. Connections of others, our own network's too, prove nothing."""
    states: dict[str, set[str]] = {}
    for it in az("network", "private-endpoint-connection", "list", "--id", resource):
        endpoint = str((it["properties"].get("privateEndpoint") or {}).get("id")).rpartition("/")[2]
        status = it["properties"]["privateLinkServiceConnectionState"]["status"]
        states.setdefault(endpoint.lower(), set()).add(status)
    others = ", ".join(f"{name} {' and '.join(sorted(states[name]))}" for name in sorted(states))
    problems = []
    for rule in rules:
        if not (of := states.get(rule.lower())):
            problems.append(f"{resource}: nothing comes from outbound rule {rule}, only from {others or 'nowhere'}")
        elif of != {"Approved"}:
            problems.append(f"{resource}: outbound rule {rule}'s connection is {', '.join(sorted(of))}")
    return problems


def _endpoints(found: dict[str, Any]) -> list[str]:
    problems = []
    for name in found["privateEndpoints"]:
        made = az("network", "private-endpoint", "show", "--name", name, "--resource-group", found["resourceGroup"])
        connections = [*made["privateLinkServiceConnections"], *made["manualPrivateLinkServiceConnections"]]
        if (states := _states(connections)) != ["Approved"]:
            problems.append(f"private endpoint {name} is {', '.join(states) or 'not connected'}, not Approved")
    return problems


def _states(connections: list[dict[str, Any]]) -> list[str]:
    """Each state once, in order of their names."""
    return sorted({it["privateLinkServiceConnectionState"]["status"] for it in connections})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else "Name the deployment.")
