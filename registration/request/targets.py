"""What a registration is about: workspaces named one by one, and selectors that find them at each run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from registration.request.faults import Faults, items, no_twins
from shared.vocabulary import Model, Text
from shared.workspace import Guid, ResourceGroup, Workspace

MAX_SELECTORS = 100
MAX_TAGS = 50
"""Of one resource, by Azure's limits (Microsoft Learn, "Use tags to organize your Azure resources"): a selector that
asks for more finds nothing."""

_NO_TARGET = (
    "name at least one workspace, {subscription_id, resource_group, workspace_name}, or a selector, "
    "{selector: {subscription_id, …}}"
)


def _tag_name(name: str) -> str:
    """The same page's limits: no tag of a resource can have such a name."""
    if re.search(r"[<>%&\\?/]", name):
        raise ValueError("the name of a workspace's tag has none of < > % & \\ ? /")
    return name


TagName = Annotated[Text, Field(min_length=1, max_length=512), AfterValidator(_tag_name)]
TagValue = Annotated[Text, Field(max_length=256)]


class Selector(Model):
    """Finds workspaces by their subscription, their resource group and their own tags; what is left out, any has.

    Names of groups and tags compare without case, values of tags exactly, as in Azure.
    """

    subscription_id: Guid
    resource_group: ResourceGroup | None = None
    tags: dict[TagName, TagValue] | None = None

    @field_validator("tags")
    @classmethod
    def _can_be_met(cls, tags: dict[str, str] | None) -> dict[str, str] | None:
        if tags is None:
            return None
        if not tags:
            raise ValueError("name at least one tag, or leave tags out to mean any workspace")
        if len(tags) > MAX_TAGS:
            raise ValueError(f"a workspace has at most {MAX_TAGS} tags, so none can have all of these")
        first: dict[str, tuple[str, str]] = {}
        for name, value in tags.items():
            other = first.setdefault(name.lower(), (name, value))
            if other[1] != value:
                message = f"{other[0]} and {name} are one tag, since case is ignored: it cannot have both values"
                raise ValueError(message)
        return tags

    @property
    def key(self) -> str:
        """The same for equal selectors, however they are spelled; never a workspace's key."""
        tags = sorted({name.lower(): value for name, value in (self.tags or {}).items()}.items())
        return json.dumps([self.subscription_id, (self.resource_group or "").lower(), tags])

    @property
    def place(self) -> str:
        """What it stands for where workspaces are asked about: `*` for any name, as the policy writes it."""
        return f"{self.subscription_id}/{self.resource_group or '*'}/*".lower()

    def matches(self, workspace: Workspace, tags: Mapping[str, str]) -> bool:
        """Whether it finds a workspace that has these tags."""
        if workspace.subscription_id != self.subscription_id:
            return False
        if self.resource_group is not None and workspace.resource_group.lower() != self.resource_group.lower():
            return False
        there = {name.lower(): value for name, value in tags.items()}
        return all(there.get(name.lower()) == value for name, value in (self.tags or {}).items())

    def as_json(self) -> dict[str, Any]:
        """As an entry of `workspaces`: `{"selector": {…}}`."""
        return {"selector": self.model_dump(exclude_none=True)}


class SelectorEntry(Model):
    """An entry of `workspaces` that holds a selector."""

    selector: Selector


def parse_targets(value: Any, faults: Faults) -> tuple[tuple[Workspace, ...], tuple[Selector, ...]]:
    """The list `workspaces`: those it names, and its selectors. Every fault goes to `faults`."""
    single, selecting = _split(value, faults)
    workspaces = items(Workspace, single, "workspaces", faults)
    selectors = [(place, item.selector) for place, item in items(SelectorEntry, selecting, "workspaces", faults)]
    no_twins([(place, item.key) for place, item in workspaces], "workspaces", "this workspace", faults)
    no_twins([(place, item.key) for place, item in selectors], "workspaces", "this selector", faults)
    return tuple(item for _, item in workspaces), tuple(item for _, item in selectors)


def _split(value: Any, faults: Faults) -> tuple[dict[int, Any], dict[int, Any]]:
    """The list `workspaces` as (place -> entry that names one workspace, place -> entry with a selector), unchecked
    but for what concerns both."""
    if not value:
        faults.add("workspaces", _NO_TARGET)
        return {}, {}
    if not isinstance(value, list):
        faults.add("workspaces", "this is a list")
        return {}, {}
    single: dict[int, Any] = {}
    selecting: dict[int, Any] = {}
    for place, entry in enumerate(value):
        if not isinstance(entry, dict) or "selector" not in entry:
            single[place] = entry
        elif len(selecting) == MAX_SELECTORS:
            faults.add("workspaces", f"a registration has at most {MAX_SELECTORS} selectors")
            break
        elif both := [name for name in entry if name in Workspace.model_fields]:
            message = f"an entry is one workspace or a selector, never both; put {', '.join(both)} elsewhere"
            faults.add(f"workspaces[{place}]", message)
            selecting[place] = {name: part for name, part in entry.items() if name not in both}
        else:
            selecting[place] = entry
    return single, selecting
