"""Two definitions of an asset compared, and three states of it: wanted, applied, found. Field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from registration.plan.model import Applied, Claim, Reason, Sync, WantedDatastore, Why
from shared.assets import Data, ObservedData, ObservedDatastore

IMMUTABLE = frozenset({"type", "path", "mltable", "properties"})
"""Of a data version: only tags, description and `archived` can be changed in place (docs/azure.md)."""

_OPTIONAL = ("description", "tags", "properties")
"""A registration that leaves these out does not manage them."""


def managed(wanted: WantedDatastore | Data, sync: Sync) -> dict[str, Any]:
    """Field -> value of what is compared: what the registration manages and does not ignore."""
    fields = _data(wanted) if isinstance(wanted, Data) else _datastore(wanted, sync)
    return {name: value for name, value in fields.items() if name not in sync.ignore}


def _datastore(wanted: WantedDatastore, sync: Sync) -> dict[str, Any]:
    fields = wanted.datastore.place()
    fields["credentials"] = "None" if wanted.datastore.credentials is None else wanted.datastore.credentials.KIND
    if "credentials" not in sync.ignore:
        fields |= {name: value.lower().rstrip("/") for name, value in wanted.principal.items()}
    return dict(wanted.defaults) | fields | _optional(wanted.datastore)


def _data(data: Data) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": data.type, "path": data.registered_path, "archived": False}
    if data.definition is not None:
        fields["mltable"] = data.definition
    return fields | _optional(data)


def _optional(asset: Any) -> dict[str, Any]:
    given = {name: getattr(asset, name, None) for name in _OPTIONAL}
    return {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in given.items() if value is not None
    }


def record_of(
    wanted: WantedDatastore | Data, sync: Sync, known: Applied | None, *, written: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """(fields, versions of the secrets) as the inventory keeps them: nothing that came from a vault. A secret that is
    ignored and was not written stays the one that was written last, if any."""
    fields = managed(wanted, sync)
    if isinstance(wanted, Data):
        return fields, {}
    before = {} if known is None else known.secrets
    kept = {name for name in wanted.secrets if not written and _ignores(sync, name)}
    secrets = {name: version for name, version in wanted.secrets.items() if name not in kept}
    secrets |= {name: before[name] for name in kept if name in before}
    return {name: value for name, value in fields.items() if name not in wanted.private}, secrets


def shared_with(claim: Claim, others: Iterable[Claim], known: Applied, *, written: bool) -> dict[str, Any]:
    """What was applied of the fields that `claim` does not manage, and one of `others` does that is held: it has not
    been looked at, and is not forgotten. Of an asset that is written, only those that `claim` does not define."""
    mine = managed(claim.wanted, Sync() if written else claim.sync)
    held = {name for other in others if other.held for name in managed(other.wanted, other.sync)}
    return {name: value for name, value in known.fields.items() if name in held - mine.keys()}


def datastore_reasons(
    wanted: WantedDatastore, sync: Sync, found: ObservedDatastore, applied: Applied | None
) -> Iterator[Reason]:
    """Why the datastore that was found is to be written again. Of the same type."""
    for name, value in managed(wanted, sync).items():
        there = _there(name, value, found)
        if _same(there, value) or (there is None and name in wanted.defaults):
            continue
        if name in wanted.private:
            yield Reason(name, _private(name, wanted, applied))
        else:
            yield Reason(name, _three_way(name, value, applied), there, value)
    # Secrets cannot be read back, so their versions are compared with those that we wrote.
    for name, version in wanted.secrets.items():
        if name in wanted.private or _ignores(sync, name):
            continue
        if applied is None or name not in applied.secrets:
            yield Reason(name, Why.SECRET_UNKNOWN)
        elif applied.secrets[name] != version:
            yield Reason(name, Why.SECRET_ROTATED)


def data_reasons(wanted: Data, sync: Sync, found: ObservedData, applied: Applied | None) -> Iterator[Reason]:
    """Why the version that was found is not as wanted."""
    for name, value in managed(wanted, sync).items():
        if name == "mltable":  # written into the lake, so only the inventory knows
            if applied is None or applied.fields.get(name) == value:
                continue
            there = applied.fields.get(name)
        else:
            there = _there(name, value, found)
        if _same(_folded(name, there), _folded(name, value)):
            continue
        yield Reason(name, Why.IMMUTABLE if name in IMMUTABLE else _three_way(name, value, applied), there, value)


def strays(fields: Mapping[str, Any], found: ObservedDatastore | ObservedData) -> set[str]:
    """The fields of an entry of the inventory that are otherwise in the workspace, as far as it can tell."""
    return {
        name
        for name, value in fields.items()
        if name != "mltable" and not _same(_folded(name, _there(name, value, found)), _folded(name, value))
    }


def presumed(wanted: Data, sync: Sync, applied: Applied | None) -> bool:
    """Whether a version that is there needs no look: it was applied just as it is wanted now."""
    return applied is not None and dict(applied.fields) == managed(wanted, sync)


def _there(name: str, value: Any, found: ObservedDatastore | ObservedData) -> Any:
    """What was found in the field `name`, which is to be `value`."""
    if isinstance(found, ObservedDatastore):
        return found.fields.get(name)
    if name == "properties":  # Azure adds its own
        return {key: found.properties[key] for key in value if key in found.properties}
    return getattr(found, name)


def _ignores(sync: Sync, secret: str) -> bool:
    return secret in sync.ignore or "credentials" in sync.ignore


def _private(name: str, wanted: WantedDatastore, applied: Applied | None) -> Why:
    """The three-way comparison of a value that is not kept, by the version of the secret that it came from."""
    before = None if applied is None else applied.secrets.get(name)
    if before is None:
        return Why.DIFFERS
    return Why.IN_WORKSPACE if before == wanted.secrets.get(name) else Why.SECRET_ROTATED


def _three_way(name: str, value: Any, applied: Applied | None) -> Why:
    if applied is None or name not in applied.fields:
        return Why.DIFFERS
    return Why.IN_WORKSPACE if applied.fields[name] == value else Why.IN_REGISTRATION


def _folded(name: str, value: Any) -> Any:
    """A path with the datastore's name in lower case, for that has none; anything else as it is."""
    if name != "path" or not isinstance(value, str) or not value.startswith("azureml://datastores/"):
        return value
    scheme, rest = value[: len("azureml://datastores/")], value[len("azureml://datastores/") :]
    datastore, slash, below = rest.partition("/")
    return f"{scheme}{datastore.lower()}{slash}{below}"


def _same(there: Any, value: Any) -> bool:
    if isinstance(value, Mapping) and isinstance(there, Mapping):
        return {key: text or "" for key, text in there.items()} == {key: text or "" for key, text in value.items()}
    return bool(there == value) or (not there and value == "")


def agree(first: WantedDatastore | Data, second: WantedDatastore | Data) -> bool:
    """Whether two definitions of one asset can both be met: what only one of them manages is no difference."""
    one, other = _definition(first), _definition(second)
    return all(
        _same(_folded(name, one.get(name)), _folded(name, other.get(name)))
        for name in one.keys() | other.keys()
        if name not in _OPTIONAL or (name in one and name in other)
    )


def _definition(wanted: WantedDatastore | Data) -> dict[str, Any]:
    """As it was written down, references unread."""
    if isinstance(wanted, Data):
        return _data(wanted)
    credentials = wanted.datastore.credentials
    fields = wanted.datastore.place() | {"type": wanted.datastore.type} | _optional(wanted.datastore)
    return fields | {"credentials": None if credentials is None else credentials.model_dump(exclude_none=True)}


def merged(first: WantedDatastore | Data, others: Iterable[WantedDatastore | Data]) -> WantedDatastore | Data:
    """The first definition with what it does not manage taken from the others, which agree with it."""
    asset: Any = first if isinstance(first, Data) else first.datastore
    for other in others:
        given: Any = other if isinstance(other, Data) else other.datastore
        missing = [name for name in _OPTIONAL if getattr(asset, name, None) is None]
        taken = {name: getattr(given, name) for name in missing if getattr(given, name, None) is not None}
        asset = asset.model_copy(update=taken) if taken else asset
    if isinstance(first, Data):
        return asset  # type: ignore[no-any-return] # a copy of `first`
    return WantedDatastore(asset, first.principal, first.secrets, first.private, first.defaults)
