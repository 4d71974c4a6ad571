"""Other rules for a while, in the stack's own policy file, which the service reads again within a second."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from local.stack import TENANT
from tests.support import LocalStack, eventually

ALL = ["datastores/*", "data/*"]


def rule(stack: LocalStack, identity: str, *actions: str, **fields: list[str]) -> dict[str, Any]:
    """What one identity may do: anything anywhere, but for the fields that are given."""
    caller = {"tenant_id": TENANT, "object_id": stack.description["identities"][identity]["object_id"]}
    anything = {"workspaces": ["*/*/*"], "assets": ALL, "sources": ["*"], "writes": [], "secrets": []}
    return {"callers": [caller], "actions": list(actions), **anything, **fields}


@contextmanager
def policy(
    stack: LocalStack, *added: dict[str, Any], without: Callable[[dict[str, Any]], bool] = lambda _: False
) -> Iterator[None]:
    """The stack's own rules, but for those that `without` names, and these. Back as it was afterwards."""
    file = stack.directory / "policy.yml"
    before = file.read_text(encoding="utf-8")
    kept = [it for it in yaml.safe_load(before)["rules"] if not without(it)]
    mark = f"none/none/{uuid.uuid4().hex}"
    marked = rule(stack, "stranger", "read", workspaces=[mark])  # where nothing is: a flag by which to see it taken
    asks = stack.api("stranger")

    def taken() -> bool:
        return mark in json.dumps(asks.get("/api/me").json())

    file.write_text(json.dumps({"rules": [*kept, *added, marked]}), encoding="utf-8")
    try:
        eventually(taken)
        yield
    finally:
        file.write_text(before, encoding="utf-8")
        eventually(lambda: not taken())


def of(stack: LocalStack, identity: str) -> Callable[[dict[str, Any]], bool]:
    """The rules that speak of an identity."""
    number = stack.description["identities"][identity]["object_id"]
    return lambda it: any(caller.get("object_id") == number for caller in it["callers"])
