"""The addresses that data may have, taken apart; everything else is refused before an SDK sees it.

azure-ai-ml uploads a path without a scheme from the host's own disk (measured), so a path is never passed on that has
not been through `data_path`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

MAX_PATH_LENGTH = 2048

_SUFFIX = r"(core\.(?:windows\.net|usgovcloudapi\.net|chinacloudapi\.cn))"
"""The clouds' own storage addresses: an account of the same name elsewhere is another account."""

_DATASTORE = re.compile(r"azureml://datastores/([a-zA-Z0-9][a-zA-Z0-9_-]{0,254})/paths/(.*)")
_LONG = re.compile(
    r"azureml://subscriptions/([^/]+)/resourcegroups/([^/]+)/(?:providers/Microsoft\.MachineLearningServices/)?workspaces/([^/]+)"
    r"/(datastores/[^/]+/paths/.*)",
    re.IGNORECASE,
)
_ABFSS = re.compile(rf"abfss://([a-z0-9-]{{3,63}})@([a-z0-9]{{3,24}})\.dfs\.{_SUFFIX}/(.*)")
_WASBS = re.compile(rf"wasbs://([a-z0-9-]{{3,63}})@([a-z0-9]{{3,24}})\.blob\.{_SUFFIX}/(.*)")
_HTTPS = re.compile(rf"https://([a-z0-9]{{3,24}})\.(?:blob|dfs)\.{_SUFFIX}/([a-z0-9-]{{3,63}})/(.*)")
_LOCAL = "local paths are refused: put the file into a datastore, and give azureml://datastores/<name>/paths/<path>"
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")


@dataclass(frozen=True, slots=True)
class DataLocation:
    """Where a path leads: through a datastore of the workspace, or straight to an account and container."""

    path: str
    datastore: str | None = None
    container: str | None = None
    """`account/container`."""
    suffix: str | None = None
    """The storage suffix of an address that names its account."""


def short_form(text: str) -> tuple[str, str] | None:
    """A long datastore path as (workspace key, short path); None for any other address."""
    match = _LONG.fullmatch(text)
    if match is None:
        return None
    return f"{match[1]}/{match[2]}/{match[3]}".lower(), f"azureml://{match[4]}"


def locate(text: str) -> DataLocation:
    """Takes an address apart.

    Raises ValueError, with a sentence that says what to write instead, for anything that is not one of
    `azureml://datastores/<name>/paths/<path>`, its long form, or `abfss://`, `wasbs://`, `https://` of an account.
    """
    if (long := short_form(text)) is not None:
        text = long[1]
    if len(text) > MAX_PATH_LENGTH:
        raise ValueError(f"a path has at most {MAX_PATH_LENGTH} characters")
    if not text:
        raise ValueError("a path is needed: azureml://datastores/<name>/paths/<path> or abfss://…")
    scheme = _SCHEME.match(text)
    if scheme is None or re.match(r"[a-zA-Z]:[\\/]", text):
        raise ValueError(_LOCAL)
    if any(sign == "\\" or unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp"} for sign in text):
        raise ValueError("control characters and backslashes are not allowed in a path")
    if match := _DATASTORE.fullmatch(text):
        return DataLocation(_clean(match[2]), datastore=match[1])
    if match := _ABFSS.fullmatch(text) or _WASBS.fullmatch(text):
        return DataLocation(_clean(match[4]), container=f"{match[2]}/{match[1]}", suffix=match[3])
    if match := _HTTPS.fullmatch(text):
        return DataLocation(_clean(match[4]), container=f"{match[1]}/{match[3]}", suffix=match[2])
    raise ValueError(_why_not(scheme[1].lower()))


def data_path(text: str) -> str:
    """`text` itself, when `locate` takes it."""
    locate(text)
    return text


def _clean(path: str) -> str:
    """The path below its container. A path that could mean two places is refused."""
    if "?" in path or "#" in path:
        raise ValueError("a path carries no query and no token: grant access by the datastore's credentials")
    decoded = unquote(path)
    if re.search(r"%(2e|2f|5c|25|[01][0-9a-f]|7f)", path, re.IGNORECASE):
        raise ValueError("dots, slashes, percent signs and control characters may not be percent-encoded in a path")
    if any(part.strip(". ") == "" for part in decoded.removesuffix("/").split("/")) and decoded:
        raise ValueError("a path has no empty part, no '.' and no '..'")
    if any(part != part.strip() for part in decoded.split("/")):
        raise ValueError("no part of a path begins or ends with a space")
    return path


def _why_not(scheme: str) -> str:
    if scheme == "file":
        return _LOCAL
    if scheme == "adl":
        return "Azure Data Lake Storage Gen1 is retired; move the data to Gen2 and use abfss://"
    if scheme == "azureml":
        return "write azureml://datastores/<name>/paths/<path>; references to other assets are not accepted"
    if scheme in {"abfss", "wasbs", "https"}:
        return "write abfss://<container>@<account>.dfs.core.windows.net/<path> or the account's https:// address"
    return f"the scheme '{scheme}' is not accepted; write azureml://datastores/<name>/paths/<path> or abfss://…"
