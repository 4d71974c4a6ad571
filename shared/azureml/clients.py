"""MLClients: one per workspace, pooled, bounded, on one transport and one token.

A client costs 4 ms and 0.7 MB, cannot be re-aimed at another workspace, and may be used from many threads
(measured). Each construction adds a handler to one logger and never takes it away, which slows every later call.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.arm import token_policy
from shared.clouds import Cloud
from shared.outbound import Outbound
from shared.workspace import Workspace

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core import AzureClouds

POOLED = 32
_TELEMETRY = "azure.ai.ml._telemetry"


class Clients:
    """Gives the MLClient of a workspace; the least recently used ones are dropped."""

    def __init__(
        self,
        cloud: Cloud,
        endpoint: str,
        authority: str,
        outbound: Outbound,
        transport: Any,
    ) -> None:
        self._cloud = _cloud(cloud, endpoint, authority)
        self._name = cloud.name
        self._scope = cloud.scope
        self._outbound = outbound
        self._transport = transport
        self._pool: OrderedDict[str, MLClient] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, workspace: Workspace) -> MLClient:
        with self._lock:
            client = self._pool.get(workspace.key)
            if client is None:
                client = self._pool[workspace.key] = self._build(workspace)
                if len(self._pool) > POOLED:
                    self._pool.popitem(last=False)
            self._pool.move_to_end(workspace.key)
            return client

    def _build(self, workspace: Workspace) -> MLClient:
        from azure.ai.ml import MLClient
        from azure.core.pipeline.policies import RetryPolicy

        _set_aside_for_good()
        credential = self._outbound.credential(workspace.subscription_id)
        client = MLClient(
            credential,
            workspace.subscription_id,
            workspace.resource_group,
            workspace.workspace_name,
            transport=self._transport,
            authentication_policy=token_policy(credential, self._scope),
            retry_policy=RetryPolicy.no_retries(),
            http_logging_policy=_logging(),
            cloud_setting=_known_to_azure_core(self._name),
            show_progress=False,
            enable_telemetry=False,
            **self._cloud,
        )
        del logging.getLogger(_TELEMETRY).handlers[1:]
        # For an MLTable it reads the file from storage first, for 80 s where that cannot be reached, and registers it
        # whatever comes (measured). What is lost is `referencedUris`, the lineage of the files in it.
        client.data._validate = _unread
        return client


@cache
def _set_aside_for_good() -> None:
    """Takes what the SDK's modules consist of, 200,000 objects, out of garbage collection: every full one went through
    them all, 190 ms, which was a tenth of the processor time of a fan-out (measured)."""
    gc.collect()
    gc.freeze()


def _unread(_: object) -> None:
    """Nothing is read from storage before data is registered."""


@cache
def _logging() -> Any:
    """It knows of no pipeline, so that one is enough for all; by itself a client makes eighteen."""
    from azure.mgmt.core.policies import ARMHttpLoggingPolicy

    return ARMHttpLoggingPolicy()


def _known_to_azure_core(cloud: str) -> AzureClouds:
    """Its own name for a cloud. Where it is not told, it looks for one in the environment, where `AZURE_CLOUD` holds
    ours, which it does not know and takes for the public one; and each look makes a class."""
    from azure.core import AzureClouds

    names = {"AzureUSGovernment": AzureClouds.AZURE_US_GOVERNMENT, "AzureChinaCloud": AzureClouds.AZURE_CHINA_CLOUD}
    return names.get(cloud, AzureClouds.AZURE_PUBLIC_CLOUD)


def _cloud(cloud: Cloud, endpoint: str, authority: str) -> dict[str, Any]:
    """The arguments that point MLClient at its cloud, or at another Resource Manager.

    The SDK keeps the first addresses that it is given under a name, so the name says which they are.
    """
    if endpoint == cloud.arm:
        return {"cloud": cloud.name}
    return {
        "cloud": f"{cloud.name} at {endpoint}",
        "cloud_metadata": {
            "azure_portal": "https://portal.azure.com/",
            "resource_manager": f"{endpoint}/",
            "active_directory": f"{authority}/",
            "aml_resource_id": "https://ml.azure.com/",
            "storage_endpoint": cloud.storage_suffix,
            "registry_discovery_endpoint": f"{endpoint}/",
        },
    }
