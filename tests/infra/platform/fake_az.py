"""An `az` that answers from a file, and writes down what it was asked. Run as a program, by tests."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """The first answer whose pattern is found in the command. One that is unknown fails loudly."""
    here = Path(__file__).parent
    command = " ".join(arguments)
    with (here / "asked.txt").open("a", encoding="utf-8") as file:
        file.write(f"{command}\n")
    for pattern, answer in json.loads((here / "answers.json").read_text(encoding="utf-8")):
        if re.search(pattern, command):
            if isinstance(answer, dict) and "refused" in answer:
                sys.stderr.write(answer["refused"])
                return 1
            sys.stdout.write(json.dumps(answer))
            return 0
    sys.stderr.write(f"ERROR: unknown command: {command}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
