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
    for resource in found["approvals"]:
        states = _states(az("network", "private-endpoint-connection", "list", "--id", resource), "properties")
        if "Approved" not in states or "Pending" in states:
            problems.append(f"{resource}: its private endpoint connections are {', '.join(states) or 'none'}")
    return problems


def _endpoints(found: dict[str, Any]) -> list[str]:
    problems = []
    for name in found["privateEndpoints"]:
        made = az("network", "private-endpoint", "show", "--name", name, "--resource-group", found["resourceGroup"])
        connections = [*made["privateLinkServiceConnections"], *made["manualPrivateLinkServiceConnections"]]
        if (states := _states(connections)) != ["Approved"]:
            problems.append(f"private endpoint {name} is {', '.join(states) or 'not connected'}, not Approved")
    return problems


def _states(connections: list[dict[str, Any]], within: str = "") -> list[str]:
    """Each state once, in order of their names."""
    bodies = [it[within] if within else it for it in connections]
    return sorted({it["privateLinkServiceConnectionState"]["status"] for it in bodies})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else "Name the deployment.")
