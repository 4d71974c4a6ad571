"""What each parameter file deploys, evaluated once for the session."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import pytest

from tests.infra import bicep as tools
from tests.infra.bicep import INFRA, Bicep, Resource

SETS = ("minimal", "everything", "existing", "shut")


class Deployed:
    """The resources of one parameter file."""

    def __init__(self, resources: list[Resource]) -> None:
        self.resources = resources

    def all(self, kind: str) -> list[Resource]:
        """Those of a type, such as `Microsoft.Web/sites`; a Graph type without its version."""
        return [it for it in self.resources if it["type"].partition("@")[0].lower() == kind.lower()]

    def one(self, kind: str, name: str = "") -> Resource:
        """The one of that type whose name ends so."""
        [found] = [it for it in self.all(kind) if str(it.get("name", "")).endswith(name)]
        return found

    def properties(self, kind: str, name: str = "") -> Resource:
        return dict(self.one(kind, name)["properties"])

    def kinds(self) -> set[str]:
        return {it["type"].partition("@")[0] for it in self.resources}


class Deploy(Protocol):
    def __call__(self, name: str) -> Deployed: ...


@pytest.fixture(scope="session")
def bicep() -> Bicep:
    found = tools.find()
    if found is None:
        pytest.skip(f"INFRA IS NOT CHECKED: neither bicep on PATH nor {tools.STAND_IN} is on this machine")
    return found


@pytest.fixture(scope="session")
def deploy(bicep: Bicep) -> Deploy:
    """By name of a file in infra/parameters."""

    @cache
    def evaluated(name: str) -> Deployed:
        return Deployed(bicep.evaluate(INFRA / "parameters" / f"{name}.bicepparam"))

    return evaluated


@pytest.fixture(params=SETS)
def deployed(request: pytest.FixtureRequest, deploy: Deploy) -> Deployed:
    """Each parameter set in turn."""
    return deploy(request.param)


def scope_of(assignment: Resource) -> str:
    """What a role is assigned at: the assignment's id up to itself, where the name is computed too."""
    return str(assignment["id"]).removeprefix("[format('").partition("/providers/Microsoft.Authorization/")[0]
