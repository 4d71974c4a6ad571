"""Fits a line through points by least squares. The smallest training that still reads data and writes a model."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path


def fit(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Slope and intercept."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return slope, mean_y - slope * mean_x


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    asked = parser.parse_args()
    with asked.data.open(newline="", encoding="utf-8") as file:
        slope, intercept = fit([(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)])
    asked.model.mkdir(parents=True, exist_ok=True)
    (asked.model / "line.json").write_text(json.dumps({"slope": slope, "intercept": intercept}), encoding="utf-8")


if __name__ == "__main__":
    main()
