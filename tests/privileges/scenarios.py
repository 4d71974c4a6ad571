"""What the app does in Azure ML, each with the least that must be there before. To add one: a function and its line.

A scenario prepares with all rights of the role, then acts; what it acts must need at least one of the role's actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.road.journey import Journey, data, registration
from tests.support import LocalStack

Act = Callable[[], dict[str, Any]]
"""Does it, and gives the operation's result, whatever it is."""
Scenario = Callable[[LocalStack, Journey], Act]


def first_registration(stack: LocalStack, caller: Journey) -> Act:
    """A datastore and data where nothing is yet."""
    body = registration([stack.new_workspace()], data("accounting"))
    return lambda: result(caller, body)


def registration_again(stack: LocalStack, caller: Journey) -> Act:
    """Data that is there already is read before anything is written; then there is more of it."""
    key = stack.new_workspace()
    assert result(caller, registration([key], data("accounting", version="1")))["status"] == "Succeeded"
    body = registration([key], data("accounting", version="1"), data("sales", version="1"))
    return lambda: result(caller, body)


SCENARIOS: dict[str, Scenario] = {
    "a first registration": first_registration,
    "a registration over what is there": registration_again,
}


def result(caller: Journey, body: dict[str, Any]) -> dict[str, Any]:
    return dict(caller.follow(caller.accepted(body)).json())


@contextmanager
def rights(stack: LocalStack, actions: list[str]) -> Iterator[None]:
    """The app's role holds just these, while the stack runs."""
    app = stack.description["identities"]["app"]["object_id"]
    stack.emulator("PATCH", "settings", {"roles": {app: actions}})
    try:
        yield
    finally:
        stack.emulator("PATCH", "settings", {"roles": {app: None}})
