"""What Azure ML insists on, rule by rule, each with where it was learned.

"Spec": Microsoft's REST definitions, 2024-04-01. "Recording": what the SDK was answered and could read.
*Unproven*: only a live tenant can tell; what is done here is named so that nobody builds on it unknowingly.
"""

from local.azure.answers import AzureError, Json
from local.azure.bodies import CONTAINER, DATASTORE, VERSION
from local.azure.store import GROUPS, Place, Store, parse

_BLANK = {"isArchived": False, "tags": {}, "properties": {}}


def missing(place: Place) -> AzureError:
    """404 as recorded; the wording for a version is *unproven*. Groups: Microsoft Learn, "deployment errors"."""
    name = place.names[-1] if place.names else place.subscription
    if place.type == GROUPS:
        kind, code = ("Resource group", "ResourceGroup") if place.item else ("The subscription", "Subscription")
        return AzureError(404, f"{code}NotFound", f"{kind} '{name}' could not be found.")
    texts = {
        DATASTORE: f"Could not find datastores {name}",
        CONTAINER: "Container not found",
        VERSION: f"Could not find data version {name}",
    }
    if text := texts.get(place.type):
        return AzureError(404, "UserError", text)
    text = f"The Resource '{place.type}/{name}' under resource group '{place.group}' was not found."
    return AzureError(404, "ResourceNotFound", text)


def before_version(store: Store, place: Place, new: Json) -> Json:
    """Immutability, containers, archiving. Gives the properties to store; raises AzureError."""
    above = parse(place.id.rsplit("/", 2)[0])
    assert above is not None
    old, container = store.get(place.id), store.get(above.id)
    # docs/azure.md: the same name and version with another dataUri or dataType is refused (Recording: status, words).
    if old and any(old["properties"].get(name) != new[name] for name in ("dataUri", "dataType")):
        text = "A data version with this name and version already exists. "
        text += "If you are trying to create a new data version, use a different name or version."
        raise AzureError(409, "UserError", text)
    if container is None:  # Recording: the first version brings its container
        store.put(above, {"properties": {**_BLANK, "description": None, "dataType": new["dataType"]}})
    else:
        _demand_data_type(container, new)
        # docs/azure.md: below an archived container no version can be restored. Status, words, and that a new version
        # is archived with it, are *unproven*.
        if archived := container["properties"].get("isArchived", False):
            if old and not new.get("isArchived"):
                raise AzureError(400, "UserError", f"{container['name']} is archived: restore it first.")
            new = new | {"isArchived": archived}
    return {**_BLANK, "isAnonymous": False} | new


def before_container(store: Store, place: Place, new: Json) -> Json:
    """docs/azure.md: archiving a container archives all its versions."""
    if old := store.get(place.id):
        _demand_data_type(old, new)
        if old["properties"].get("isArchived", False) != new.get("isArchived", False):
            for version in store.list(f"{place.id}/versions"):
                version["properties"]["isArchived"] = new.get("isArchived", False)
    return {**_BLANK, "description": None} | new


def _demand_data_type(container: Json, new: Json) -> None:
    """Spec: a container's dataType is set once; status and words *unproven*."""
    if container["properties"].get("dataType") != new["dataType"]:
        raise AzureError(409, "UserError", f"{container['name']} holds data of another type.")


class Datastores:
    """A datastore's secret lies in the workspace's vault, where a deleted one stays for a while."""

    def __init__(self) -> None:
        self._soft_deleted: set[str] = set()

    def before(self, store: Store, place: Place, new: Json) -> Json:
        """docs/azure.md: created anew with credentials after a delete, it fails (status and words *unproven*).

        A PUT that changes `accountName`, `filesystem`, `endpoint` or `protocol` is taken as an update: the spec
        has them as create and read only, docs/azure.md says "update in place" (*unproven*).
        """
        if "secrets" in new["credentials"] and place.id.lower() in self._soft_deleted and not store.get(place.id):
            text = f"The secret of datastore {place.names[-1]} is currently in a deleted but recoverable state."
            raise AzureError(409, "UserError", text)
        return {"tags": {}} | new

    def after_delete(self, datastore: Json) -> None:
        if "secrets" in datastore["properties"].get("credentials", {}):
            self._soft_deleted.add(datastore["id"].lower())


def secrets_of(datastore: Json) -> Json:
    """What `listSecrets` answers. Raises AzureError 400 where there are none (*unproven*)."""
    secrets: Json | None = datastore["properties"].get("credentials", {}).get("secrets")
    if secrets is None:
        raise AzureError(400, "UserError", f"Datastore {datastore['name']} has no secrets.")
    return secrets


def shown(store: Store, resource: Json) -> Json:
    """A resource as GET and PUT answer it: no secrets (Spec), a container's versions counted (Recording)."""
    properties: Json = dict(resource.get("properties") or {})
    if isinstance(credentials := properties.get("credentials"), dict):
        properties["credentials"] = {name: value for name, value in credentials.items() if name != "secrets"}
    if resource["type"] == CONTAINER:
        versions = [str(version["name"]) for version in store.list(resource["id"] + "/versions")]
        numbers = [int(version) for version in versions if version.isascii() and version.isdigit()]
        properties["latestVersion"] = versions[-1] if versions else None
        properties["nextVersion"] = str(max(numbers, default=0) + 1)
    return resource | {"properties": properties}
