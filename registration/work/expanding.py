"""Finding out which workspaces an operation is about: those that are named, those that selectors find now, and those
that still hold what a registration left there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from registration.access.policy import Action, Policy, Rights
from registration.records.catalog import Catalog
from registration.records.desired import Stored
from registration.records.inventory import PREFIX, concerns, metadata_of, settled, tells
from registration.records.sight import Sight
from registration.records.snapshot import Kind, Lost, Operation
from registration.request.targets import Selector
from shared import logs
from shared.documents import Documents
from shared.errors import Permanent
from shared.workspace import Workspace

if TYPE_CHECKING:
    from shared.azureml.discovery import Found

log = logs.get_log(__name__)


class WorkspaceFinder(Protocol):
    def find(self, subscription_id: str, resource_group: str | None = None) -> list[Found]: ...


@dataclass
class Search:
    """One look round. Each subscription and group is listed once, however many selectors speak of it."""

    finder: WorkspaceFinder
    workspaces: dict[str, Workspace] = field(default_factory=dict)
    """By key; the first spelling stays."""
    lost: dict[str, Lost] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    _listed: dict[tuple[str, str | None], list[Found]] = field(default_factory=dict)

    def add(self, workspaces: Iterable[Workspace]) -> None:
        for workspace in workspaces:
            self.workspaces.setdefault(workspace.key, workspace)

    def select(self, selector: Selector, rights: Rights | None = None) -> list[Workspace]:
        """What a selector finds, of what the rights reach; None: of everything. What cannot be listed is noted as lost;
        raises Temporary when it may be later.

        Where the rights do not reach nothing is looked for, so that nobody learns what there is.
        """
        found: list[Found] = []
        if rights is None or rights.reaches_into(selector.subscription_id, selector.resource_group):
            try:
                found = self._list(selector.subscription_id, selector.resource_group)
            except Permanent as error:
                place, why = selector.place, error.message
                log.warning("A selector's workspaces cannot be listed.", place=place, code=error.code, reason=why)
                self.lost[place] = Lost(place, error.code, error.message)
                return []
        kept = [it.workspace for it in found if selector.matches(it.workspace, it.tags)]
        kept = [it for it in kept if rights is None or rights.reaches(it.key)]
        if not kept:
            shown = json.dumps(selector.model_dump(exclude_none=True))
            self.warnings.append(f"A selector finds no workspace that the policy speaks of: {shown}.")
        return kept

    def _list(self, subscription_id: str, resource_group: str | None) -> list[Found]:
        key = subscription_id, None if resource_group is None else resource_group.lower()
        if key not in self._listed:
            self._listed[key] = self.finder.find(subscription_id, resource_group)
        return self._listed[key]


class Expander:
    """Finds out workspaces. `finder` is built at first use: it brings SDKs with it."""

    def __init__(
        self,
        documents: Documents,
        catalog: Catalog,
        finder: Callable[[], WorkspaceFinder],
        policy: Callable[[], Policy],
    ) -> None:
        self._documents = documents
        self._catalog = catalog
        self._finder = finder
        self._policy = policy

    def expand(self, operation: Operation) -> Operation:
        """The operation with all its workspaces. Raises Temporary when they cannot be listed now."""
        search = Search(self._finder())
        if operation.kind is Kind.RECONCILE:
            self._reconciliation(operation, search)
        else:
            self._registration(operation, search)
        return replace(
            operation,
            workspaces=tuple(search.workspaces[key] for key in sorted(search.workspaces)),
            lost=tuple(search.lost[place] for place in sorted(search.lost)),
            warnings=tuple(dict.fromkeys(search.warnings)),
            pending=False,
        )

    def _registration(self, operation: Operation, search: Search) -> None:
        """One registration's targets, and the workspaces that hold what it left."""
        assert operation.registration is not None
        if operation.kind is not Kind.REMOVE:
            search.add(operation.registration.workspaces)
            if operation.kind is Kind.PLAN:
                rights = self._policy().of(operation.caller, Action.PLAN)
            else:
                rights = self._policy().of(operation.owner or operation.caller, Action.REGISTER)
            for selector in operation.registration.selectors:
                search.add(search.select(selector, rights))
        if operation.kind is not Kind.PLAN or operation.generation > 1:
            search.add(self._holding({operation.name}))

    def _reconciliation(self, operation: Operation, search: Search) -> None:
        """Everything that is wanted or left anywhere, as far as it was asked for and the sender may reconcile it."""
        state, names = self._catalog.current(), operation.scope.names
        known = [stored for stored in state.known.values() if names is None or stored.origin.name in names]
        rights: Rights | None = None
        if not operation.caller.is_service:
            rights = self._policy().of(operation.caller, Action.PLAN if operation.dry_run else Action.RECONCILE)
        oversees = rights is None or Sight(operation.caller, self._policy()).oversees
        for name in state.damaged:
            which = f"The stored registration '{name}'" if oversees else "A stored registration"
            search.warnings.append(f"{which} is damaged and was left out; nothing is pruned.")
        self._living(known, search, rights)
        search.add(self._holding({stored.origin.name for stored in known}) if names is not None else self._open(known))
        scope = operation.scope
        if scope.named or scope.selected:
            search.add(scope.named)
            asked = {workspace.key for workspace in scope.named}
            for selector in scope.selected:
                asked |= {workspace.key for workspace in search.select(selector, rights)}
            search.workspaces = {key: it for key, it in search.workspaces.items() if key in asked}
        if rights is None:
            return
        search.workspaces = {key: it for key, it in search.workspaces.items() if rights.reaches(key)}
        search.lost = {place: it for place, it in search.lost.items() if rights.reaches(place)}

    def _living(self, known: Iterable[Stored], search: Search, rights: Rights | None) -> None:
        """What the stored registrations name and find. A sender with `rights` is told of those selectors alone that
        they reach: the others are other people's."""
        for stored in known:
            if stored.deleted is None:
                search.add(stored.registration.workspaces)
                for selector in stored.registration.selectors:
                    if rights is None or rights.reaches(selector.place):
                        search.add(search.select(selector))
                    elif rights.reaches_into(selector.subscription_id, selector.resource_group):
                        untold = replace(search, warnings=[], lost={})
                        search.add(untold.select(selector, rights))

    def _holding(self, registrations: set[str]) -> list[Workspace]:
        """The workspaces whose documents say that something of these registrations may be there."""
        return self._documented(lambda metadata: concerns(metadata, registrations))

    def _open(self, stored: Iterable[Stored]) -> list[Workspace]:
        """Those whose documents say that something is to be done or told there, whoever wants them."""
        options = {it.origin.name: it.registration.sync for it in stored}
        prunes = {name for name, sync in options.items() if sync.prune == "archive" and not sync.suspend}
        return self._documented(lambda metadata: not settled(metadata, prunes))

    def _documented(self, wanted: Callable[[Mapping[str, str]], bool]) -> list[Workspace]:
        found = []
        for entry in self._documents.list(PREFIX):
            metadata = metadata_of(self._documents, entry)
            if tells(metadata) and wanted(metadata):
                names = ("subscription_id", "resource_group", "workspace_name")
                parts = entry.name.removeprefix(PREFIX).split("/")
                try:
                    found.append(Workspace.model_validate(dict(zip(names, parts, strict=True))))
                except ValueError:
                    log.warning("A document that is no workspace's was passed over.", document=entry.name)
        return found
