"""What a caller may see of what is stored: registrations, workspaces, assets.

An owner sees a registration whole. Others see of it the workspaces and assets that they may `read` or `administer`;
where that is nothing, there is no such registration for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache

from registration.access.caller import SERVICE, Caller
from registration.access.policy import Access, Action, Policy, Rights, policy_name
from registration.records.catalog import PREFIX, not_owner
from registration.records.desired import Stored
from registration.request.targets import Selector
from shared.assets import Data, Datastore
from shared.errors import Damaged
from shared.workspace import Workspace

ANYWHERE = "*/*/*"
"""A workspace's key of which nothing is known: only a pattern that allows any name matches it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one caller sees of a registration."""

    stored: Stored
    workspaces: tuple[Workspace, ...]
    selectors: tuple[Selector, ...]
    datastores: tuple[Datastore, ...]
    data: tuple[Data, ...]

    @property
    def assets(self) -> tuple[Datastore | Data, ...]:
        return (*self.datastores, *self.data)

    @property
    def whole(self) -> bool:
        it = self.stored.registration
        return (len(self.workspaces), len(self.selectors), len(self.datastores), len(self.data)) == (
            len(it.workspaces),
            len(it.selectors),
            len(it.datastores),
            len(it.data),
        )


@dataclass(frozen=True)
class Sight:
    """What one caller may see, by the policy at one time."""

    caller: Caller
    policy: Policy

    @cached_property
    def reads(self) -> Rights:
        return self.policy.of(self.caller, Action.READ)

    @cached_property
    def oversees(self) -> bool:
        """Whether they may administer something in any workspace there may be: they are told what is damaged."""
        return self.policy.of(self.caller, Action.ADMINISTER).reaches(ANYWHERE)

    def reads_all(self, workspace: str) -> bool:
        """Whether they may read any asset of this workspace, whatever its name."""
        return all(self.reads.allows(Access(workspace, asset)) for asset in ("datastores/*", "data/*"))

    def sees(self, stored: Stored, asset: str) -> bool:
        """Whether they may know that a registration wants an asset: `data/<name>` or `datastores/<name>`."""
        if stored.owner.id == self.caller.id:
            return True
        places = {
            *_keys(stored.registration.workspaces),
            *(selector.place for selector in stored.registration.selectors),
        }
        return bool(self._seen(places, [asset])[1])

    def part(self, stored: Stored) -> Part | None:
        """What they see of a registration; None when that is nothing."""
        it = stored.registration
        if stored.owner.id == self.caller.id:
            return Part(stored, it.workspaces, it.selectors, it.datastores, it.data)
        places = {*_keys(it.workspaces), *(selector.place for selector in it.selectors)}
        seen, assets = self._seen(places, {policy_name(asset.id) for asset in stored.assets})
        if not seen:
            return None
        return Part(
            stored,
            tuple(workspace for workspace in it.workspaces if workspace.key in seen),
            tuple(selector for selector in it.selectors if selector.place in seen),
            tuple(datastore for datastore in it.datastores if datastore.id in assets),
            tuple(data for data in it.data if policy_name(data.id) in assets),
        )

    def _seen(self, places: Iterable[str], assets: Iterable[str]) -> tuple[set[str], set[str]]:
        """(places, assets) of all the pairs that they may see. Asked rule by rule: a registration may have many more
        pairs than places and assets."""
        seen_places: set[str] = set()
        seen_assets: set[str] = set()
        for rule, reaches in self._rules:
            reached = {place for place in places if reaches(place)}
            if not reached:
                continue
            one = next(iter(reached))
            allowed = {asset for asset in assets if rule.allows(Access(one, asset))}
            if allowed:
                seen_places |= reached
                seen_assets |= allowed
        return seen_places, seen_assets

    @cached_property
    def _rules(self) -> list[tuple[Rights, Callable[[str], bool]]]:
        """Each rule by itself; whether it speaks of a workspace is remembered, for many registrations name the same."""
        found = (*self.reads.rules, *self.policy.of(self.caller, Action.ADMINISTER).rules)
        alone = [Rights((rule,)) for rule in found]
        return [(rule, lru_cache(maxsize=100_000)(rule.reaches)) for rule in alone]


@contextmanager
def hiding_damage(caller: Caller, policy: Callable[[], Policy]) -> Iterator[None]:
    """While a caller takes a name: a registration that is damaged is nobody's who can be told, so that it is to them
    as any other caller's, unless they are told what is damaged. Raises RequestError 403 in place of Damaged."""
    try:
        yield
    except Damaged as error:
        if not error.document.startswith(PREFIX) or Sight(caller, policy()).oversees:
            raise
        raise not_owner() from None


def may_steer(caller: Caller, sender: str, policy: Policy) -> bool:
    """Whether a caller may retry or cancel an operation of that sender: their own; and the service's, if they oversee
    everything."""
    return caller.id == sender or (sender == SERVICE.id and Sight(caller, policy).oversees)


def _keys(workspaces: Iterable[Workspace]) -> list[str]:
    return [workspace.key for workspace in workspaces]
