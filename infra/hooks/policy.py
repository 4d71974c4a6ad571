"""After provisioning: puts infra/policy.yml where the app reads it, signed in as whoever runs azd.

Needs nothing but Python's standard library and azd. Exits 1, saying why, when the policy is not in place.
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


def main(environment: Mapping[str, str] = os.environ, patience: float = PATIENCE, pause: float = 10.0) -> str | None:
    """Why the policy is not in place, or None."""
    try:
        text = string.Template(POLICY.read_text(encoding="utf-8")).substitute(environment)
        url = environment["REGISTRAR_POLICY_URL"]
    except KeyError as missing:
        return f"{missing.args[0]} is not set: run this as azd's hook, or with `azd env get-values`."
    token = _token()
    end = time.monotonic() + patience
    while (problem := _put(url, text.encode(), token)) is not None:
        if time.monotonic() > end:
            return f"The policy could not be put at {url}: {problem}"
        time.sleep(pause)
    return None


def _token() -> str:
    command = ["azd", "auth", "token", "--scope", SCOPE, "--output", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
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
