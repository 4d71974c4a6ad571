"""A table in delimited files, as a registration defines it, and the MLTable file that says the same to `mltable`.

Fields and values are those of MLTable's `read_delimited` (Microsoft Learn, "CLI (v2) MLTable YAML schema").
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.vocabulary import Model

FILE = "MLTable"
"""The name that `mltable` looks for in a folder."""

MAX_PATHS = 100


def _delimiter(text: str) -> str:
    r"""YAML without quotes leaves `\t` as two characters; the tab is meant."""
    text = "\t" if text == r"\t" else text
    if not re.fullmatch(r"[\t -~]", text) or text == '"':
        raise ValueError(r"a delimiter is one ASCII character, or \t, and not the quote")
    return text


def _glob(text: str) -> str:
    if re.match(r"/|[a-zA-Z][a-zA-Z0-9+.-]*:", text):
        raise ValueError("these paths are below the asset's own path: without a scheme, and without a slash in front")
    if not re.fullmatch(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\\%?#\[\]{}]+", text):
        raise ValueError(r"of all patterns only * and ** are taken; no control characters and none of \ % ? # [ ] { }")
    parts = text.split("/")
    if any(part.strip(". ") == "" or part != part.strip() for part in parts):
        raise ValueError("a path has no empty part, no '.' and no '..', and no space around a part")
    if any("**" in part and part != "**" for part in parts):
        raise ValueError("** stands for whole folders: alone between two slashes")
    if parts[-1] == "**":
        raise ValueError("** is followed by the files that are meant: **/*")
    return text


# UTF-8 with a byte order mark is read as utf8; the names that mltable has for it, 1.7.0 refuses (measured).
Encoding = Literal["utf8", "utf16", "ascii", "iso88591", "latin1", "windows1252"]
Header = Literal["all_files_same_headers", "all_files_different_headers", "from_first_file", "no_header"]
Glob = Annotated[str, Field(max_length=1024), AfterValidator(_glob)]


class TableDefinition(Model):
    """`mltable:` of a data asset. `paths` are globs below the asset's path."""

    delimiter: Annotated[str, AfterValidator(_delimiter)] = ","
    encoding: Encoding = "utf8"
    header: Header = "all_files_same_headers"
    paths: list[Glob] = Field(["*"], min_length=1, max_length=MAX_PATHS)


def mltable_text(definition: TableDefinition, base: str) -> str:
    """The MLTable file; the same for the same definition, byte by byte.

    `base`: the folder of the data, an address without a slash at its end. Texts are written as JSON, which YAML's
    quoted form includes.
    """

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    patterns = [f"  - pattern: {quoted(f'{base}/{glob}')}" for glob in definition.paths]
    settings = (("delimiter", definition.delimiter), ("encoding", definition.encoding), ("header", definition.header))
    lines = [
        "type: mltable",
        "paths:",
        *patterns,
        "transformations:",
        "  - read_delimited:",
        *(f"      {name}: {quoted(value)}" for name, value in settings),
    ]
    return "\n".join(lines) + "\n"


def covers(definition: TableDefinition, path: str) -> bool:
    """Whether one of the globs stands for `path`, which is below the asset's own."""
    parts = path.split("/")
    return any(_stands_for(glob.split("/"), parts) for glob in definition.paths)


def _stands_for(glob: list[str], parts: list[str]) -> bool:
    """Folder by folder, `**` for any number of them. Every pair is looked at once: no glob can make this slow."""
    reached = [True, *[False] * len(parts)]
    for piece in glob:
        if piece == "**":
            for place in range(1, len(reached)):
                reached[place] = reached[place] or reached[place - 1]
        else:
            matches = [_name_matches(piece, part) for part in parts]
            reached = [False, *[before and match for before, match in zip(reached, matches, strict=False)]]
    return reached[-1]


def _name_matches(pattern: str, name: str) -> bool:
    """`*` stands for any signs of a name. Each piece is taken at its first place, which is enough."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == name
    if not name.startswith(first) or len(name) < len(first) + len(rest[-1]) or not name.endswith(rest[-1]):
        return False
    place, end = len(first), len(name) - len(rest[-1])
    for piece in rest[:-1]:
        found = name.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True
