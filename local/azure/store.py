"""Resource Manager's resources by id: a generic store. Ids match without case and keep the case they came in."""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

from local.azure.answers import Json

ML = "Microsoft.MachineLearningServices"
GROUPS = "Microsoft.Resources/resourceGroups"
_CANONICAL = ("resourceGroups", "providers", ML, "workspaces", "datastores", "data", "versions")
_SPELLING = {word.lower(): word for word in _CANONICAL}


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names: a resource, or with `item` false a collection; `id` is in Azure's own spelling.

    `type` is the resource type (`Microsoft.MachineLearningServices/workspaces/data/versions`), `names` the names
    along it; `group` is None for a list over a whole subscription.
    """

    id: str
    type: str
    subscription: str
    group: str | None
    names: tuple[str, ...]
    item: bool

    @property
    def workspace(self) -> str:
        """The id of the workspace that this is, or is in."""
        return "/".join(self.id.split("/")[:9])


def parse(path: str) -> Place | None:
    """The place that an ARM path names; None for a path of another form."""
    parts = [unquote(part).replace("/", "%2F") for part in path.strip("/").split("/")]
    parts[0::2] = [_SPELLING.get(part.lower(), part) for part in parts[0::2]]
    group = parts[3] if len(parts) > 3 and parts[2] == "resourceGroups" else None
    start = 4 if group else 2
    if parts[0].lower() != "subscriptions" or len(parts) < 3 or not all(parts):
        return None
    parts[0], item = "subscriptions", len(parts) % 2 == 0
    resource_id = "/" + "/".join(parts)
    if len(parts) <= 4 and parts[2] == "resourceGroups":
        return Place(resource_id, GROUPS, parts[1], group, tuple(parts[3:]), item)
    if parts[start : start + 1] != ["providers"] or len(parts) < start + 3:
        return None
    provider = _SPELLING.get(parts[start + 1].lower(), parts[start + 1])
    parts[start + 1], rest = provider, parts[start + 2 :]
    resource_type = "/".join([provider, *rest[0::2]])
    return Place("/" + "/".join(parts), resource_type, parts[1], group, tuple(rest[1::2]), item)


@dataclass
class Store:
    """Resources by collection and key, in order of creation. Every collection is the parent's id and a word."""

    location: str = "westeurope"
    _held: dict[str, dict[str, Json]] = field(default_factory=dict)

    def get(self, resource_id: str) -> Json | None:
        return self._held.get(resource_id.rpartition("/")[0].lower(), {}).get(resource_id.lower())

    def put(self, place: Place, resource: Json, caller: str = "azure") -> Json:
        """Write a resource as it is; id, type, name and systemData are the store's. Gives what is stored."""
        group = parse("/".join(place.id.split("/")[:5]))
        if place.type != GROUPS and group and not self.get(group.id):
            ready = {"location": self.location, "tags": {}, "properties": {"provisioningState": "Succeeded"}}
            self.put(group, ready, caller)
        old = self.get(place.id) or {"id": place.id, "name": place.names[-1], "type": place.type}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0+00:00")
        stamp = {"At": now, "By": caller, "ByType": "Application"}
        system = old.get("systemData") or {f"created{name}": value for name, value in stamp.items()}
        system = system | {f"lastModified{name}": value for name, value in stamp.items()}
        kept = {name: old[name] for name in ("id", "name", "type")} | {"systemData": system}
        stored = kept | {name: value for name, value in copy.deepcopy(resource).items() if name not in kept}
        collection = place.id.rpartition("/")[0].lower()
        self._held.setdefault(collection, {})[place.id.lower()] = stored
        return stored

    def delete(self, resource_id: str) -> None:
        """Remove a resource and what is below it."""
        key = resource_id.lower()
        for collection in [name for name in self._held if name.startswith(key + "/")]:
            del self._held[collection]
        self._held.get(key.rpartition("/")[0], {}).pop(key, None)

    def list(self, collection_id: str) -> Iterator[Json]:
        """The resources of one collection, oldest first."""
        return iter(self._held.get(collection_id.lower(), {}).values())

    def list_everywhere(self, place: Place) -> Iterator[Json]:
        """A collection of one group, or of all groups of a subscription."""
        if place.group or place.type == GROUPS:
            return self.list(place.id)
        tail = place.id.removeprefix(f"/subscriptions/{place.subscription}")
        groups = self.list(f"/subscriptions/{place.subscription}/resourceGroups")
        return itertools.chain.from_iterable(self.list(group["id"] + tail) for group in groups)
