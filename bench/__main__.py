"""`make bench`: every figure in one run, one table. It reports, it does not judge: 0 unless one cannot be measured."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial

from bench import accepting, fan_out, ground, imports, memory, nightly
from bench.figures import Figure, table

SUBJECTS = {
    "fan_out": fan_out.measure,
    "memory": memory.measure,
    "accepting": accepting.measure,
    "nightly": nightly.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("subject", nargs="*", help=f"imports, {', '.join(SUBJECTS)}; all of them if none is named")
    wanted = parser.parse_args().subject or ["imports", *SUBJECTS]
    if unknown := [name for name in wanted if name not in {"imports", *SUBJECTS}]:
        parser.error(f"there is no subject {unknown[0]}")
    started, figures, failed = time.monotonic(), list[Figure](), list[str]()

    def take(name: str, measure: Callable[[], list[Figure]]) -> None:
        print(f"{time.monotonic() - started:4.0f} s  {name} ...", file=sys.stderr, flush=True)
        try:
            figures.extend(measure())
        except Exception as error:  # noqa: BLE001 - the other figures can still be measured
            traceback.print_exc()
            if isinstance(error, subprocess.CalledProcessError):
                print(error.stderr, file=sys.stderr)
            failed.append(name)
            figures.append(Figure(name, "could not be measured"))

    if "imports" in wanted:
        take("imports", imports.measure)
    for name in [name for name in SUBJECTS if name in wanted]:
        with ground.stack() as stack:  # a host of its own: no figure stands on what another one left behind
            take(name, partial(SUBJECTS[name], stack))
    version = ".".join(map(str, sys.version_info[:3]))
    print(
        f"\n{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {version}, {time.monotonic() - started:.0f} s\n"
    )
    print(table(figures))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
