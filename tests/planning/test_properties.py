"""What holds for every history of a small world: thousands of them, the same at each run of the tests."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registration.plan import Action
from tests.planning.histories import (
    Step,
    around,
    changing,
    cut_runs,
    history,
    in_place,
    kills,
    lived,
    registrations,
    running,
    seeds,
    syncs,
    whole_runs,
)
from tests.planning.world import Registration, Run, World, made_for

many = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Wants = tuple[Registration, ...]

anything = history(changing(), running(whole_runs), running(kills), around, in_place)
untouched = history(changing(), running(whole_runs), running(kills), around, most=8)
"""Versions that are there are changed by us alone, so that it is enough to look at what must be looked at."""
before_cuts = st.tuples(anything, st.just(True)) | st.tuples(untouched, st.just(False))
"""(the steps, whether the runs that are compared are deep)."""
healing = syncs.map(lambda sync: replace(sync, drift="heal", ignore=()))
reporting = syncs.map(lambda sync: replace(sync, drift="report"))


@many
@given(registrations(), anything, seeds)
def test_what_was_reconciled_needs_nothing_more(wanted: Wants, steps: list[Step], seed: int) -> None:
    """Nor was anything removed on the way that anybody wants or that we did not make: the world sees to that."""
    world = lived(wanted, steps)
    world.go(Run(seed=seed))
    assert world.writes(Run(deep=True)) == []
    assert world.writes(Run(deep=False)) == []
    before = world.copy()
    world.go()
    assert world.azure == before.azure
    assert world.state.inventory.assets == before.state.inventory.assets


@many
@given(registrations(), anything, seeds, st.randoms(use_true_random=False))
def test_no_order_matters_but_that_of_precedence(
    wanted: Wants, steps: list[Step], seed: int, any_order: object
) -> None:
    world = lived(wanted, steps)
    other = world.copy()
    shuffled = list(other.registrations)
    any_order.shuffle(shuffled)  # type: ignore[attr-defined]
    other.registrations = tuple(shuffled)
    assert world.plan() == other.plan()
    world.go(Run(seed=0))
    other.go(Run(seed=seed))
    assert other.azure.contents() == world.azure.contents()
    assert other.state.inventory.assets == world.state.inventory.assets


@many
@given(
    registrations(healing),
    history(changing(healing), running(whole_runs), around, in_place),
    st.lists(whole_runs.filter(lambda run: run.only is not None), max_size=4),
)
def test_runs_about_one_registration_each_lead_where_one_about_all_does(
    wanted: Wants, steps: list[Step], parts: list[Run]
) -> None:
    """As long as the options of those that share an asset do not differ in what is healed: then each heals its own."""
    world = lived(wanted, steps)
    other = world.copy()
    world.go()
    for part in parts:
        other.go(part)
    other.go()
    assert other.azure.contents() == world.azure.contents()
    assert other.state.inventory.assets.keys() == world.state.inventory.assets.keys()


def converges(wanted: Wants, steps: list[Step], cuts: list[Run], deep: bool) -> None:
    world = lived(wanted, steps)
    world.go(Run())
    world.registrations = wanted
    other = world.copy()
    world.go(Run(deep=deep))
    for cut in cuts:
        other.go(replace(cut, only=None))
    other.go(Run(deep=deep))
    assert other.azure.contents() == world.azure.contents()
    assert made_for(other) == made_for(world)
    assert other.writes(Run(deep=deep)) == []


@many
@given(registrations(), before_cuts, kills)
def test_a_run_that_was_killed_is_finished_by_the_next(
    wanted: Wants, before: tuple[list[Step], bool], cut: Run
) -> None:
    """What it made is known to be ours."""
    converges(wanted, before[0], [cut], before[1])


@many
@given(registrations(), before_cuts, st.lists(cut_runs, max_size=4))
def test_so_are_several_and_those_whose_answers_were_lost(
    wanted: Wants, before: tuple[list[Step], bool], cuts: list[Run]
) -> None:
    converges(wanted, before[0], cuts, before[1])


@many
@given(registrations(), st.lists(st.tuples(registrations(), cut_runs), min_size=1, max_size=4))
def test_what_we_made_is_never_taken_for_anothers(wanted: Wants, cuts: list[tuple[Wants, Run]]) -> None:
    """Whatever the registrations became meanwhile: as long as the one that it was made for wants it, or nobody does."""
    world, wishes = World(registrations=wanted), [wanted]
    for registrations_now, cut in cuts:
        world.registrations = registrations_now
        wishes.append(registrations_now)
        world.go(cut)
    world.go()
    known = made_for(world)
    for asset, maker in world.azure.makers.items():
        others = any(it.origin != maker for now in wishes for it in now if asset in _ids(it))
        always = all(asset in _ids(it) for now in wishes for it in now if it.origin == maker)
        if always or (not others and not _archived(world, asset)):
            assert known.get(asset) == maker


def _ids(registration: Registration) -> set[str]:
    return {wanted.id.lower() for wanted in registration.wants}


def _archived(world: World, asset: str) -> bool:
    kind, name, *version = asset.split("/")
    return kind == "data" and world.azure.versions[name, version[0]].archived


@many
@given(registrations(), untouched)
def test_a_shallow_plan_is_the_deep_one_unless_versions_were_changed_in_place(wanted: Wants, steps: list[Step]) -> None:
    world = lived(wanted, steps)
    shallow, deep = (world.plan(Run(deep=deep))[0] for deep in (False, True))
    assert [(it.key, it.action, it.reasons) for it in shallow.changes if it.action is not Action.ADOPT] == [
        (it.key, it.action, it.reasons) for it in deep.changes if it.action is not Action.ADOPT
    ]
    assert (shallow.forgotten, shallow.unmanaged) == (deep.forgotten, deep.unmanaged)


@many
@given(
    registrations(reporting),
    history(changing(reporting), running(whole_runs), around, in_place),
    history(running(whole_runs), around, in_place),
)
def test_drift_that_is_to_be_reported_is_never_written(wanted: Wants, before: list[Step], after: list[Step]) -> None:
    world = lived(wanted, before)
    world.go()
    settled = {asset for asset in world.claimed() if asset in world.state.inventory.assets}
    conflicts = {it.asset.lower() for it in world.plan()[0].changes if it.action is Action.CONFLICT}
    for step in after:
        world.written.clear()
        step(world)
        assert not world.written & (settled - conflicts)
    assert not {it.asset.lower() for it in world.go()} & (settled - conflicts)


def test_the_histories_are_not_empty() -> None:
    """What is drawn leads to every action there is."""
    seen: set[Action] = set()

    @settings(many, max_examples=300)
    @given(registrations(), anything)
    def look(wanted: Wants, steps: list[Step]) -> None:
        seen.update(change.action for change in lived(wanted, steps).plan()[0].changes)

    look()
    assert seen == set(Action)
