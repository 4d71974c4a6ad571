"""Proof on a tenant: a deployment of main.bicep is tried, and what worked is said, line by line.

    python3 -m infra.platform.proof <deployment> inside     from a machine in the network
    python3 -m infra.platform.proof <deployment> outside    from any other

Needs Python and the Azure CLI with its ml extension, signed in. Exits 1 if anything failed. What cannot be tried is
said too, and is no failure. Every step is run, whatever became of the one before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from infra.platform.az import Refused, outputs_of
from infra.platform.proof.steps import Failed, Outputs, Step, Untried, inside, outside

PLACES: dict[str, Callable[[Outputs], list[tuple[str, Step]]]] = {"inside": inside, "outside": outside}


def main(arguments: list[str], say: Callable[[str], object]) -> int:
    """The exit code: 0 nothing failed, 1 something did, 2 it was not asked rightly."""
    if len(arguments) != 2 or arguments[1] not in PLACES:
        say(str(__doc__))
        return 2
    try:
        found = outputs_of(arguments[0])
    except Refused as refusal:
        say(str(refusal))
        return 2
    outcomes = []
    for name, step in PLACES[arguments[1]](found):
        outcome, words = tried(step, found)
        say(f"{outcome:<9} {name}: {words}")
        outcomes.append(outcome)
    return 1 if "FAILED" in outcomes else 0


def tried(step: Step, found: Outputs) -> tuple[str, str]:
    try:
        return "worked", step(found)
    except Untried as reason:
        return "not tried", str(reason)
    except (Failed, Refused) as reason:
        return "FAILED", str(reason)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], lambda line: sys.stdout.write(f"{line}\n")))
