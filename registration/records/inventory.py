"""What is known of a workspace, kept in its own document: what we applied to it last (the third leg of the diff), how
each asset was found, and how the last runs went."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from registration.plan import Applied, Inventory, Origin
from registration.records.outcomes import Outcome, Verdict
from registration.records.results import checked_reasons
from shared import logs
from shared.documents import Document, Documents, Entry
from shared.errors import Changed, Damaged
from shared.stored import counts, failure, fields, figure, flag, listing, plain, readable, text, texts, whole, words

log = logs.get_log(__name__)

ANY = "*"
"""In place of the marks of registrations: it may be any."""

RUNS = 10
"""How many of the last runs are kept."""

PREFIX = "workspaces/"
MAX_ID = 300
"""Characters of an asset's id: names have 255 at most, versions 30."""
MAX_MARKS = 6000
"""Characters of the registrations' marks in the metadata, of which Azure keeps 8 KB in all."""


class Health(StrEnum):
    """How a workspace stands to its desired state."""

    IN_SYNC = "inSync"
    DRIFTED = "drifted"
    FAILED = "failed"
    NEVER_SEEN = "neverSeen"


@dataclass(frozen=True, slots=True)
class Seen:
    """How an asset was found, or left, by the run that looked at it last. `state`: an asset's outcome."""

    asset: str
    """Its id as the registration writes it."""
    state: str
    registration: str
    at: str
    reasons: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, str] | None = None
    rival: str | None = None
    """The registration that came first and wants it otherwise."""

    def as_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {"asset": self.asset, "state": self.state, "registration": self.registration}
        value["at"] = self.at
        if self.reasons:
            value["reasons"] = [dict(reason) for reason in self.reasons]
        if self.rival is not None:
            value["rival"] = self.rival
        return value if self.error is None else {**value, "error": dict(self.error)}


@dataclass(frozen=True, slots=True)
class State:
    """A workspace's document. Keys are in lower case."""

    workspace_id: str | None = None
    generations: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Registration name -> when it was born, and its newest generation that was applied here."""
    inventory: Inventory = field(default_factory=Inventory)
    looked: Mapping[str, str] = field(default_factory=dict)
    """Data asset's id, with its version -> when it was last read."""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """Asset id -> how it was found. What a registration wants in vain, since another came first, stands besides, under
    `<asset id> <registration>`."""
    unmanaged: tuple[str, ...] = ()
    error: Mapping[str, str] | None = None
    """Why the workspace as a whole could not be worked on, the last time."""
    runs: tuple[Mapping[str, Any], ...] = ()
    """The last ones, the newest first: operation, kind, time, outcome, and how many assets came to which."""

    def of(self, workspace_id: str | None) -> State:
        """This state, if it is about the workspace of this id; a workspace made anew begins with nothing."""
        if self.workspace_id in {None, workspace_id}:
            return replace(self, workspace_id=workspace_id)
        return State(workspace_id, runs=self.runs)

    def newest(self, registration: str, born: str) -> int:
        """The newest generation that was applied of the registration of this name and birth; 0 for none."""
        known, generation = self.generations.get(registration.lower(), ("", 0))
        return generation if known == born else 0

    @property
    def last(self) -> str | None:
        """The operation that ran here last."""
        return str(self.runs[0].get("operation")) if self.runs else None

    @property
    def deep(self) -> str | None:
        """When the data asset that was looked at longest ago was: none of them was looked at before. None: never."""
        wanted = [asset for asset in self.seen if asset in self.inventory.assets and asset.startswith("data/")]
        times = [self.looked.get(asset) for asset in wanted]
        return None if not times or None in times else min(time for time in times if time is not None)

    @property
    def health(self) -> Health:
        if not self.runs:
            return Health.NEVER_SEEN
        states = {seen.state for seen in self.seen.values()}
        if self.error is not None or states & {"failed", "conflict", "notAuthorized"}:
            return Health.FAILED
        return Health.DRIFTED if states & {"drifted", "kept"} else Health.IN_SYNC

    def metadata(self) -> dict[str, str]:
        """What a list of workspaces shows, and by which they are found; without their documents being read."""
        marks = ",".join(sorted({_mark(name) for name in self._registrations()}))
        last = self.runs[0] if self.runs else {}
        found = {
            "health": self.health.value,
            "assets": str(len(self.inventory.assets)),
            "wanted": str(len(self.seen)),
            "seen": str(last.get("at", "")),
            "operation": str(last.get("operation", "")),
            "outcome": str(last.get("outcome", "")),
            "deep": self.deep or "",
            "registrations": marks if len(marks) <= MAX_MARKS else ANY,
        }
        return {name: value for name, value in found.items() if value}  # Azure keeps no empty value

    def _registrations(self) -> set[str]:
        known = {applied.origin.name for applied in self.inventory.assets.values() if applied.origin is not None}
        known |= {applied.origin.name for applied in self.inventory.intents.values() if applied.origin is not None}
        return known | {seen.registration.lower() for seen in self.seen.values()}


def tells(metadata: Mapping[str, str]) -> bool:
    """Whether a workspace's document says anything of it: one that is in order, holds nothing of ours and bears no
    registration's mark was planned for once, or is gone."""
    told = metadata.get("assets", "0") != "0" or "registrations" in metadata
    return told or metadata.get("health") in {Health.FAILED, Health.DRIFTED}


def settled(metadata: Mapping[str, str], prunes: Iterable[str]) -> bool:
    """Whether a night would find nothing to do in a workspace that nobody wants anything in: all that is left there
    was left for good. `prunes`: the names of the registrations that remove what they leave over."""
    if metadata.get("health") in {Health.FAILED, Health.DRIFTED} or figure(metadata.get("wanted")) != 0:
        return False
    return not concerns(metadata, prunes)


def concerns(metadata: Mapping[str, str], registrations: Iterable[str]) -> bool:
    """Whether a workspace's document, by its metadata, may hold something of one of these registrations."""
    marks = metadata.get("registrations", "")
    return marks == ANY or bool({_mark(name) for name in registrations} & set(marks.split(",")))


def _mark(registration: str) -> str:
    """Eight signs for a name. Two names may share one; then a workspace is looked at in vain."""
    return f"{zlib.crc32(registration.lower().encode()):08x}"


def metadata_of(documents: Documents, entry: Entry) -> Mapping[str, str]:
    """What the metadata of a workspace's document say; where they were lost, what the document itself says, and then
    they are written again. One that is damaged besides has failed, and may hold anything."""
    if entry.metadata.get("health") in set(Health):
        return entry.metadata
    try:
        document = documents.read(entry.name)
        metadata = {} if document is None else _read(document).metadata()
    except Damaged as error:
        log.error("A workspace's document is damaged.", document=entry.name, reason=error.message)
        return {"health": Health.FAILED.value, "registrations": ANY}
    if document is not None:
        try:
            documents.replace(entry.name, document.value, etag=document.etag, metadata=metadata)
            log.warning("The metadata of a workspace's document were written again.", document=entry.name)
        except Changed:
            pass  # whoever works on it, or has, writes them too
    return metadata


def workspace_blob(key: str) -> str:
    return f"{PREFIX}{key}"


def read_state(documents: Documents, key: str) -> State:
    """The state of a workspace, empty where there is none. Raises Damaged."""
    document = documents.read(workspace_blob(key))
    return State() if document is None else _read(document)


def _read(document: Document) -> State:
    """An empty document was made for a lease alone, unless its metadata say that there was something in it. Raises
    Damaged."""
    if document.value == {} and document.metadata.get("health", Health.NEVER_SEEN) == Health.NEVER_SEEN:
        return State()
    with readable(document.name):
        return _state(document.value)


def write_state(documents: Documents, key: str, state: State, lease: str) -> None:
    """Stores it under the lease that the worker holds. Raises LeaseLost."""
    value = {
        "workspace_id": state.workspace_id,
        "generations": dict(state.generations),
        "assets": {asset: _applied_json(applied) for asset, applied in state.inventory.assets.items()},
        "intents": {asset: _applied_json(applied) for asset, applied in state.inventory.intents.items()},
        "latest": dict(state.inventory.latest),
        "looked": dict(state.looked),
        "seen": {asset: seen.as_json() for asset, seen in state.seen.items()},
        "unmanaged": list(state.unmanaged),
        "error": None if state.error is None else dict(state.error),
        "runs": [dict(run) for run in state.runs[:RUNS]],
    }
    documents.replace(workspace_blob(key), value, lease=lease, metadata=state.metadata())


def _state(value: Mapping[str, Any]) -> State:
    workspace, error = value["workspace_id"], value["error"]
    return State(
        None if workspace is None else text(workspace),
        {name: (text(born), whole(number)) for name, (born, number) in fields(value["generations"]).items()},
        Inventory(
            {asset: _applied(asset, applied) for asset, applied in fields(value["assets"]).items()},
            {asset: _applied(asset, applied) for asset, applied in fields(value["intents"]).items()},
            words(value["latest"]),
        ),
        words(value["looked"]),
        {asset: _seen(asset, seen) for asset, seen in fields(value["seen"]).items()},
        texts(value["unmanaged"]),
        None if error is None else failure(error),
        tuple(_run(run) for run in listing(value["runs"])),
    )


def _run(value: Any) -> Mapping[str, Any]:
    parts = {name: text(value[name]) for name in ("operation", "kind", "at")}
    return {**parts, "outcome": Outcome(value["outcome"]).value, "counts": counts(value["counts"])}


def _applied_json(applied: Applied) -> dict[str, Any]:
    value: dict[str, Any] = {"fields": dict(applied.fields), "made": applied.made, "at": applied.at}
    value["asset"] = applied.asset
    if applied.secrets:
        value["secrets"] = dict(applied.secrets)
    return value if applied.origin is None else {**value, "origin": list(applied.origin)}


def _applied(asset: str, value: Mapping[str, Any]) -> Applied:
    origin = None if "origin" not in value else Origin(*texts(value["origin"]))
    known = fields(plain(value["fields"]))
    if asset.startswith("data/"):
        for name, it in known.items():
            _DATA[name](it)
    secrets = words(value.get("secrets", {}))
    return Applied(known, secrets, origin, flag(value["made"]), text(value["at"]), _id(asset, value["asset"]))


_DATA: Mapping[str, Callable[[Any], object]] = {
    "type": text,
    "path": text,
    "archived": flag,
    "mltable": fields,
    "description": text,
    "tags": words,
    "properties": words,
}
"""The fields of a data asset that are compared with what a workspace holds, each with its type."""


def _seen(key: str, value: Mapping[str, Any]) -> Seen:
    asset, _, loser = key.partition(" ")
    state, registration, at = Verdict(value["state"]).value, text(value["registration"]), text(value["at"])
    error = failure(value["error"]) if "error" in value else None
    rival = text(value["rival"]) if "rival" in value else None
    if loser not in {"", registration.lower()}:
        raise ValueError("this is another registration's")
    return Seen(_id(asset, value["asset"]), state, registration, at, checked_reasons(value), error, rival)


def _id(key: str, asset: Any) -> str:
    """An asset's id as it is written, whose key is in lower case: a datastore has none, data have a version."""
    kind, *names = key.split("/")
    if (
        len(names) != {"datastores": 1, "data": 2}.get(kind)
        or not all(names)
        or key != key.lower()
        or len(key) > MAX_ID
    ):
        raise ValueError("this is no asset")
    if text(asset).lower() not in {"", key}:
        raise ValueError("this is another asset")
    return text(asset)
