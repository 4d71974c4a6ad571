"""The policy: which caller may do what, to which assets, from which sources, with which secrets, in which workspaces.

Everything that no rule allows is refused. One rule must allow a thing whole: an asset, its sources, its secrets, what
is written for it and its workspace are asked for together, never gathered from several rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from registration.access.caller import Caller
from registration.request.body import parse_body
from shared.errors import RequestError
from shared.workspace import Guid

MAX_POLICY_BYTES = 4 * 1024 * 1024


class Action(StrEnum):
    REGISTER = "register"
    PLAN = "plan"
    READ = "read"
    RECONCILE = "reconcile"
    DELETE = "delete"
    ADMINISTER = "administer"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def policy_name(asset: str) -> str:
    """An asset's id as rules name it: of `data/name/version`, `data/name`."""
    return "/".join(asset.split("/")[:2])


class CallerPattern(_Model):
    """Every field that is given must match. The tenant always is, and at least one thing besides."""

    tenant_id: Guid
    object_id: Guid | None = None
    client_id: Guid | None = None
    role: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> CallerPattern:
        if self.object_id is None and self.client_id is None and self.role is None:
            raise ValueError("a caller needs object_id, client_id or role besides tenant_id")
        return self

    def matches(self, caller: Caller) -> bool:
        return (
            self.tenant_id == caller.tenant_id
            and self.object_id in {None, caller.object_id}
            and self.client_id in {None, caller.client_id}
            and (self.role is None or self.role in caller.roles)
        )


Pattern = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(lambda text: re.sub(r"\*+", "*", text))]


class Rule(_Model):
    """One rule. A part that is left out allows nothing of its kind."""

    callers: list[CallerPattern]
    actions: list[Action]
    workspaces: list[Pattern] = []
    assets: list[Pattern] = []
    sources: list[Pattern] = []
    writes: list[Pattern] = []
    secrets: list[Pattern] = []


@dataclass(frozen=True, slots=True)
class Source:
    """What an asset points to: `account/container`, and for data the path below it.

    A datastore has no path: it is allowed where any path of its container is. Whoever may register a datastore can
    hand out the whole container, so the policy's `assets` should name datastores sparingly.
    """

    container: str
    path: str | None = None
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that somebody wants to do with one asset in one workspace."""

    workspace: str
    """The workspace's key."""
    asset: str
    """`datastores/<name>` or `data/<name>`."""
    sources: tuple[Source, ...] = ()
    secrets: tuple[str, ...] = ()
    writes: tuple[Source, ...] = ()
    """Files that the service would write into the lake."""


class Policy(_Model):
    """All rules. `Policy()` allows nothing."""

    rules: list[Rule] = []

    def of(self, caller: Caller, action: Action) -> Rights:
        """What `caller` may do with `action`: asked many times for one request, so the rules are narrowed once."""
        rules = [
            rule for rule in self.rules if action in rule.actions and any(who.matches(caller) for who in rule.callers)
        ]
        return Rights(tuple(rules))


@dataclass(frozen=True)
class Rights:
    """The rules that speak for one caller and one action."""

    rules: tuple[Rule, ...]

    def allows(self, access: Access) -> bool:
        return any(_any(rule.workspaces, access.workspace, str.lower) and _grants(rule, access) for rule in self.rules)

    def allows_somewhere(self, access: Access) -> bool:
        """The same in some workspace, whichever it is."""
        return any(_grants(rule, access) for rule in self.rules)

    def reaches(self, workspace: str) -> bool:
        """Whether any rule speaks of this workspace, by its key."""
        return any(_any(rule.workspaces, workspace, str.lower) for rule in self.rules)

    def reaches_into(self, subscription: str, resource_group: str | None = None) -> bool:
        """Whether any rule may speak of a workspace there, whatever its name; without a group, of any group's."""
        return any(_into(pattern, subscription, resource_group) for rule in self.rules for pattern in rule.workspaces)

    def why_not(self, access: Access) -> str:
        """A sentence that says which part of the rules is missing, never what exists elsewhere."""
        rules = [rule for rule in self.rules if _any(rule.workspaces, access.workspace, str.lower)]
        if not rules:
            return "no rule lets you do this in this workspace"
        rules = [rule for rule in rules if _any(rule.assets, access.asset, str.casefold)]
        if not rules:
            return f"no rule lets you do this with {access.asset}"
        rules = [rule for rule in rules if all(_source(rule.sources, source) for source in access.sources)]
        if not rules:
            return f"no rule lets {access.asset} point there (sources)"
        rules = [rule for rule in rules if all(_source(rule.writes, file) for file in access.writes)]
        if not rules:
            return f"no rule lets the service write the file of {access.asset} there (writes)"
        return f"no rule lets {access.asset} use these secrets (secrets)"


NOTHING = Policy()


def parse_policy(text: str) -> Policy:
    """A policy from its YAML. Raises ValueError with what is wrong, and where."""
    try:
        return Policy.model_validate(parse_body(text.encode(), "application/yaml", MAX_POLICY_BYTES))
    except RequestError as error:
        raise ValueError(str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']} ({error.error_count()} faults in all)") from None


def _into(pattern: str, subscription: str, resource_group: str | None) -> bool:
    parts = pattern.lower().split("/")
    if len(parts) != 3 or _glob(parts[0]).fullmatch(subscription.lower()) is None:
        return False
    return resource_group is None or _glob(parts[1]).fullmatch(resource_group.lower()) is not None


def _grants(rule: Rule, access: Access) -> bool:
    """Whether a rule allows it, where the rule speaks of the workspace."""
    return (
        _any(rule.assets, access.asset, str.casefold)
        and all(_source(rule.sources, source) for source in access.sources)
        and all(_source(rule.writes, file) for file in access.writes)
        and all(_any(rule.secrets, secret, str.lower) for secret in access.secrets)
    )


def _any(patterns: Sequence[str], text: str, fold: object) -> bool:
    folded = str.casefold if fold is str.casefold else str.lower
    return any(_glob(folded(pattern)).fullmatch(folded(text)) is not None for pattern in patterns)


def _source(patterns: Sequence[str], source: Source) -> bool:
    if source.path is None:
        return any(_glob(_container(pattern)).fullmatch(source.container) is not None for pattern in patterns)
    return any(_path_matches(pattern, source) for pattern in patterns)


def _container(pattern: str) -> str:
    """The account and container that a source pattern speaks of. A lone last `*` is a prefix, and crosses `/`."""
    account, _, rest = pattern.partition("/")
    container = rest.partition("/")[0]
    if not rest and pattern.endswith("*"):
        return f"{account}**"
    if container.endswith("*") and "/" not in rest:
        return f"{account}/{container}*"
    return f"{account}/{container}"


def _path_matches(pattern: str, source: Source) -> bool:
    """The address as it is written and as a reader would decode it must both be inside."""
    expression = _glob(pattern + "*" if pattern.endswith("*") else pattern)
    for path in {source.path or "", unquote(source.path or "")}:
        place = f"{source.container}/{path}"
        if source.folder and not place.endswith("/"):
            place += "/"
        bare = place.rstrip("/") if source.folder else place
        if expression.fullmatch(place) is None and expression.fullmatch(bare) is None:
            return False
    return True


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    """`*` stands for anything but `/`; `**`, which only this module writes, for anything."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts), re.DOTALL)
