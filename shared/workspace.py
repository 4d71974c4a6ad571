"""A workspace: where it is, and the key it is known by."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

_GUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def is_guid(text: str) -> bool:
    return re.fullmatch(_GUID, text) is not None


def _guid(text: str) -> str:
    if not is_guid(text):
        raise ValueError("this is not a GUID (8-4-4-4-12 hexadecimal digits)")
    return text.lower()


Guid = Annotated[str, AfterValidator(_guid)]


def _resource_group(name: str) -> str:
    """Azure's naming rule: letters, digits, `-_.()`, at most 90, no dot at the end."""
    if not re.fullmatch(r"[-\w.()]{1,90}", name) or name.endswith("."):
        raise ValueError("a resource group has 1 to 90 letters, digits, - _ . ( ) and no dot at its end")
    if any(not sign.isascii() and (sign.lower() + sign.casefold()).isascii() for sign in name):
        raise ValueError("a sign in this name turns into a plain letter when its case is ignored")
    return name


ResourceGroup = Annotated[str, AfterValidator(_resource_group)]


def _workspace_name(name: str) -> str:
    """The pattern of Microsoft's REST definition (workspaces/{workspaceName})."""
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", name):
        raise ValueError("a workspace name has 3 to 33 letters, digits, - and _, and begins with a letter or digit")
    return name


class Workspace(BaseModel):
    """One Azure Machine Learning workspace, spelled as the caller spelled it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    subscription_id: Guid
    resource_group: ResourceGroup
    workspace_name: Annotated[str, AfterValidator(_workspace_name)]

    @property
    def key(self) -> str:
        """`subscription/group/name` in lower case: the name of its blobs, leases and messages."""
        return f"{self.subscription_id}/{self.resource_group}/{self.workspace_name}".lower()

    @property
    def arm_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace_name}"
        )
