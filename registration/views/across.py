"""One asset across all workspaces, its versions side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from registration.access.caller import Caller
from registration.access.policy import Access, Policy, policy_name
from registration.records.catalog import Catalog
from registration.records.desired import DesiredState, Stored
from registration.records.inventory import PREFIX, Health, concerns, metadata_of, read_state
from registration.records.sight import Sight
from registration.request.paging import DEFAULT_TOP, Parameters, a_name, further
from registration.views.telling import told
from shared import logs
from shared.assets import Data, Datastore
from shared.documents import Documents
from shared.errors import Damaged, RequestError

AHEAD = 32
"""Documents that are read at a time."""

_PARAMETERS = ("top", "continuation")


@dataclass(frozen=True, slots=True)
class AssetQuery:
    """How many workspaces are wanted; `after`: the last key that was looked at."""

    top: int = DEFAULT_TOP
    after: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> AssetQuery:
        """From a query string. Raises RequestError 400, which names every parameter that is wrong."""
        given = Parameters(parameters, _PARAMETERS)
        query = cls(given.top(), given.place(a_name, ""))
        given.done()
        return query


@dataclass(frozen=True)
class _Look:
    """What one request looks for. `asset`: its name as the policy knows it, in lower case."""

    asset: str
    desired: DesiredState
    holding: tuple[Stored, ...]
    """The registrations that want it, and those that did until they were deleted."""

    @property
    def wanting(self) -> list[Stored]:
        return [stored for stored in self.holding if stored.deleted is None]

    @property
    def named(self) -> set[str]:
        """Keys of the workspaces for which a registration wants it by name."""
        return {workspace.key for stored in self.wanting for workspace in stored.registration.workspaces}


class Across:
    """Shows an asset to callers, in the workspaces where they may read it."""

    def __init__(
        self,
        documents: Documents,
        catalog: Catalog,
        policy: Callable[[], Policy],
        public_url: str,
        pool: Executor,
    ) -> None:
        self._documents = documents
        self._catalog = catalog
        self._policy = policy
        self._public_url = public_url
        self._pool = pool

    def asset(self, caller: Caller, kind: str, name: str, query: AssetQuery) -> dict[str, Any]:
        """An asset that a stored registration wants; `kind`: `data` or `datastores`; both in any case.

        The workspaces are those that such a registration names, and those whose documents say that something of it may
        be there. Raises RequestError 404.
        """
        sight = Sight(caller, self._policy())
        look = _look_for(f"{kind}/{name}".lower(), self._catalog.current(fresh=0.0))
        seen = [stored for stored in look.wanting if sight.sees(stored, look.asset)]
        shown, following = self._workspaces(sight, look, query)
        if not (shown or seen or query.after):
            message = "No registration wants such an asset, or you may not read it."
            raise RequestError(404, "AssetNotFound", message, target="name")
        wanted = [(stored.name, it) for stored in seen for it in _of(stored, look.asset)]
        body: dict[str, Any] = {
            "asset": policy_name(wanted[0][1].id) if wanted else look.asset,
            "wanted": [
                {"registration": who, **({"version": it.version} if isinstance(it, Data) else {})} for who, it in wanted
            ],
            "workspaces": shown,
        }
        if kind.lower() == "data":
            body["versions"] = newest_first(shown, [str(it.version) for _, it in wanted if isinstance(it, Data)])
        if following is not None:
            address = f"{self._public_url}/api/assets/{kind.lower()}/{quote(name, safe='')}"
            body["nextLink"] = f"{address}?{further({'top': query.top}, following)}"
        return body

    def _workspaces(self, sight: Sight, look: _Look, query: AssetQuery) -> tuple[list[dict[str, Any]], str | None]:
        """(at most `top` workspaces by key, the last key that was looked at if there are more)."""
        if not look.holding or not sight.reads.rules:
            return [], None
        named = look.named
        marks = [stored.origin.name for stored in look.holding]
        keys = named | {
            entry.name.removeprefix(PREFIX)
            for entry in self._documents.list(PREFIX)
            if concerns(metadata_of(self._documents, entry), marks)
        }
        ahead = [key for key in sorted(keys) if key > query.after and sight.reads.allows(Access(key, look.asset))]
        read = logs.carried(partial(self._one, look))
        shown: list[dict[str, Any]] = []
        start = 0
        while start < len(ahead) and len(shown) < query.top:
            batch = ahead[start : start + min(AHEAD, query.top - len(shown))]
            start += len(batch)
            found = self._pool.map(read, batch)
            shown += [body for key, body in zip(batch, found, strict=True) if key in named or _says_something(body)]
        return shown, ahead[start - 1] if start < len(ahead) else None

    def _one(self, look: _Look, key: str) -> dict[str, Any]:
        """The asset in one workspace; a damaged document is said there, and the rest goes on."""
        try:
            state = read_state(self._documents, key)
        except Damaged as error:
            failure = {"code": error.code, "message": error.message}
            return {"workspace": key, "status": Health.FAILED.value, "versions": [], "error": failure}
        versions = []
        for body in told(state, look.desired, look.asset):
            _, _, *version = str(body.pop("asset")).split("/")
            versions.append({"version": version[0], **body} if version else body)
        return {"workspace": key, "status": state.health.value, "versions": versions}


def newest_first(workspaces: Iterable[Mapping[str, Any]], wanted: Sequence[str]) -> list[str]:
    """All versions: first those that were applied nowhere yet, then by the time when they first were; versions of one
    time by their numbers."""
    first: dict[str, str] = {}
    spelled = {version.lower(): version for version in reversed(wanted)}
    for workspace in workspaces:
        for it in workspace["versions"]:
            version, at = str(it["version"]), it.get("applied", {}).get("at", _NEVER)
            spelled.setdefault(version.lower(), version)
            first[version.lower()] = min(first.get(version.lower(), _NEVER), at)
    ordered = sorted(spelled, key=lambda key: (first.get(key, _NEVER), _natural(key)), reverse=True)
    return [spelled[key] for key in ordered]


_NEVER = "~"
"""Sorts after every time."""


def _natural(version: str) -> list[tuple[bool, int, str]]:
    """Numbers in it count as numbers: 10 comes after 9."""
    parts = re.split(r"([0-9]+)", version)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part]


def _look_for(asset: str, desired: DesiredState) -> _Look:
    return _Look(asset, desired, tuple(stored for stored in desired.known.values() if _of(stored, asset)))


def _of(stored: Stored, asset: str) -> list[Datastore | Data]:
    """The registration's definitions of an asset: of data, each version."""
    return [it for it in stored.assets if policy_name(it.id).lower() == asset]


def _says_something(body: Mapping[str, Any]) -> bool:
    return bool(body["versions"]) or "error" in body
