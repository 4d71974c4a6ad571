"""The clouds of Azure: where each keeps its Resource Manager, its sign-in and its storage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud, by the name that the Azure CLI and azure-ai-ml give it."""

    name: str
    arm: str
    authority: str
    storage_suffix: str

    @property
    def scope(self) -> str:
        """What a token for Resource Manager is asked for."""
        return f"{self.arm}/.default"


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        Cloud("AzureCloud", "https://management.azure.com", "https://login.microsoftonline.com", "core.windows.net"),
        Cloud(
            "AzureUSGovernment",
            "https://management.usgovcloudapi.net",
            "https://login.microsoftonline.us",
            "core.usgovcloudapi.net",
        ),
        Cloud(
            "AzureChinaCloud",
            "https://management.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
            "core.chinacloudapi.cn",
        ),
    )
}

AUTHORITIES = frozenset(cloud.authority for cloud in CLOUDS.values())
STORAGE_SUFFIXES = frozenset(cloud.storage_suffix for cloud in CLOUDS.values())
