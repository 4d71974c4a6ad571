"""Lists: what a query leaves of them, and their pages."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from local.azure.answers import AzureError, Json
from local.azure.bodies import CONTAINER, VERSION

PARAMETERS = {"$skip", "count", "$top", "$orderBy", "isDefault", "names", "orderByAsc", "listViewType"}
PAGE = 30


def select(found: Iterable[Json], kind: str, query: dict[str, str]) -> list[Json]:
    """Spec: `listViewType` of data (ActiveOnly unless asked otherwise), `isDefault`, `names`, `$orderBy`."""
    rows = list(found)
    if kind in (CONTAINER, VERSION) and (view := query.get("listViewType", "ActiveOnly")) != "All":
        rows = [row for row in rows if _view(row) == view]
    if default := query.get("isDefault"):
        rows = [row for row in rows if str(row["properties"].get("isDefault", False)).lower() == default]
    if names := query.get("names"):
        rows = [row for row in rows if row["name"].lower() in names.lower().split(",")]
    return rows[::-1] if "desc" in query.get("$orderBy", "").lower() else rows


def _view(row: Json) -> str:
    return "ArchivedOnly" if row["properties"].get("isArchived") else "ActiveOnly"


def page(rows: list[Json], query: dict[str, str], url: str) -> Json:
    """One page of `count` or `$top` rows after `$skip`, with an absolute `nextLink` while there are more."""
    skip, size = query.get("$skip", "0"), query.get("count", query.get("$top", str(PAGE)))
    if not (skip.isdecimal() and size.isdecimal() and int(size)):
        raise AzureError(400, "UserError", "$skip, $top and count must be whole numbers.")
    end = int(skip) + int(size)
    more = urlencode({**query, "$skip": str(end)}, safe="$", quote_via=quote)
    return {"value": rows[int(skip) : end]} | ({"nextLink": f"{url}?{more}"} if end < len(rows) else {})
