"""`make demo`: the original project's request on a stack of its own, sent as Data Factory sends it; then a night."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import ssl
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from local import supervisor
from local.identity import MANAGEMENT, token
from local.stack import TENANT, StackError

_VERSION = {"api-version": "2024-04-01"}
_FOLLOW_SECONDS = 180


class DemoError(Exception):
    """Something did not go as it should; the message says what."""


class Demo:
    """One run against one stack, whose `stack.json` it is given."""

    def __init__(self, stack: dict[str, Any]) -> None:
        self._stack = stack
        self._http = httpx.Client(timeout=60, trust_env=False)
        trust = ssl.create_default_context(cafile=stack["ca"])
        self._arm = httpx.Client(base_url=stack["arm"], verify=trust, timeout=60, trust_env=False)
        keys = "subscription_id", "resource_group", "workspace_name"
        self._body = {
            "workspace_definition": [dict(zip(keys, key.split("/"), strict=True)) for key in stack["workspaces"]],
            "datastore_definition": [
                {"adlsgen2_datastore_name": "silver", "account_name": "sourcedata", "filesystem": "silver"}
            ],
            "dataset_definition": [
                {"dataset_name": "accounting", "dataset_path": "accounting/accounting.csv"},
                {"dataset_name": "sales", "dataset_path": "sales/sales.csv"},
                {"dataset_name": "people", "dataset_path": "hr/people.csv"},
            ],
        }

    def run(self) -> None:
        """The whole road. Raises DemoError at the first thing that is not as it should be."""
        key = f"{uuid.uuid4()}-register-silver"  # Data Factory: pipeline run id + activity name
        print("\nPOST /send_data as data-factory: 3 workspaces, the datastore silver, 3 CSV files")
        accepted = self._send("data-factory", key)
        _expect(accepted, 202)
        operation = accepted.headers["operation-location"]
        print(f"  202, follow {accepted.headers['location']}")
        self._follow(accepted.headers["location"], operation)
        print("\nWhat each workspace now holds, read back from ARM:")
        if len({self._show(workspace) for workspace in self._stack["workspaces"]}) != 1:
            raise DemoError("the workspaces do not hold the same")
        print("\nThe same request again, with the same Idempotency-Key")
        again = self._send("data-factory", key)
        if again.headers.get("operation-location") != operation:
            raise DemoError(f"another operation: {again.status_code} {again.text[:500]}")
        print(f"  {again.status_code}, the same operation")
        print("The same request as stranger: a valid token, and no rule in the policy")
        _expect(self._send("stranger", str(uuid.uuid4())), 403)
        print("The same request without a token, with a forged X-MS-CLIENT-PRINCIPAL")
        owner = self._stack["identities"]["data-factory"]["object_id"]
        claims = [{"typ": "tid", "val": TENANT}, {"typ": "oid", "val": owner}]
        forged = base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims}).encode()).decode()
        _expect(self._post({"X-MS-CLIENT-PRINCIPAL": forged}), 401)
        self._night(self._stack["workspaces"][0])

    def _night(self, workspace: str) -> None:
        """Somebody archives a version by hand; what the nightly run would do about it; what it does."""
        print("\nSomebody archives the data asset sales in one workspace. What the nightly run would do about it:")
        [version] = self._list(f"{_arm_path(workspace)}/data/sales/versions")
        body = {"properties": {**version["properties"], "isArchived": True}}
        self._arm.put(version["id"], params=_VERSION, headers=self._person(), json=body).raise_for_status()
        asked = self._http.post(self._stack["api"] + "/reconcile?dryRun=true", json={}, headers=self._factory())
        _expect(asked, 202)
        self._follow(asked.headers["location"], asked.headers["operation-location"])
        plan = self._http.get(asked.headers["location"], headers={**self._factory(), "Accept": "text/plain"})
        print("".join(f"    {line}".rstrip() + "\n" for line in plan.text.splitlines()))
        print("The night comes: the timer, by the host's own admin endpoint")
        settings = json.loads((Path(self._stack["directory"]) / "config.json").read_text())
        admin = self._stack["host_api"].removesuffix("/api") + "/admin/functions/nightly"
        _expect(self._http.post(admin, json={"input": ""}, headers={"X-Local-Front": settings["front_secret"]}), 202)
        operation = f"{self._stack['api']}/operations/{self._newest('reconcile')}"
        self._follow(f"{operation}/result", operation)
        print("What that workspace holds again:")
        self._show(workspace)

    def _newest(self, kind: str) -> str:
        """The id of the newest operation of a kind, as soon as there is one that is no dry run."""
        end = time.monotonic() + _FOLLOW_SECONDS
        while time.monotonic() < end:
            listed = self._http.get(self._stack["api"] + "/operations", headers=self._factory()).json()["value"]
            found = [str(it["id"]) for it in listed if it["kind"] == kind and not it.get("dryRun")]
            if found:
                return found[0]
            time.sleep(0.2)
        raise DemoError(f"no operation of the kind {kind} was begun")

    def _send(self, identity: str, key: str) -> httpx.Response:
        return self._post({"Authorization": f"Bearer {token(self._stack, identity)}", "Idempotency-Key": key})

    def _post(self, headers: dict[str, str]) -> httpx.Response:
        url = self._stack["api"].removesuffix("/api") + "/send_data"
        return self._http.post(url, json=self._body, headers=headers)

    def _follow(self, location: str, operation: str) -> None:
        """As Data Factory does: GET `Location` until it is no longer 202."""
        headers = self._factory()
        end = time.monotonic() + _FOLLOW_SECONDS
        shown = ""
        while (result := self._http.get(location, headers=headers)).status_code == 202:
            status = self._http.get(operation, headers=headers).json()
            line = f"  {status['status']}, {status['percentComplete']} %"
            if line != shown:
                print(line)
            shown = line
            if time.monotonic() > end:
                raise DemoError(f"still not done after {_FOLLOW_SECONDS} seconds: {status}")
            time.sleep(0.5)  # the service asks for 5 seconds; a person watches
        _expect(result, 200)
        print(f"  {result.json()['status']}")

    def _show(self, workspace: str) -> tuple[tuple[str, str, str], ...]:
        """Print what it holds; returns (name, version, path) of its data."""
        subscription, group, name = workspace.split("/")
        base = _arm_path(workspace)
        print(f"  {name} ({group} in {subscription})")
        datastores = self._list(f"{base}/datastores")
        for datastore in datastores:
            it = datastore["properties"]
            print(f"    datastore {datastore['name']}: {it['datastoreType']}, {it['accountName']}/{it['filesystem']}")
        found = []
        for asset in sorted(self._list(f"{base}/data"), key=lambda it: str(it["name"])):
            for version in self._list(f"{base}/data/{asset['name']}/versions"):
                path = version["properties"]["dataUri"].rpartition("/paths/")[2]
                found.append((asset["name"], version["name"], path))
                print("    data {}, version {}: {}".format(*found[-1]))
        wanted = sorted((it["dataset_name"], it["dataset_path"]) for it in self._body["dataset_definition"])
        if [it["name"] for it in datastores] != ["silver"] or [(it[0], it[2]) for it in found] != wanted:
            raise DemoError(f"{name} does not hold exactly what the request named")
        return tuple(found)

    def _list(self, path: str) -> list[dict[str, Any]]:
        answer = self._arm.get(path, params=_VERSION, headers=self._person())
        answer.raise_for_status()
        return list(answer.json()["value"])

    def _factory(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {token(self._stack, 'data-factory')}"}

    def _person(self) -> dict[str, str]:
        """Of somebody with rights in Azure itself."""
        return {"Authorization": f"Bearer {token(self._stack, 'platform-admin', MANAGEMENT)}"}


def main() -> int:
    """Start a stack in a temporary directory, run the demo, stop it. 0 only if all went as it should."""
    directory = Path(tempfile.mkdtemp(prefix="registrar-demo-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it cleans up as after Ctrl-C
    try:
        print("Starting a local Azure with 3 workspaces in 2 subscriptions ...")
        with supervisor.running(directory, "--port", "0") as stack:
            Demo(stack).run()
    except KeyboardInterrupt:
        shutil.rmtree(directory)
        return 130
    except (DemoError, StackError, httpx.HTTPError) as error:
        print(f"\nThe demo failed: {error}\nLogs: {directory}", file=sys.stderr)
        return 1
    shutil.rmtree(directory)
    print("\nAll as it should be. The demo's stack is gone again; `make start` gives you one to keep.")
    return 0


def _arm_path(workspace: str) -> str:
    subscription, group, name = workspace.split("/")
    resource = f"/subscriptions/{subscription}/resourceGroups/{group}/providers"
    return f"{resource}/Microsoft.MachineLearningServices/workspaces/{name}"


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise DemoError(f"expected {status}, got {answer.status_code}: {answer.text[:2000]}")
    if status >= 400:
        message = answer.text
        with suppress(ValueError, KeyError, TypeError):
            message = answer.json()["error"]["message"]
        print(f"  {status}: {message[:200]}")
