"""What a registration asks for, put to the policy: one question per asset and workspace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from registration.access.policy import Access, Rights, Source
from registration.request.document import Registration
from registration.request.faults import MAX_FAULTS
from shared.assets import Data, Datastore, Observed
from shared.errors import Fault, RequestError
from shared.paths import locate
from shared.secrets import find_secret
from shared.tables import FILE


def datastore_access(datastore: Datastore, workspace: str, vaults: Sequence[str]) -> Access:
    """`workspace`: its key."""
    references = datastore.credentials.references().values() if datastore.credentials else ()
    secrets = tuple(find_secret(reference, vaults).label for reference in references)
    return Access(workspace, datastore.id, (Source(datastore.location),), secrets)


def data_access(data: Data, workspace: str, containers: Mapping[str, str]) -> Access | None:
    """`containers`: datastore name in lower case -> `account/container`. None when the datastore of the path, or of
    `write_to`, is none of them."""
    source = _source(data.path, data.type != "uri_file", containers)
    if source is None:
        return None
    if data.write_to is None:
        return Access(workspace, f"data/{data.name}", (source,))
    file = _source(f"{data.write_to.rstrip('/')}/{FILE}", False, containers)
    return None if file is None else Access(workspace, f"data/{data.name}", (source,), writes=(file,))


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
    for target, place, access, allows in _questions(registration, rights, vaults):
        taken = [secret for secret in access.secrets if secret.lower() in own_secrets]
        if taken:
            reason = "the service's own credentials are not for datastores"
        elif allows(access):
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


def _questions(
    registration: Registration, rights: Rights, vaults: Sequence[str]
) -> Iterator[tuple[str, str, Access, Callable[[Access], bool]]]:
    """(path of the field, workspace as it was written, question, who answers it).

    Of what selectors will find, only the workspace is not known yet: for the rest some rule must speak already.
    """
    containers = containers_of(registration)
    asked = [
        (workspace.key, f"{workspace.resource_group}/{workspace.workspace_name}", rights.allows)
        for workspace in registration.workspaces
    ]
    if registration.selectors:
        asked.append(("", "what its selectors find", rights.allows_somewhere))
    for key, place, allows in asked:
        for number, datastore in enumerate(registration.datastores):
            yield f"datastores[{number}]", place, datastore_access(datastore, key, vaults), allows
        for number, data in enumerate(registration.data):
            access = data_access(data, key, containers)
            if access is None:
                access = Access(key, f"data/{data.name}")
            yield f"data[{number}]", place, access, allows
