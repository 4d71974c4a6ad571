"""The desired state of one test alone."""

from __future__ import annotations

import uuid
from functools import partial

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.road.journey import blobs
from tests.support import LocalStack, eventually


@pytest.fixture
def name() -> str:
    return f"night-{uuid.uuid4().hex}"


@pytest.fixture
def alone(stack: LocalStack) -> None:
    """Nothing is stored that an earlier test has left: a night is about everything."""
    for prefix in ("registrations/", "workspaces/") if blobs(stack).exists() else ():
        for blob in list(blobs(stack).list_blob_names(name_starts_with=prefix)):
            eventually(partial(_gone, stack, blob))


def _gone(stack: LocalStack, name: str) -> bool:
    """Whether it could be deleted: what an earlier test has not waited for may still be worked on, under a lease."""
    try:
        blobs(stack).delete_blob(name)
    except ResourceNotFoundError:
        return True
    except HttpResponseError:
        return False
    return True
