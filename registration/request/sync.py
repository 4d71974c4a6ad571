"""The sync options of a registration: how its assets are kept as it wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from registration.plan.fields import IMMUTABLE
from registration.plan.model import Sync
from registration.request.faults import Faults
from shared.assets import DATASTORES
from shared.errors import Fault

OPTIONS = tuple(option.name for option in fields(Sync))

CREDENTIALS = (
    "tenant_id",
    "client_id",
    "thumbprint",
    "authority_url",
    "resource_url",
    "client_secret",
    "certificate",
    "account_key",
    "sas_token",
)
"""The parts of credentials. In `ignore`, `credentials` stands for all of them and their kind; a secret there is not
written again when it rotates."""

IGNORABLE = ("description", "tags", "archived", "credentials", *CREDENTIALS)
"""Fields that a person may change in a workspace without it becoming another asset."""

_PLACE = {name for kind in DATASTORES.values() for name in kind.model_fields} - {"name", "type", *IGNORABLE}


def parse_sync(value: Any, faults: Faults) -> Sync:
    """The options in the field `sync` of a body; every fault goes to `faults`. What is left out, or null, has its
    default."""
    sync, wrong = _read(value)
    for fault in wrong:
        if faults.enough:
            break
        faults.add(fault.target or "sync", fault.message, fault.code)
    return sync


def stored_sync(value: Any) -> Sync:
    """Options that `sync_json` gave. Raises ValueError when they are damaged."""
    sync, wrong = _read(value)
    if wrong:
        raise ValueError(f"{wrong[0].target}: {wrong[0].message}")
    return sync


def sync_json(sync: Sync) -> dict[str, Any]:
    """The options that are not the default, as in a body."""
    options = {name: getattr(sync, name) for name in OPTIONS if getattr(sync, name) != getattr(Sync(), name)}
    return {name: list(option) if isinstance(option, tuple) else option for name, option in options.items()}


def _read(value: Any) -> tuple[Sync, list[Fault]]:
    if value is None:
        return Sync(), []
    if not isinstance(value, dict):
        return Sync(), [Fault("InvalidField", f"this is an object; sync has {', '.join(OPTIONS)}", "sync")]
    message = f"there is no such option; sync has {', '.join(OPTIONS)}"
    wrong = [Fault("UnknownField", message, f"sync.{name}") for name in value if name not in OPTIONS]
    given = {name: option for name, option in value.items() if name in OPTIONS and option is not None}
    for name, (right, sentence) in _RULES.items():
        if name in given and not right(given[name]):
            wrong.append(Fault("InvalidField", sentence, f"sync.{name}"))
            del given[name]
    if "ignore" in given:
        given["ignore"], faults = _ignored(given["ignore"])
        wrong += faults
    sync = Sync(**given)
    if sync.allow_empty and sync.prune == "keep" and not wrong:
        message = "allow_empty has no effect as long as nothing is pruned: write prune: archive, too, or leave it out"
        wrong.append(Fault("InvalidField", message, "sync.allow_empty"))
    return sync, wrong


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "drift": (lambda value: value in ("heal", "report"), "drift is heal or report"),
    "prune": (lambda value: value in ("keep", "archive"), "prune is keep or archive"),
    "allow_empty": (lambda value: isinstance(value, bool), "allow_empty is true or false"),
    "keep_versions": (_is_count, "keep_versions is a whole number, 1 or more; leave it out to keep all"),
    "suspend": (lambda value: isinstance(value, bool), "suspend is true or false"),
    "ignore": (lambda value: isinstance(value, list), "ignore is a list of fields"),
}


def _ignored(names: list[Any]) -> tuple[tuple[str, ...], list[Fault]]:
    """(the fields, what is wrong with them)."""
    found = []
    first: dict[str, int] = {}
    wrong = []
    for place, name in enumerate(names):
        target = f"sync.ignore[{place}]"
        if not isinstance(name, str):
            wrong.append(Fault("InvalidField", "this is the name of a field", target))
        elif first.setdefault(name, place) != place:
            wrong.append(Fault("Duplicate", f"this field stands at sync.ignore[{first[name]}] already", target))
        elif name not in IGNORABLE:
            wrong.append(Fault("InvalidField", _why_not(name), target))
        else:
            found.append(name)
    return tuple(found), wrong


def _why_not(name: str) -> str:
    if name in IMMUTABLE:
        return f"{name} cannot be changed in place: an asset with another is a conflict, which must be seen"
    if name in _PLACE:
        return f"{name} says where data is read, which the policy has agreed to: it is not left as somebody changed it"
    return f"there is no such field to ignore; it is one of {', '.join(IGNORABLE)}"
