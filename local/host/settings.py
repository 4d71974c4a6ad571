"""What a function app is told: host.json, local.settings.json, and `%NAME%` in its bindings."""

import json
import os
import re
from pathlib import Path
from typing import Any


class LoadError(Exception):
    """A function app that cannot be run; the text says what is wrong with it."""


def read(root: Path) -> dict[str, Any]:
    """host.json of `root`, after setting what local.settings.json has and the environment has not."""
    local = _json(root / "local.settings.json") if (root / "local.settings.json").exists() else {}
    if local.get("IsEncrypted"):
        raise LoadError("local.settings.json is encrypted; `func settings decrypt` makes it readable")
    for name, value in local.get("Values", {}).items():
        os.environ.setdefault(name, str(value))
    return _json(root / "host.json")


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise LoadError(f"{path.name}: {error}") from None
    if not isinstance(document, dict):
        raise LoadError(f"{path.name}: not an object")
    return document


def resolved(text: str) -> str:
    """A binding's text with every `%NAME%` replaced by the setting of that name."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise LoadError(f"{match[0]} does not resolve: no setting has that name")
        return os.environ[match[1]]

    return re.sub(r"%([^%\s]+)%", value, text)


def connection(name: str) -> str:
    """A storage connection string by the binding's `connection`: `AzureWebJobs<name>` before `<name>`."""
    name = resolved(name or "Storage")
    value = os.environ.get(f"AzureWebJobs{name}") or os.environ.get(name)
    if not value:
        raise LoadError(f"the storage connection {name!r} has no setting")
    return value


def seconds(timespan: str) -> float:
    """Seconds of a .NET time span, `[d.]hh:mm:ss[.fff]`."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d\d):(\d\d(?:\.\d+)?)", timespan)
    if match is None:
        raise LoadError(f"host.json: {timespan!r} is not a time span like 00:00:30")
    days, hours, minutes, rest = match.groups()
    return ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(rest)
