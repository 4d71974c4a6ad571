"""The proof on a tenant, as far as it can be proven here: its YAML is Azure ML's, its script says what worked."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import load_data, load_environment, load_job, load_online_deployment, load_online_endpoint

from infra.platform.proof.__main__ import main
from local.azurite import ROOT
from tests.infra.platform.conftest import PLATFORM, Azure

PROOF = PLATFORM / "proof"
Given = Callable[[str], dict[str, object]]


def test_the_job_is_one_that_azure_ml_takes() -> None:
    job: Any = load_job(PROOF / "job.yml")
    assert job.type == "command"
    assert job._validate().passed  # the schema's own word
    assert (PROOF / "code" / "train.py").is_file()
    assert job.compute == "cpu"
    preview: Any = load_job(PROOF / "preview.yml")
    assert preview._validate().passed
    assert (preview.compute, preview.identity.type) == (None, "managed_identity")  # serverless, as the workspace
    assert load_data(PROOF / "data.yml").type == "uri_file"
    packages: Any = load_environment(PROOF / "environment.yml").conda_file
    assert packages["dependencies"][0] == "python=3.11"


@pytest.mark.parametrize(("kind", "mode"), [("managed", "aad_token"), ("kubernetes", "aml_token")])
def test_endpoint_and_deployment_are_ones_that_azure_ml_takes(kind: str, mode: str) -> None:
    endpoint: Any = load_online_endpoint(PROOF / kind / "endpoint.yml")
    deployment: Any = load_online_deployment(PROOF / kind / "deployment.yml")
    assert (endpoint.auth_mode, deployment.endpoint_name) == (mode, endpoint.name)
    assert type(endpoint).__name__.lower().startswith(kind)
    assert type(deployment).__name__.lower().startswith(kind)
    assert Path(deployment.base_path, deployment.code_configuration.code, "score.py").is_file()
    if kind == "managed":
        assert endpoint.public_network_access == "disabled"


def test_each_file_is_checked_against_a_schema() -> None:
    files = sorted(it.relative_to(PROOF).as_posix() for it in PROOF.rglob("*.yml"))
    assert [it for it in files if "$schema: https://azuremlschemas." not in (PROOF / it).read_text()] == ["conda.yml"]


def test_a_wrong_job_is_not_taken(tmp_path: Path) -> None:
    text = (PROOF / "job.yml").read_text().replace("type: uri_file", "type: uri_flie")
    (tmp_path / "job.yml").write_text(text)
    with pytest.raises(Exception, match=r"uri_flie|Validation"):
        load_job(tmp_path / "job.yml")


def test_the_training_and_the_scoring_are_what_the_script_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run here, as the job and the endpoint would."""
    train: list[str | Path] = [sys.executable, PROOF / "code" / "train.py", "--data", PROOF / "data" / "lines.csv"]
    subprocess.run([*train, "--model", tmp_path / "model"], check=True)
    monkeypatch.syspath_prepend(PROOF / "code")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    score = importlib.import_module("score")
    score.init()
    assert [round(it) for it in score.run((PROOF / "request.json").read_text())] == [13, 15]


@pytest.fixture
def tenant(azure: Azure, outputs: Given) -> Callable[[str], Azure]:
    """Everything works, as seen from inside of the network."""

    def of(mode: str) -> Azure:
        azure.answers(
            ("^deployment sub show --name ml ", outputs(mode)),
            ("^ml job create .*preview.yml", {"name": "calm_lake"}),
            ("^ml job create ", {"name": "brave_ship"}),
            ("^ml (data|environment) show ", {"refused": "ERROR: (UserError) Not Found.\n"}),
            ("^ml job show ", {"status": "Completed"}),
            ("^ml online-endpoint invoke ", "[13.05, 15.03]"),
            ("^ml ", {}),
            ("^acr repository list ", ["azureml/azureml_0123"]),
            ("^role assignment list ", ["Storage Blob Data Reader", "Reader"]),
            ("^resource show ", "Disabled"),
        )
        return azure

    return of


def told(*arguments: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    return main([*arguments], lines.append), lines


@pytest.mark.parametrize("mode", ["managed-network", "managed-network-everything", "custom-vnet-everything"])
def test_it_says_what_worked(tenant: Callable[[str], Azure], mode: str) -> None:
    azure = tenant(mode)
    code, lines = told("ml", "inside")
    assert code == 0
    assert [line.split(":")[0].split() for line in lines] == [
        ["worked", "assets"],
        ["worked", "job", "on", "cpu"],
        *([["worked", "job", "on", "gpu"]] if mode.endswith("everything") else []),
        ["worked", "image"],
        ["worked", "preview"],
        ["worked", "endpoint"],
    ]
    asked = "\n".join(azure.asked())
    folder = "managed" if mode.startswith("managed") else "kubernetes"
    assert f"{folder}/endpoint.yml" in asked
    assert ("--set compute=azureml:gpu" in asked) == mode.endswith("everything")
    assert azure.asked()[-1].startswith("ml online-endpoint delete --name proof-")
    for path in re.findall(r"--(?:file|request-file) (\S+)", asked):
        assert Path(path).is_file()


def test_a_second_run_registers_nothing_twice(tenant: Callable[[str], Azure]) -> None:
    """Data and environment are versioned by what they say; models and jobs are one more each time."""
    azure = tenant("managed-network")
    told("ml", "inside")
    registered = [it for it in azure.asked() if re.match("ml (data|environment) create ", it)]
    versions = [re.findall(r"--version (\w{12}) ", it) for it in registered]
    assert [len(it) for it in versions] == [1, 1]
    azure.answers(("^ml (data|environment) show ", {"name": "platform-proof"}))
    before = len(azure.asked())
    code, lines = told("ml", "inside")
    again = azure.asked()[before:]
    assert code == 0
    assert not [it for it in again if re.match("ml (data|environment) create ", it)]
    for [version] in versions:
        assert [it for it in again if re.match(f"ml (data|environment) show .*--version {version} ", it)]
    [seen] = re.findall(r"https://ml\.azure\.com/data/platform-proof/(\w+)/details", "\n".join(lines))
    assert seen == versions[0][0]


def test_the_preview_is_read_as_the_workspace(tenant: Callable[[str], Azure]) -> None:
    """And without the rights no job is tried."""
    azure = tenant("managed-network")
    _, lines = told("ml", "inside")
    assert lines[3].startswith("worked    preview: job calm_lake read the data as the workspace's identity")
    [asked] = [it for it in azure.asked() if "preview.yml" in it]
    assert "--set" not in asked
    azure.answers(("^ml job show --name calm_lake ", {"status": "Failed"}))
    assert told("ml", "inside")[1][3].startswith(
        "FAILED    preview: job calm_lake as the workspace's identity is Failed"
    )


def test_without_a_cluster_for_scoring_it_says_so(tenant: Callable[[str], Azure]) -> None:
    tenant("custom-vnet")
    code, lines = told("ml", "inside")
    assert code == 0
    assert lines[-1] == "not tried endpoint: there is no cluster for scoring: set the parameter scoringCluster"


REFUSED = {"refused": "ERROR: (Quota) no cores left\n"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("^ml job show ", {"status": "Failed"}), "FAILED    job on cpu: job brave_ship on cpu is Failed"),
        (("^ml job create .*:cpu", REFUSED), "FAILED    job on cpu: ERROR: .Quota. no cores left"),
        (("^acr repository list", ["other"]), "FAILED    image: no image of Azure ML's is in the registry"),
        (("^role assignment list .*storage-dfs", []), "FAILED    preview: .*lacks Reader at pe-ml-dev-storage-dfs"),
        (("^role assignment list", []), "FAILED    preview: .*lacks Storage Blob Data Reader at the storage, Reader"),
        (("^ml online-deployment", REFUSED), "FAILED    endpoint: ERROR"),
        (("^ml online-endpoint invoke", "[1.0, 2.0]"), "FAILED    endpoint: .*answered"),
    ],
)
def test_it_says_what_did_not_and_goes_on(
    tenant: Callable[[str], Azure], answer: tuple[str, object], said: str
) -> None:
    azure = tenant("managed-network")
    azure.answers(answer)
    code, lines = told("ml", "inside")
    assert code == 1
    assert len(lines) == 5
    assert [line for line in lines if re.match(said, line)]
    assert azure.asked()[-1].startswith("ml online-endpoint delete ")


WALLS = (
    ("^rest ", {"refused": "ERROR: Forbidden({'error': {'code': 'PublicNetworkAccessDisabled'}})"}),
    ("^storage container list", {"refused": "ERROR: ... AuthorizationFailure"}),
    (
        "^keyvault secret list",
        {"refused": "ERROR: (Forbidden) Public network access is disabled. ForbiddenByConnection"},
    ),
    ("^acr repository list", {"refused": "ERROR: client with IP '198.51.100.7' is not allowed access."}),
)


def test_from_outside_every_wall_is_tried(tenant: Callable[[str], Azure]) -> None:
    tenant("managed-network").answers(*WALLS)
    code, lines = told("ml", "outside")
    assert code == 0
    assert [line.split(":")[0].split() for line in lines] == [
        ["worked", name] for name in ("settings", "workspace", "storage", "vault", "registry")
    ]


@pytest.mark.parametrize("hole", range(4))
def test_a_wall_with_a_hole_fails_loudly(tenant: Callable[[str], Azure], hole: int) -> None:
    walls: list[tuple[str, object]] = list(WALLS)
    walls[hole] = (walls[hole][0], [])
    tenant("managed-network").answers(*walls)
    code, lines = told("ml", "outside")
    assert code == 1
    assert "ANSWERED FROM OUTSIDE" in lines[hole + 1]


def test_a_refusal_for_another_reason_proves_nothing(tenant: Callable[[str], Azure]) -> None:
    tenant("managed-network").answers(("^keyvault", {"refused": "ERROR: Please run 'az login'"}), *WALLS)
    _, lines = told("ml", "outside")
    assert lines[3].startswith("not tried vault: the vault refused it for another reason: ERROR: Please run 'az login'")


def test_a_resource_that_is_public_is_named(tenant: Callable[[str], Azure]) -> None:
    tenant("managed-network").answers(("^resource show .*registries", "Enabled"), *WALLS)
    code, lines = told("ml", "outside")
    assert code == 1
    assert re.match(r"FAILED    settings: public network access is not Disabled at cr\w+$", lines[0])


def test_it_says_how_it_is_used(azure: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert told()[0] == 2
    assert told("ml", "beside")[0] == 2
    azure.answers(("^deployment", {"refused": "ERROR: (DeploymentNotFound) 'ml' could not be found.\n"}))
    assert told("ml", "inside") == (2, ["ERROR: (DeploymentNotFound) 'ml' could not be found."])
    azure.answers(("^deployment", {"REGISTRAR_URL": {"value": "x"}}))
    assert "no deployment of infra/platform/main.bicep" in told("ml", "inside")[1][0]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "az is not installed" in told("ml", "inside")[1][0]


def test_the_python_of_either_jump_host_reads_it() -> None:
    """Ubuntu 22.04, on the machine for data science, brings 3.10."""
    for file in PLATFORM.rglob("*.py"):
        ast.parse(file.read_text(), feature_version=(3, 10))


def test_it_runs_as_the_docs_say(tenant: Callable[[str], Azure]) -> None:
    tenant("managed-network").answers(*WALLS)
    command = [sys.executable, "-m", "infra.platform.proof", "ml", "outside"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("worked")) == (0, 5), done.stderr


def test_every_output_that_it_reads_is_one_of_the_templates() -> None:
    given = set(re.findall(r"^output (\w+) ", (PLATFORM / "main.bicep").read_text(), re.MULTILINE))
    for file in ("az.py", "provision.py", "proof/steps.py"):
        read = set(re.findall(r"found\[['\"](\w+)['\"]\]", (PLATFORM / file).read_text()))
        assert read <= given, file
    assert json.loads((PROOF / "request.json").read_text()) == {"x": [6, 7]}
