"""The desired state is read again only where it changed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from registration.records.catalog import Catalog
from registration.wiring import Wiring
from tests.road.journey import Journey, data, registration
from tests.support import LocalStack


def test_a_listing_and_a_read_give_the_same_etag(parts: Wiring) -> None:
    """Azure writes it in quotes in a header and without them in a list."""
    name = f"etags/{uuid.uuid4()}"
    etag = parts.documents.create(name, {})
    [entry] = parts.documents.list(name)
    [paged], _ = parts.documents.page(name, 1, None)
    read, head = parts.documents.read(name), parts.documents.head(name)
    assert read is not None
    assert head is not None
    assert etag == entry.etag == paged.etag == read.etag == head.etag


def test_what_has_not_changed_costs_one_call(stack: LocalStack, factory: Journey, parts: Wiring) -> None:
    for _ in range(3):
        factory.accepted(registration([stack.new_workspace()], data("sales"), name=f"kept-{uuid.uuid4().hex}"))
    reads: list[str] = []
    parts.documents.read = _counted(parts.documents.read, reads)  # type: ignore[method-assign, assignment]
    catalog = Catalog(parts.documents, parts.pool)
    known = catalog.current(fresh=0.0)
    assert len(reads) >= 3
    reads.clear()
    assert catalog.current(fresh=0.0) is known
    assert reads == []
    name = f"kept-{uuid.uuid4().hex}"
    factory.accepted(registration([stack.new_workspace()], data("sales"), name=name))
    assert catalog.current(fresh=0.0).get(name) is not None
    assert reads == [f"registrations/{name}"]


def _counted(read: Callable[[str], Any], reads: list[str]) -> Callable[[str], Any]:
    def counted(name: str) -> Any:
        reads.append(name)
        return read(name)

    return counted
