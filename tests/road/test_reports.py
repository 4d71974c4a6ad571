"""Long results: pages below 1 MB, failures first, each change once."""

from __future__ import annotations

import json
import uuid
from typing import Any

from registration.records.outcomes import Outcome
from registration.records.results import Result
from registration.wiring import Wiring
from tests.road.journey import Journey
from tests.support import LocalStack

MEGABYTE = 1_000_000


def change(number: int, good: bool = True) -> dict[str, Any]:
    reasons = [{"field": "description", "reason": "differs", "found": "x" * 500, "wanted": "y" * 500}]
    body: dict[str, Any] = {
        "asset": f"data/d{number}/1",
        "registration": "big",
        "outcome": "created" if good else "failed",
        "reasons": reasons,
    }
    return body if good else {**body, "error": {"code": "UserError", "message": "No."}}


def operation_of(stack: LocalStack, parts: Wiring, results: list[Result]) -> str:
    operation = str(uuid.uuid4())
    caller = f"{stack.config['tenant_id']}/{stack.description['identities']['data-factory']['object_id']}"
    metadata = {"total": str(len(results)), "caller": caller, "registration": "big", "generation": "1"}
    parts.documents.create(f"operations/{operation}/operation", {}, metadata)
    for result in results:
        parts.results.write(operation, result)
    return operation


def pages(stack: LocalStack, operation: str, status: int) -> list[dict[str, Any]]:
    http, found = Journey(stack).http, []
    link: str | None = f"/api/operations/{operation}/result"
    while link:
        answer = http.get(link)
        assert answer.status_code == status
        assert len(answer.content) < MEGABYTE
        found.append(answer.json())
        link = found[-1].get("nextLink")
    return found


def test_a_long_result_comes_in_pages_failures_first(stack: LocalStack, parts: Wiring) -> None:
    good = [Result(f"s/g/good-{n:02}", Outcome.SUCCEEDED, tuple(change(m) for m in range(100))) for n in range(20)]
    mixed = tuple(change(m, good=m != 70) for m in range(1500))
    operation = operation_of(stack, parts, [*good, Result("s/g/zz-bad", Outcome.FAILED, mixed)])
    found = pages(stack, operation, 424)
    assert len(found) >= 4
    first = found[0]["workspaces"][0]
    assert (first["workspace"], first["changes"][0]["asset"]) == ("s/g/zz-bad", "data/d70/1")
    assert found[0]["error"]["details"][0]["message"] == "No."
    shown = [
        (workspace["workspace"], change["asset"])
        for page in found
        for workspace in page["workspaces"]
        for change in workspace["changes"]
    ]
    assert len(shown) == len(set(shown)) == 20 * 100 + 1500


def test_a_damaged_result_is_a_failure_of_its_own(stack: LocalStack, parts: Wiring) -> None:
    operation = operation_of(stack, parts, [Result("s/g/w-1", Outcome.SUCCEEDED), Result("s/g/w-2", Outcome.FAILED)])
    container = parts.documents._open()
    container.upload_blob(
        f"operations/{operation}/results/s/g/w-2", b"{", overwrite=True, metadata={"outcome": "failed"}
    )
    [page] = pages(stack, operation, 424)
    assert page["workspaces"][0]["error"]["code"] == "DocumentDamaged"
    assert json.dumps(page)
