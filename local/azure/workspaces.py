"""Workspaces as Resource Manager shows them, with the fields of the recordings."""

import uuid

from local.azure.answers import AzureError, Json
from local.azure.store import Place, Store, parse


def seed(store: Store, keys: list[str], tenant_id: str) -> None:
    """The workspaces that are there from the start; `keys` are `<subscription>/<group>/<name>`."""
    for key in keys:
        subscription, group, name = key.split("/")
        path = f"/subscriptions/{subscription}/resourceGroups/{group}/providers"
        place = parse(f"{path}/Microsoft.MachineLearningServices/workspaces/{name}")
        assert place is not None
        made = create(place, {"location": store.location}, {}, tenant_id)
        made["properties"]["provisioningState"] = "Succeeded"
        store.put(place, made)


def create(place: Place, body: Json, properties: Json, tenant_id: str) -> Json:
    """A new workspace, still being made. Raises AzureError 400 without a location."""
    if not isinstance(body.get("location"), str):
        raise AzureError(400, "LocationRequired", "The location property is required for this definition.")
    name, location = place.names[0], body["location"]
    identity = body.get("identity") or {"type": "SystemAssigned"}
    if "SystemAssigned" in str(identity.get("type")):
        identity = identity | {"principalId": str(uuid.uuid4()), "tenantId": tenant_id}
    group = place.id.rpartition("/providers/")[0]
    defaults = {
        "friendlyName": name,
        "storageAccount": f"{group}/providers/Microsoft.Storage/storageAccounts/linked",
        "keyVault": f"{group}/providers/Microsoft.KeyVault/vaults/linked",
        "applicationInsights": f"{group}/providers/Microsoft.Insights/components/linked",
        "publicNetworkAccess": "Enabled",
        "hbiWorkspace": False,
        "v1LegacyMode": False,
        "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
        "managedNetwork": {"isolationMode": "Disabled"},
    }
    own = {
        "workspaceId": str(uuid.uuid4()),
        "provisioningState": "Creating",
        "tenantId": tenant_id,
        "mlFlowTrackingUri": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{place.id}",
    }
    rest = {"sku": {"name": "Basic", "tier": "Basic"}, "kind": body.get("kind", "Default"), "tags": {}}
    rest |= {key: body[key] for key in ("sku", "tags") if body.get(key)}
    return {"location": location, "identity": identity, **rest, "properties": defaults | properties | own}


def update(old: Json, body: Json, properties: Json) -> Json:
    """What a PATCH makes of a workspace, or a PUT over it: `tags` is replaced, `properties` is merged."""
    given = {key: body[key] for key in ("tags", "sku") if isinstance(body.get(key), dict)}
    return old | given | {"properties": old["properties"] | properties}
