"""After provisioning: puts infra/policy.yml where the app reads it, signed in as whoever runs azd.

Needs nothing but Python's standard library and azd. Exits 1, saying why, when the policy is not in place; where the azd
environment says that somebody else puts it there (REGISTRAR_POLICY_BY_HAND=true), it says so and leaves it alone.
"""

from __future__ import annotations

import json
import os
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

POLICY = Path(__file__).resolve().parents[1] / "policy.yml"
SCOPE = "https://storage.azure.com/.default"
PATIENCE = 300.0
"""Seconds; a role that was just assigned takes some minutes to be known."""
BY_HAND = (
    "THE POLICY WAS NOT PUT IN PLACE: REGISTRAR_POLICY_BY_HAND is true, so somebody else does it, from inside of the "
    "network. Until then the app goes by the policy that is there, and without one refuses everyone."
)
SHUT_OUT = (
    "Storage says so to addresses that it does not let in: it has no public one of its own, or yours is not among the "
    "operatorRanges of REGISTRAR_NETWORK. All resources are made. Do one of these: run `azd hooks run postprovision` "
    "from inside of the network, then `azd deploy`; name your address among the operatorRanges, and `azd up` again; or "
    "where somebody else puts the policy in place, `azd env set REGISTRAR_POLICY_BY_HAND true`, and `azd up` again. "
    "docs/deploy.md has each, under Networks. Until there is a policy the app refuses everyone."
)


def main(environment: Mapping[str, str] = os.environ, patience: float = PATIENCE, pause: float = 10.0) -> str | None:
    """Why the policy is not in place, or None."""
    if environment.get("REGISTRAR_POLICY_BY_HAND", "").strip().lower() == "true":
        sys.stderr.write(f"{BY_HAND}\n")
        return None
    try:
        text, url = _filled(environment), environment["REGISTRAR_POLICY_URL"]
        token = _token()
    except KeyError as missing:
        return f"{missing.args[0]} is not set: run this as azd's hook, or with `azd env get-values`."
    except Stopped as why:
        return str(why)
    end = time.monotonic() + patience
    while (problem := _put(url, text.encode(), token)) is not None:
        if time.monotonic() > end:
            told = f"The policy could not be put at {url}: {problem}"
            return f"{told}\n{SHUT_OUT}" if "AuthorizationFailure" in problem else told
        time.sleep(pause)
    return None


class Stopped(Exception):
    """Why there is nothing to be put, or nobody to put it."""


def _filled(environment: Mapping[str, str]) -> str:
    """The policy. Raises KeyError for a name that is not set, Stopped."""
    try:
        return string.Template(POLICY.read_text(encoding="utf-8")).substitute(environment)
    except ValueError as error:
        told = f"{POLICY.name} cannot be filled in: {error}."
        raise Stopped(f"{told} A dollar sign that begins no ${{NAME}} is written twice.") from None


def _token() -> str:
    """Of whoever runs azd. Raises Stopped."""
    command = ["azd", "auth", "token", "--scope", SCOPE, "--output", "json"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except OSError as error:
        raise Stopped(f"The policy was not put in place, since azd cannot be run: {error}") from None
    except subprocess.CalledProcessError as error:
        told = "The policy was not put in place, since azd gives no token; try `azd auth login`."
        raise Stopped(f"{told} It says: {error.stderr.strip()}") from None
    return str(json.loads(answer.stdout)["token"])


def _put(url: str, body: bytes, token: str) -> str | None:
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03", "x-ms-blob-type": "BlockBlob"}
    request = urllib.request.Request(url, body, {**headers, "Content-Type": "application/yaml"}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=30):
            return None
    except urllib.error.HTTPError as error:
        return f"storage answered {error.code} {error.headers.get('x-ms-error-code', '')}".rstrip()
    except OSError as error:
        return f"storage cannot be reached: {error}"


if __name__ == "__main__":
    sys.exit(main())
