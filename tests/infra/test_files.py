"""The files around the templates: each validates by its schema, and says what is so."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import pytest
import yaml

from local.azurite import ROOT
from tests.infra.bicep import INFRA
from tests.local_azure.conftest import shared

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: str) -> Any:
    text = (ROOT / path).read_text(encoding="utf-8")
    return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("azure.yaml", "azure.yaml.schema.json"),
        ("host.json", "host.schema.json"),
        ("infra/bicepconfig.json", "bicepconfig.schema.json"),
    ],
)
def test_files_validate_by_their_schemas(path: str, schema: str) -> None:
    rules = json.loads(shared(f"tools/infra-data/{schema}").read_text())
    rules = {key: value for key, value in rules.items() if key != "$id"}
    jsonschema.validators.validator_for(rules)(rules).validate(read(path))


def test_azd_finds_what_it_is_told_of() -> None:
    project = read("azure.yaml")
    assert (ROOT / project["infra"]["path"] / f"{project['infra']['module']}.bicep").is_file()
    [(name, service)] = project["services"].items()
    assert f"serviceName: '{name}'" in (INFRA / "main.bicep").read_text()
    assert (service["host"], service["language"]) == ("function", "py")
    for hook in project["hooks"].values():
        scripts = {variant["run"].split()[1] for variant in hook.values()}
        assert len(scripts) == 1
        assert all((ROOT / script).is_file() for script in scripts)
    assert set(project["hooks"]) == {"postprovision", "postdeploy"}


def ignored(path: str) -> bool:
    """By the patterns of .funcignore that we use: a folder, a name, a name with a star."""
    parts = PurePosixPath(path).parts
    patterns = [it for it in (ROOT / ".funcignore").read_text().splitlines() if it and not it.startswith("#")]
    return any(
        PurePosixPath(part).match(pattern.rstrip("/"))
        for pattern in patterns
        for part in (parts[:-1] if pattern.endswith("/") else parts)
    )


def test_the_package_holds_the_app_and_nothing_else() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    kept = {path for path in tracked if not ignored(path)}
    assert {path.split("/")[0] for path in kept} == {
        "constraints.txt",
        "function_app.py",
        "host.json",
        "registration",
        "requirements.txt",
        "shared",
    }
    assert all(
        ignored(path) for path in (".venv/bin/python", "node_modules/x/y.js", ".local/key", "local.settings.json")
    )


def steps(job: dict[str, Any]) -> str:
    return "\n".join(str(step.get("run", step.get("uses", ""))) for step in job["steps"])


def test_the_workflow_checks_looks_ahead_and_deploys() -> None:
    [workflow] = [read(str(file.relative_to(ROOT))) for file in WORKFLOWS if file.stem == "main"]
    jobs = workflow["jobs"]
    assert set(jobs) == {"check", "test", "what-if", "deploy"}
    assert "make check" in steps(jobs["check"])
    assert "make test" in steps(jobs["test"])
    assert "what-if" in steps(jobs["what-if"])
    assert "azd provision" in steps(jobs["deploy"])
    assert "azd deploy" in steps(jobs["deploy"])
    triggers = workflow[True]  # YAML reads `on` so
    assert set(triggers) == {"pull_request", "push"}
    assert triggers["push"] == {"branches": ["main"]}
    assert "github.event_name == 'pull_request'" in jobs["what-if"]["if"]
    assert "github.ref == 'refs/heads/main'" in jobs["deploy"]["if"]
    assert set(jobs["deploy"]["needs"]) == {"check", "test"}


def test_what_the_parameters_read_reaches_them_from_github_too() -> None:
    """`azd pipeline config` sets the variables that azure.yaml lists, besides those of azd's own; the workflow passes
    each on, with the default of the parameter file, since a variable that nobody set is an empty string there."""
    read_here = {"REGISTRAR_POLICY_BY_HAND": ""}  # by the hook that puts the policy in place
    read_here |= dict(
        re.findall(r"readEnvironmentVariable\('(\w+)', '(.*)'\)", (INFRA / "main.bicepparam").read_text())
    )
    listed = read("azure.yaml")["pipeline"]["variables"]
    assert sorted(listed) == sorted(name for name in read_here if name.startswith("REGISTRAR_"))
    environment = read(".github/workflows/main.yml")["env"]
    of_azds_own = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_PRINCIPAL_TYPE"}
    assert set(read_here) == {*listed, *of_azds_own, "AZURE_PRINCIPAL_ID"}
    assert set(environment) >= {*listed, *of_azds_own}
    for name in listed:
        default = f" || '{read_here[name]}'" if read_here[name] else ""
        assert environment[name] == f"${{{{ vars.{name}{default} }}}}"


def test_who_deploys_from_github_is_for_azd_to_say() -> None:
    """azd gives a .bicepparam AZURE_PRINCIPAL_ID only where there is no such variable: not even an empty one."""
    text = (ROOT / ".github" / "workflows" / "main.yml").read_text()
    assert not re.search(r"^\s*AZURE_PRINCIPAL_ID:", text, re.MULTILINE)
    assert "  AZURE_PRINCIPAL_TYPE: ServicePrincipal\n" in text


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_workflow_knows_a_secret_or_has_more_rights_than_it_needs(file: Any) -> None:
    text = file.read_text()
    assert "secrets." not in text
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        signs_in = bool(re.search(r"azure/login|azd auth login", steps(job)))
        assert job.get("permissions", {}).get("id-token") == ("write" if signs_in else None), name


def test_what_github_cannot_check_is_a_warning_there(tmp_path: Path) -> None:
    """Tests that need what lies beside the project skip on a runner; and a test that fails still fails its step."""
    job = read(".github/workflows/main.yml")["jobs"]["test"]
    [test] = [step for step in job["steps"] if "make test" in step.get("run", "")]
    assert test["shell"] == "bash"  # which GitHub runs with pipefail
    [told] = [step for step in job["steps"] if "::warning::" in step.get("run", "")]
    assert told["if"] == "always()"
    (tmp_path / "test.log").write_text("SKIPPED [3] tests/a.py:1: NOT CHECKED: facts are absent\n1 passed\n")
    done = subprocess.run(["bash", "-c", told["run"]], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "::warning::SKIPPED [3] tests/a.py:1: NOT CHECKED: facts are absent\n"


def test_the_what_if_is_not_for_strangers() -> None:
    """A pull request from a fork must not get a token of ours."""
    [workflow] = [read(str(file.relative_to(ROOT))) for file in WORKFLOWS if file.stem == "main"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in workflow["jobs"]["what-if"]["if"]


def test_the_devcontainer_sets_itself_up() -> None:
    found = read(".devcontainer/devcontainer.json")
    assert found["postCreateCommand"] == "make"
    assert any("azure-cli" in name for name in found["features"])
    assert any("azd" in name for name in found["features"])
