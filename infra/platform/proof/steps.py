"""What is proven, one function each. A step returns what worked, and raises Failed or Untried, with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.platform.az import Refused, az

HERE = Path(__file__).parent
REFUSALS = (
    "AuthorizationFailure",
    "PublicNetworkAccess",
    "Public network access",
    "Public access is",
    "ForbiddenByConnection",
    "ForbiddenByFirewall",
    "is not allowed access",
    "private endpoint",
)
"""What Azure says where a network is refused, and not a person: storage, vault, registry, Azure ML."""


class Failed(Exception):
    """It was tried, and did not work."""


class Untried(Exception):
    """It cannot be tried here."""


Outputs = dict[str, Any]
Step = Callable[[Outputs], str]


def _place(found: Outputs) -> tuple[str, ...]:
    return "--workspace-name", found["workspace"], "--resource-group", found["resourceGroup"]


def assets(found: Outputs) -> str:
    """Uploads data and registers the environment that the jobs ask for, unless a run before did."""
    said = [
        _registered("data", "data.yml", _data_version(), found),
        _registered("environment", "environment.yml", _version("environment.yml", "conda.yml"), found),
    ]
    return ", ".join(said)


def _registered(kind: str, file: str, version: str, found: Outputs) -> str:
    place = "--version", version, *_place(found)
    try:
        az("ml", kind, "show", "--name", "platform-proof", *place)
    except Refused:
        az("ml", kind, "create", "--file", str(HERE / file), *place)
        return f"{kind} registered in version {version}"
    return f"{kind} is there in version {version}"


def job_on(cluster: str) -> Step:
    """Runs the training job there. The first one also waits for the image."""

    def job(found: Outputs) -> str:
        name = _run("job.yml", f"on {cluster}", found, "--set", f"compute=azureml:{cluster}")
        az("ml", "model", "create", "--name", "platform-proof", "--type", "custom_model",
           "--path", f"azureml://jobs/{name}/outputs/model", *_place(found))  # fmt: skip
        return f"job {name} on {cluster} read the data and wrote a model"

    return job


def _run(file: str, where: str, found: Outputs, *changes: str) -> str:
    """The name of a job that completed. Raises Failed."""
    place = _place(found)
    name: str = az("ml", "job", "create", "--file", str(HERE / file), *changes, *place)["name"]
    az("ml", "job", "stream", "--name", name, *place)
    status = az("ml", "job", "show", "--name", name, *place)["status"]
    if status != "Completed":
        raise Failed(f"job {name} {where} is {status}: az ml job download --all --name {name} {' '.join(place)}")
    return name


def image(found: Outputs) -> str:
    """Looks for what the cluster built and pushed. The registry itself builds nothing: it cannot be reached."""
    repositories = az("acr", "repository", "list", "--name", _last(found["registryId"]))
    built = [name for name in repositories if name.startswith("azureml/")]
    if not built:
        raise Failed("no image of Azure ML's is in the registry")
    return f"{len(built)} image(s) built by the cluster are in the registry"


def preview(found: Outputs) -> str:
    """What the studio does before it shows rows, without the studio: the workspace's own identity reads storage, in a
    job, and may see the private endpoints. The preview's own interface is not public, so a person looks at the rows."""
    who = found["workspaceIdentity"]
    lacking = []
    if not _roles(who, found["storageId"]) & {"Storage Blob Data Reader", "Storage Blob Data Contributor"}:
        lacking.append("Storage Blob Data Reader at the storage")
    group = found["workspaceId"].partition("/providers/")[0]
    for name in found["privateEndpoints"]:
        path = f"{group}/providers/Microsoft.Network/privateEndpoints/{name}"
        if "-storage-" in name and "Reader" not in _roles(who, path):
            lacking.append(f"Reader at {name}")
    if lacking:
        raise Failed(f"the workspace's identity lacks {', '.join(lacking)}")
    name = _run("preview.yml", "as the workspace's identity", found)
    rows = f"https://ml.azure.com/data/platform-proof/{_data_version()}/details?wsid={found['workspaceId']}"
    return f"job {name} read the data as the workspace's identity; that the rows are shown, a person sees at {rows}"


def endpoint(found: Outputs) -> str:
    """Deploys the model, calls it, takes the endpoint away again."""
    if not found["scoring"]:
        raise Untried("there is no cluster for scoring: set the parameter scoringCluster")
    folder = HERE / ("managed" if found["scoring"] == "managed" else "kubernetes")
    name, place = _endpoint_name(found), _place(found)
    identity = f"identity.user_assigned_identities[0].resource_id={found['computeIdentityId']}"
    asked = ("--set", f"name={name}", *((identity,) if folder.name == "managed" else ()))
    az("ml", "online-endpoint", "create", "--file", str(folder / "endpoint.yml"), *asked, *place)
    try:
        az("ml", "online-deployment", "create", "--file", str(folder / "deployment.yml"),
           "--set", f"endpoint_name={name}", "--all-traffic", *place)  # fmt: skip
        said = az(
            "ml", "online-endpoint", "invoke", "--name", name, "--request-file", str(HERE / "request.json"), *place
        )
    finally:
        az("ml", "online-endpoint", "delete", "--name", name, "--yes", *place)
    values = [float(it) for it in str(said).strip('"[] ').split(",")]
    if [round(it) for it in values] != [13, 15]:
        raise Failed(f"endpoint {name} answered {said}, not about 13 and 15")
    return f"endpoint {name} answered {values}"


def settings(found: Outputs) -> str:
    """Every resource says of itself that it has no public access."""
    public = [
        _last(resource)
        for resource in (found["workspaceId"], found["storageId"], found["vaultId"], found["registryId"])
        if az("resource", "show", "--ids", resource, "--query", "properties.publicNetworkAccess") != "Disabled"
    ]
    if public:
        raise Failed(f"public network access is not Disabled at {', '.join(public)}")
    return "public network access is Disabled at workspace, storage, vault and registry"


def refused(what: str, command: Callable[[Outputs], tuple[str, ...]]) -> Step:
    """From outside: the command, run by somebody who may, must be refused for where it comes from."""

    def step(found: Outputs) -> str:
        try:
            az(*command(found))
        except Refused as refusal:
            if any(words.lower() in refusal.text.lower() for words in REFUSALS):
                return f"{what} refused it"
            raise Untried(f"{what} refused it for another reason: {refusal}") from None
        raise Failed(f"{what} ANSWERED FROM OUTSIDE OF THE NETWORK")

    return step


def _read_blobs(found: Outputs) -> tuple[str, ...]:
    return "storage", "container", "list", "--account-name", _last(found["storageId"]), "--auth-mode", "login"


def _read_secrets(found: Outputs) -> tuple[str, ...]:
    return "keyvault", "secret", "list", "--vault-name", _last(found["vaultId"])


def _read_images(found: Outputs) -> tuple[str, ...]:
    return "acr", "repository", "list", "--name", _last(found["registryId"])


def _read_runs(found: Outputs) -> tuple[str, ...]:
    """MLflow's interface is one of the workspace's own; jobs and data go by Resource Manager, which stays reachable."""
    host = f"https://{found['location']}.api.azureml.ms/mlflow/v1.0"
    url = f"{host}{found['workspaceId']}/api/2.0/mlflow/experiments/search?max_results=1"
    return "rest", "--method", "get", "--url", url, "--resource", "https://ml.azure.com"


def inside(found: Outputs) -> list[tuple[str, Step]]:
    """What is tried from a machine in the network: the jump host, the agent, a VPN client."""
    jobs = [(f"job on {cluster}", job_on(cluster)) for cluster in found["clusters"]]
    return [("assets", assets), *jobs, ("image", image), ("preview", preview), ("endpoint", endpoint)]


def outside(_: Outputs) -> list[tuple[str, Step]]:
    """What is tried from anywhere else, as somebody with every right."""
    return [
        ("settings", settings),
        ("workspace", refused("the workspace", _read_runs)),
        ("storage", refused("the storage", _read_blobs)),
        ("vault", refused("the vault", _read_secrets)),
        ("registry", refused("the registry", _read_images)),
    ]


def _data_version() -> str:
    return _version("data.yml", "data/lines.csv")


def _version(*files: str) -> str:
    """By what the files say, so that a second run registers nothing twice."""
    return hashlib.sha256(b"".join((HERE / it).read_bytes() for it in files)).hexdigest()[:12]


def _roles(who: str, scope: str) -> set[str]:
    asked = ("--assignee", who, "--scope", scope, "--include-inherited", "--query", "[].roleDefinitionName")
    return set(az("role", "assignment", "list", *asked))


def _endpoint_name(found: Outputs) -> str:
    """The same at each run, and no other workspace's: endpoints of a region share one namespace."""
    return f"proof-{hashlib.sha256(found['workspaceId'].lower().encode()).hexdigest()[:12]}"


def _last(resource: str) -> str:
    return resource.rpartition("/")[2]
