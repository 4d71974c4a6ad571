"""Where the MLTable file of a data asset goes, and what it says: its addresses resolved by its own registration.

The file is the same for every workspace, so it names the account itself and no workspace's datastore; and it must be
known at acceptance where it leads, so the datastores of `path` and `write_to` stand in the registration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.assets import Data, Datastore
from shared.paths import locate
from shared.tables import FILE, covers, mltable_text

_KINDS = ("azure_blob", "azure_data_lake_gen2")


@dataclass(frozen=True, slots=True)
class Table:
    """A file to be written: `path` is below the container, and ends with the file's name."""

    account: str
    container: str
    path: str
    text: str


def table_of(data: Data, datastores: Sequence[Datastore], suffix: str = "") -> Table | None:
    """The file of a data asset in which `table_faults` found nothing; None where the service writes none.

    `suffix`: the cloud's storage suffix, which ends the addresses in the text; without it, files can be compared.
    """
    if data.mltable is None or data.write_to is None:
        return None
    account, container, below = _place(data.path, datastores)
    base = f"abfss://{container}@{account}.dfs.{suffix}/{below}".rstrip("/")
    account, container, folder = _place(data.write_to, datastores)
    return Table(account, container, f"{folder}/{FILE}".lstrip("/"), mltable_text(data.mltable, base))


def mark_of(registration: str, owner: str) -> dict[str, str]:
    """Whose a file is, as its metadata say it: a namesake of another owner is another registration.

    `registration`: its name, which is ASCII and collides whatever its case. `owner`: `tenant id/object id`.
    """
    return {"registration": registration.lower(), "owner": owner}


def table_faults(data: Data, datastores: Sequence[Datastore]) -> list[tuple[str, str]]:
    """(field, sentence) for all that keeps `table_of` from an answer, and a table from being read."""
    if data.mltable is None or data.write_to is None:
        return []
    found: list[tuple[str, str]] = []
    places = []
    for part, address in (("path", data.path), ("write_to", data.write_to)):
        if any(sign in address for sign in "*%[]{}"):
            found.append((part, "a table's addresses have none of * % [ ] { }; globs go into mltable.paths"))
            continue
        try:
            places.append(_place(address, datastores))
        except ValueError as error:
            found.append((part, str(error)))
    if not found:
        (*source, base), (*target, folder) = places
        file = f"{folder}/{FILE}".lstrip("/")
        inside = source == target and (not base or file.startswith(f"{base}/"))
        if inside and covers(data.mltable, file[len(base) :].lstrip("/")):
            found.append(("write_to", "the table would read its own MLTable file: write it elsewhere, or narrow paths"))
    return found


def _place(address: str, datastores: Sequence[Datastore]) -> tuple[str, str, str]:
    """Account, container and path without a slash at its end. Raises ValueError with a sentence."""
    location = locate(address)
    where = location.container
    if where is None:
        name = location.datastore or ""
        datastore = next((item for item in datastores if item.name.lower() == name.lower()), None)
        if datastore is None:
            raise ValueError(f"the datastore '{name}' must stand in this registration: a table names its account")
        if datastore.type not in _KINDS:
            raise ValueError(f"a table is read and written through {' or '.join(_KINDS)} only")
        where = datastore.location
    account, _, container = where.partition("/")
    return account, container, location.path.rstrip("/")
