"""What may happen to a small world, for hypothesis: few names, few values, so that all of them collide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from registration.plan import Origin, Sync, WantedDatastore
from shared.assets import Data
from tests.planning.parts import sales, signed, store
from tests.planning.world import STRANGER, Registration, Run, Wanted, World

FIRST, SECOND, THIRD = Origin("first", "2025-01-01"), Origin("second", "2025-01-02"), Origin("first", "2025-01-03")
"""In order of precedence. The third is a later namesake of the first."""

Step = Callable[[World], object]
PATHS = ["abfss://silver@sourcedata.dfs.core.windows.net/one", "azureml://datastores/a/paths/two"]
tags = st.sampled_from([None, None, {}, {"k": "1"}, {"k": "2"}])
texts = st.sampled_from([None, None, "", "ours"])


def _datastores(secret: str) -> SearchStrategy[WantedDatastore]:
    def build(principal: bool, **fields: Any) -> WantedDatastore:
        return signed(secret, **fields) if principal else store(**fields)

    names, places = st.sampled_from(["a", "A", "b"]), st.sampled_from(["silver", "silver", "gold"])
    return st.builds(build, st.booleans(), name=names, filesystem=places, tags=tags, description=texts)


data = st.builds(
    sales,
    st.sampled_from(["1", "2", "3"]),
    name=st.sampled_from(["x", "X", "y"]),
    path=st.sampled_from([PATHS[0], *PATHS]),
    tags=tags,
    description=texts,
)
syncs = st.builds(
    Sync,
    drift=st.sampled_from(["heal", "heal", "report"]),
    prune=st.sampled_from(["keep", "archive", "archive"]),
    allow_empty=st.booleans(),
    keep_versions=st.sampled_from([None, None, 1, 2]),
    suspend=st.sampled_from([False, False, False, True]),
    ignore=st.sampled_from([(), (), ("tags",), ("archived", "description"), ("credentials", "client_secret")]),
)


@st.composite
def registrations(draw: DrawFn, sync: SearchStrategy[Sync] = syncs) -> tuple[Registration, ...]:
    """All three, in any order; one that wants nothing was deleted. They read one vault."""
    secret = draw(st.sampled_from(["1", "2"]))

    def assets() -> tuple[Wanted, ...]:
        wanted = st.lists(st.one_of(_datastores(secret), data, data), max_size=5, unique_by=lambda it: it.id.lower())
        return tuple(draw(wanted))

    return tuple(Registration(origin, assets(), draw(sync)) for origin in draw(st.permutations([FIRST, SECOND, THIRD])))


scopes = st.none() | st.frozensets(st.sampled_from([FIRST, SECOND, THIRD]), min_size=1, max_size=2)
seeds = st.integers(0, 7)
whole_runs = st.builds(Run, only=scopes, deep=st.booleans(), seed=seeds)
kills = st.builds(Run, only=scopes, deep=st.booleans(), kill=st.integers(0, 4), seed=seeds)
doubts = st.builds(Run, only=scopes, deep=st.booleans(), doubt=st.tuples(st.integers(0, 3), st.booleans()), seed=seeds)
cut_runs = kills | doubts


def running(runs: SearchStrategy[Run]) -> SearchStrategy[Step]:
    return runs.map(lambda run: lambda world: world.go(run))


def changing(sync: SearchStrategy[Sync] = syncs) -> SearchStrategy[Step]:
    """A registration is replaced, suspended, deleted, …"""

    def step(wanted: tuple[Registration, ...]) -> Step:
        return lambda world: setattr(world, "registrations", wanted)

    return registrations(sync).map(step)


def _edited(name: str, fields: dict[str, Any]) -> Step:
    def step(world: World) -> None:
        found = world.azure.datastores.get(name)
        if found is not None:
            world.azure.datastores[name] = found.model_copy(update={"fields": {**found.fields, **fields}})

    return step


def _deleted(name: str) -> Step:
    return lambda world: world.azure.delete(name) if name in world.azure.datastores else None


def _brought(asset: Wanted) -> Step:
    """A stranger makes something, unless it is, or may be, one of ours: then nobody could tell."""

    def step(world: World) -> None:
        key, inventory = asset.id.lower(), world.state.inventory
        if key in inventory.assets or key in inventory.intents or key in world.azure.makers:
            return
        if isinstance(asset, Data):
            world.azure.put_version(asset, None, STRANGER)
        else:
            world.azure.put_datastore(asset, None, STRANGER)

    return step


def _changed(key: tuple[str, str], fields: dict[str, Any]) -> Step:
    def step(world: World) -> None:
        found, container = world.azure.versions.get(key), world.azure.containers.get(key[0])
        if found is not None and container is not None and not container.archived:
            world.azure.versions[key] = found.model_copy(update=fields)

    return step


def _archived(name: str) -> Step:
    return lambda world: world.azure.archive_all(name) if name in world.azure.containers else None


edits: SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"filesystem": "other"}, {"tags": {"their": "s"}}, {"description": "theirs"}, {"credentials": "AccountKey"}]
)
stores = st.sampled_from(["a", "b"])
around: SearchStrategy[Step] = st.one_of(
    st.builds(_edited, stores, edits),
    st.builds(_deleted, stores),
    st.builds(_brought, st.one_of(_datastores("1"), data)),
)
"""What a stranger does to datastores, and what he adds."""
in_place: SearchStrategy[Step] = st.one_of(
    st.builds(
        _changed,
        st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2", "3"])),
        st.sampled_from([{"tags": {"their": "s"}}, {"description": "theirs"}, {"archived": True}]),
    ),
    st.builds(_archived, st.sampled_from(["x", "y"])),
)
"""What he does to versions that are there. Nobody looks at those in a shallow run."""


def history(*steps: SearchStrategy[Step], most: int = 6) -> SearchStrategy[list[Step]]:
    return st.lists(st.one_of(*steps), max_size=most)


def lived(wanted: tuple[Registration, ...], steps: list[Step]) -> World:
    world = World(registrations=wanted)
    for step in steps:
        step(world)
    return world
