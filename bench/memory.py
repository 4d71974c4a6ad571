"""What one worker process holds after many different workspaces."""

from __future__ import annotations

from bench import ground
from bench.figures import Figure
from tests.support import LocalStack

FEW, MANY = 10, 500
LIMIT = 100.0
SUBSCRIPTIONS = 10
ASSETS = ground.assets(1, 1)


def measure(stack: LocalStack) -> list[Figure]:
    """A host that has just started. Nothing is throttled, by Azure or by the service, which keeps buckets of its own:
    how long it takes is not the question here, so each subscription has few workspaces."""
    stack.emulator("PATCH", "settings", {"latency_ms": 0, "throttle": False})
    ground.registered(stack, ground.workspaces(stack, FEW), ASSETS)
    few = ground.resident(ground.host(stack))
    seconds = ground.registered(stack, ground.workspaces(stack, MANY - FEW, SUBSCRIPTIONS), ASSETS)
    many = ground.resident(ground.host(stack))
    text = f"{many - few:.0f} MB more ({few:.0f} after {FEW}, {many:.0f} after {MANY}; those took {seconds:.0f} s)"
    return [
        Figure(f"memory of the worker after {MANY} workspaces", text, f"at most {LIMIT:.0f} MB", many - few <= LIMIT)
    ]
