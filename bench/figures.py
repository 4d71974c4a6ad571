"""One line of the table: what was measured, and the limit beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`ok` is None where there is no limit, only something to compare with."""

    name: str
    measured: str
    limit: str = ""
    ok: bool | None = None


def table(figures: Sequence[Figure]) -> str:
    """Markdown, so that a run can go into `docs/performance.md` as it is."""
    rows = [("figure", "measured", "limit or bound", "")]
    for figure in figures:
        verdict = "" if figure.ok is None else "ok" if figure.ok else "NOT OK"
        rows.append((figure.name, figure.measured, figure.limit, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    rows.insert(1, ("-" * widths[0], "-" * widths[1], "-" * widths[2], "-" * widths[3]))
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"| {line} |" for line in lines)
