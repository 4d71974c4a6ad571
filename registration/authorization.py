"""What a registration asks for, put to the policy: one question per asset and workspace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from registration.document import Registration
from registration.faults import MAX_FAULTS
from registration.policy import Access, Rights, Source
from shared.assets import Data, Datastore, Observed
from shared.errors import Fault, RequestError
from shared.paths import locate
from shared.secrets import find_secret
from shared.tables import FILE
from shared.workspace import Workspace


def datastore_access(datastore: Datastore, workspace: Workspace, vaults: Sequence[str]) -> Access:
    references = datastore.credentials.references().values() if datastore.credentials else ()
    secrets = tuple(find_secret(reference, vaults).label for reference in references)
    return Access(workspace.key, datastore.id, (Source(datastore.location),), secrets)


def data_access(data: Data, workspace: Workspace, containers: Mapping[str, str]) -> Access | None:
    """`containers`: datastore name in lower case -> `account/container`. None when the datastore of the path, or of
    `write_to`, is none of them."""
    source = _source(data.path, data.type != "uri_file", containers)
    if source is None:
        return None
    if data.write_to is None:
        return Access(workspace.key, f"data/{data.name}", (source,))
    file = _source(f"{data.write_to.rstrip('/')}/{FILE}", False, containers)
    return None if file is None else Access(workspace.key, f"data/{data.name}", (source,), writes=(file,))


def _source(address: str, folder: bool, containers: Mapping[str, str]) -> Source | None:
    location = locate(address)
    container = location.container or containers.get((location.datastore or "").lower())
    return None if container is None else Source(container, location.path, folder)


def containers_of(
    registration: Registration,
    observed: Observed | None = None,
    suffix: str = "",
    others: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Where each datastore name leads: as the workspace has it; before that, as `others` will have made it; and before
    that, as the registration wants it.

    A datastore of the workspace with another endpoint than the cloud's (`suffix`) leads to nowhere that we know.
    """
    found = {
        name: datastore.location
        for name, datastore in (observed.datastores if observed else {}).items()
        if datastore.location is not None
        and (datastore.type == "one_lake" or datastore.fields.get("endpoint") in {None, suffix})
    }
    own = {datastore.name.lower(): datastore.location for datastore in registration.datastores}
    return found | dict(others or {}) | own


def require(
    registration: Registration,
    rights: Rights,
    vaults: Sequence[str],
    own_secrets: Collection[str],
    rename: Callable[[str], str] = str,
) -> None:
    """Refuses the whole registration, with every missing right by name, when any part is out of bounds.

    `own_secrets`: labels of the app's own credentials, which nobody is granted. A path through a datastore that the
    registration does not hold is asked about at the run, when the workspace says where it leads.
    Raises RequestError 403.
    """
    faults: list[Fault] = []
    count = 0
    for target, place, access in _questions(registration, vaults):
        taken = [secret for secret in access.secrets if secret.lower() in own_secrets]
        if taken:
            reason = "the service's own credentials are not for datastores"
        elif rights.allows(access):
            continue
        else:
            reason = rights.why_not(access)
        count += 1
        if len(faults) < MAX_FAULTS:
            faults.append(Fault("NotAuthorized", f"{access.asset} in {place}: {reason}.", rename(target)))
    if count > len(faults):
        faults.append(Fault("MoreFaults", f"… and {count - len(faults)} more."))
    if faults:
        raise RequestError(403, "NotAuthorized", "The policy does not let you do this; nothing was stored.", faults)


def _questions(registration: Registration, vaults: Sequence[str]) -> Iterator[tuple[str, str, Access]]:
    """(path of the field, workspace as it was written, question)."""
    containers = containers_of(registration)
    for workspace in registration.workspaces:
        place = f"{workspace.resource_group}/{workspace.workspace_name}"
        for number, datastore in enumerate(registration.datastores):
            yield f"datastores[{number}]", place, datastore_access(datastore, workspace, vaults)
        for number, data in enumerate(registration.data):
            access = data_access(data, workspace, containers)
            if access is None:
                access = Access(workspace.key, f"data/{data.name}")
            yield f"data[{number}]", place, access
