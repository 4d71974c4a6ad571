"""Whose definition of an asset stands where several registrations want it: the earliest registration's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from registration.plan.fields import agree, merged
from registration.plan.model import Claim


@dataclass
class Standing:
    """All claims to one asset. `claim`: what is to be planned, None when all that agree are held; `beaten`: those to
    be planned that differ from what stands, each with the registration that came first."""

    claim: Claim | None = None
    beaten: list[tuple[Claim, str]] = field(default_factory=list)


def settle(claims: Sequence[Claim]) -> dict[str, Standing]:
    """Asset id in lower case -> what came of the claims to it. `claims` in order of precedence."""
    groups: dict[str, list[Claim]] = {}
    for claim in (claim for claim in claims if not claim.void):
        groups.setdefault(claim.wanted.id.lower(), []).append(claim)
    return {asset: _settle(group) for asset, group in groups.items()}


def _settle(group: Sequence[Claim]) -> Standing:
    stands: list[Claim] = []
    found = Standing()
    for claim in group:
        rival = next((other for other in stands if not agree(other.wanted, claim.wanted)), None)
        if rival is None:
            stands.append(claim)
        elif not claim.held:
            found.beaten.append((claim, rival.origin.name))
    acting = [claim for claim in stands if not claim.held]
    if acting:
        first = acting[0]
        found.claim = replace(first, wanted=merged(first.wanted, [claim.wanted for claim in acting[1:]]))
    return found
