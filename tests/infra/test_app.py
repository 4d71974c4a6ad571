"""The app: Flex Consumption, identities alone, and settings exactly as the code reads them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.azurite import ROOT
from shared.settings import (
    AUDIT_CONTAINER,
    CONTAINER,
    DEFAULT_RECONCILE_SCHEDULE,
    DEFAULT_SWEEP_SCHEDULE,
    POISON_QUEUE,
    QUEUE,
    Settings,
)
from tests.infra.bicep import INFRA
from tests.infra.conftest import Deploy, Deployed

COMPUTED = {"PUBLIC_URL", "KEY_VAULT_URLS", "POLICY_URL", "AZURE_CLIENT_ID", "AZURE_CLOUD"}
"""What only the deployment knows."""
LEFT_OUT = {
    "POLICY_FILE": "POLICY_URL is set, and both are not",
    "ARM_ENDPOINT": "follows from AZURE_CLOUD",
    "AZURE_AUTHORITY_HOST": "follows from AZURE_CLOUD",
    "LAKE_ENDPOINT": "follows from AZURE_CLOUD",
}
PLATFORM = {
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "EASY_AUTH_ENABLED",
    "PYTHON_THREADPOOL_THREAD_COUNT",
    "RECONCILE_SCHEDULE",
    "SWEEP_SCHEDULE",
}
"""Read by the platform, or besides the table (docs/settings.md)."""
FLEX_REFUSES = re.compile(
    "FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_CONTENT|WEBSITE_RUN_FROM_PACKAGE|SCM_DO_BUILD|ENABLE_ORYX"
)

FLEX_REFUSES_OF_A_SITE = {
    "alwaysOn",
    "ftpsState",
    "functionAppScaleLimit",
    "functionsRuntimeScaleMonitoringEnabled",
    "linuxFxVersion",
    "netFrameworkVersion",
    "preWarmedInstanceCount",
    "use32BitWorkerProcess",
    "vnetRouteAllEnabled",
}
"""Error 51021 of Azure's newer regions, null or not (azure-cli, issue 31414; azure-pipelines-tasks, 21032 and 22254;
terraform-azurerm-avm-res-web-site, 283); the last is of older plans."""


def settings(found: Deployed) -> dict[str, str]:
    return found.properties("Microsoft.Web/sites/config", "/appsettings")


def table() -> dict[str, str | None]:
    """Name -> default, as shared/settings.py has them."""
    return {it.metadata["name"]: it.metadata["default"] for it in Settings.__dataclass_fields__.values()}


def overridable() -> set[str]:
    """The names of the Bicep type SettingOverrides."""
    [body] = re.findall(r"type SettingOverrides = \{(.*?)\n\}", (INFRA / "types.bicep").read_text(), re.DOTALL)
    return set(re.findall(r"^  (\w+):", body, re.MULTILINE))


def test_the_template_knows_every_setting_of_the_code_and_no_other(deploy: Deploy) -> None:
    assert set(table()) == (overridable() - PLATFORM) | COMPUTED | set(LEFT_OUT)
    assert set(settings(deploy("minimal"))) <= set(table()) | PLATFORM
    assert set(settings(deploy("minimal"))) >= PLATFORM | COMPUTED


def test_every_default_of_the_code_is_the_templates(deploy: Deploy) -> None:
    found = settings(deploy("minimal"))
    wanted = {name: default for name, default in table().items() if default and name not in LEFT_OUT}
    assert {name: found.get(name) for name in wanted} == wanted
    assert found["RECONCILE_SCHEDULE"] == DEFAULT_RECONCILE_SCHEDULE
    assert found["SWEEP_SCHEDULE"] == DEFAULT_SWEEP_SCHEDULE
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    assert found["PYTHON_THREADPOOL_THREAD_COUNT"] == sample["PYTHON_THREADPOOL_THREAD_COUNT"]


def test_what_has_no_default_is_left_out_until_somebody_says_it(deploy: Deploy) -> None:
    found = settings(deploy("minimal"))
    assert {name for name in overridable() if not table().get(name)} & set(found) == PLATFORM & overridable()
    changed = settings(deploy("everything"))
    assert (changed["MAX_ATTEMPTS"], changed["OPERATION_DEADLINE_MINUTES"]) == ("7", "120")
    assert (changed["RECONCILE_SCHEDULE"], changed["OPERATION_RETENTION_DAYS"]) == ("0 30 3 * * *", "90")


def test_the_code_takes_these_settings(deployed: Deployed) -> None:
    """With an example in place of what only Azure knows."""
    examples = {
        "AZURE_CLIENT_ID": "10000000-0000-4000-8000-000000000001",
        "KEY_VAULT_URLS": "https://a.vault.azure.net/",
    }
    given = {
        name: examples.get(name, "https://example.net/") if value.startswith("[") else value
        for name, value in settings(deployed).items()
    }
    assert all(isinstance(value, str) for value in given.values())
    read = Settings.read(given)
    assert read.managed_identity == examples["AZURE_CLIENT_ID"]
    assert read.arm_endpoint == "https://management.azure.com"


def test_the_app_reaches_everything_by_its_one_identity(deployed: Deployed) -> None:
    site, found = deployed.one("Microsoft.Web/sites"), settings(deployed)
    assert site["identity"]["type"] == "UserAssigned"
    [identity] = site["identity"]["userAssignedIdentities"]
    assert "/id-registrar-" in identity
    for name in ("AzureWebJobsStorage__clientId", "AZURE_CLIENT_ID"):
        assert identity.rpartition("/")[2] in found[name]
        assert ".clientId" in found[name]
    assert found["AzureWebJobsStorage__credential"] == "managedidentity"
    assert "ClientId={0};Authorization=AAD" in found["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"]
    package = site["properties"]["functionAppConfig"]["deployment"]["storage"]
    assert package["authentication"] == {"type": "UserAssignedIdentity", "userAssignedIdentityResourceId": identity}


def test_it_is_flex_consumption_and_alone_on_its_plan(deployed: Deployed) -> None:
    plan, site = deployed.one("Microsoft.Web/serverfarms"), deployed.one("Microsoft.Web/sites")
    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert plan["properties"]["reserved"] is True
    assert site["kind"] == "functionapp,linux"
    assert site["properties"]["serverFarmId"] == plan["id"]
    assert site["properties"]["functionAppConfig"]["runtime"]["name"] == "python"
    assert [name for name in settings(deployed) if FLEX_REFUSES.match(name)] == []
    assert not FLEX_REFUSES_OF_A_SITE & set(site["properties"]["siteConfig"])
    assert deployed.all("Microsoft.Web/sites/slots") == []
    assert site["tags"]["azd-service-name"] == "registrar"


def test_no_key_no_password_no_secret_anywhere(deployed: Deployed) -> None:
    text = json.dumps(deployed.resources)
    assert not re.search(r"listKeys|AccountKey|SharedAccessSignature|listSecrets|clientSecretSettingName", text, re.I)
    assert "AzureWebJobsStorage" not in settings(deployed)
    assert deployed.properties("Microsoft.Storage/storageAccounts")["allowSharedKeyAccess"] is False
    assert deployed.properties("Microsoft.Insights/components")["DisableLocalAuth"] is True
    policies = deployed.all("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {it["name"].rpartition("/")[2]: it["properties"]["allow"] for it in policies} == {"scm": False}
    assert not deployed.all("Microsoft.KeyVault/vaults/secrets")


def test_storage_holds_what_the_code_and_the_host_look_for(deployed: Deployed) -> None:
    containers = deployed.all("Microsoft.Storage/storageAccounts/blobServices/containers")
    queues = deployed.all("Microsoft.Storage/storageAccounts/queueServices/queues")
    names = {it["name"].rpartition("/")[2] for it in containers}
    assert names == {CONTAINER, AUDIT_CONTAINER, f"{CONTAINER}-policy", "deployment"}
    assert {it["properties"]["publicAccess"] for it in containers} == {"None"}
    assert {it["name"].rpartition("/")[2] for it in queues} == {QUEUE, POISON_QUEUE}
    assert "registrar-policy/policy.yml" in settings(deployed)["POLICY_URL"]


def test_storage_and_vault_are_hardened(deployed: Deployed) -> None:
    storage = deployed.properties("Microsoft.Storage/storageAccounts")
    wanted: dict[str, Any] = {
        "allowBlobPublicAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    }
    assert wanted.items() <= storage.items()
    vault = deployed.properties("Microsoft.KeyVault/vaults")
    wanted = {"enableRbacAuthorization": True, "enablePurgeProtection": True, "enableSoftDelete": True}
    assert wanted.items() <= vault.items()
    assert "accessPolicies" not in vault
    assert deployed.properties("Microsoft.Web/sites")["httpsOnly"] is True


@pytest.mark.parametrize(
    ("name", "access", "rule", "addresses"),
    [
        ("minimal", "Enabled", "Allow", []),
        ("existing", "Enabled", "Allow", []),
        ("everything", "Enabled", "Deny", ["198.51.100.7"]),
        ("shut", "Disabled", "Deny", []),
    ],
)
def test_who_reaches_storage_and_vault(deploy: Deploy, name: str, access: str, rule: str, addresses: list[str]) -> None:
    for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"):
        found = deploy(name).properties(kind)
        assert found["publicNetworkAccess"] == access
        assert (found["networkAcls"]["defaultAction"], found["networkAcls"]["bypass"]) == (rule, "None")
        assert [it["value"] for it in found["networkAcls"]["ipRules"]] == addresses


FURTHER = {
    ("vault", "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/secrets-rg/", "vaults/kv-sales"),
    (
        "blob",
        "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/lake-rg/",
        "storageAccounts/sourcedata",
    ),
}
"""Of parameters/everything.bicepparam: a further vault, and the account of a container with tables."""


@pytest.mark.parametrize(("name", "further"), [("everything", FURTHER), ("shut", set[tuple[str, str, str]]())])
def test_a_network_of_its_own(deploy: Deploy, name: str, further: set[tuple[str, str, str]]) -> None:
    """In which a linked zone answers for every account that has a private endpoint somewhere: each that the app reaches
    has one here."""
    found = deploy(name)
    subnets = {it["name"]: it["properties"] for it in found.properties("Microsoft.Network/virtualNetworks")["subnets"]}
    assert subnets["app"]["delegations"][0]["properties"]["serviceName"] == "Microsoft.App/environments"
    assert all("networkSecurityGroup" in it for it in subnets.values())
    site = found.properties("Microsoft.Web/sites")
    assert site["virtualNetworkSubnetId"].endswith("/subnets/app")
    assert site["outboundVnetRouting"] == {"allTraffic": True}
    endpoints = found.all("Microsoft.Network/privateEndpoints")
    own = found.one("Microsoft.Resources/resourceGroups")["id"] + "/"
    targets = {
        (*connection["groupIds"], *re.split("providers/[^/]+/", connection["privateLinkServiceId"]))
        for it in endpoints
        for connection in [it["properties"]["privateLinkServiceConnections"][0]["properties"]]
    }
    storage, vault = (
        f"{kind.split('/')[1]}/{found.one(kind)['name']}"
        for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults")
    )
    assert targets == {
        *((part, own, storage) for part in ("blob", "queue", "table")),
        ("vault", own, vault),
        *further,
    }
    zones = {it["name"]: it["id"] for it in found.all("Microsoft.Network/privateDnsZones")}
    assert set(zones) == {
        "privatelink.blob.core.windows.net",
        "privatelink.queue.core.windows.net",
        "privatelink.table.core.windows.net",
        "privatelink.vaultcore.azure.net",
    }
    assert len(found.all("Microsoft.Network/privateDnsZones/virtualNetworkLinks")) == 4
    groups = found.all("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    assert len(groups) == len(endpoints) == len(targets)
    for group in groups:
        [named] = group["properties"]["privateDnsZoneConfigs"]
        part = "vaultcore.azure" if named["name"] == "vault" else f"{named['name']}.core.windows"
        assert named["properties"]["privateDnsZoneId"] == zones[f"privatelink.{part}.net"]


def test_a_network_that_is_there(deploy: Deploy) -> None:
    site = deploy("existing").properties("Microsoft.Web/sites")
    assert site["virtualNetworkSubnetId"].endswith("/virtualNetworks/hub/subnets/functions")
    assert not {kind for kind in deploy("existing").kinds() if kind.startswith("Microsoft.Network/")}


def test_no_network_unless_it_is_asked_for(deploy: Deploy) -> None:
    assert not {kind for kind in deploy("minimal").kinds() if kind.startswith("Microsoft.Network/")}
    assert deploy("minimal").properties("Microsoft.Web/sites").get("virtualNetworkSubnetId") is None
