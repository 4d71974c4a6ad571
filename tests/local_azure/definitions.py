"""Microsoft's REST definitions (OpenAPI 2.0) as a yardstick for bodies and answers."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from tests.local_azure.conftest import shared

Json = dict[str, Any]
FOLDER = "specs/Microsoft.MachineLearningServices/stable/2024-04-01"


@cache
def _load(path: Path) -> Json:
    loaded: Json = json.loads(path.read_text())
    return loaded


class Definitions:
    """`check` finds an operation's schema and raises ValidationError for what does not fit it.

    Discriminators are resolved by `x-ms-discriminator-value`, enums are open where they are `modelAsString`,
    answers need not hold what cannot be read, and bodies need not hold what cannot be written.
    """

    def __init__(self) -> None:
        self._folder = shared(FOLDER)
        self._files = [self._folder / "mfe.json", self._folder / "machineLearningServices.json"]

    def check(self, method: str, path: str, status: int, sent: Any, answered: Any) -> None:
        file, operation = self._operation(method, path)
        if status < 400 and sent and method == "PUT":
            schema = next(p["schema"] for p in operation["parameters"] if p.get("in") == "body")
            self._validate(file, schema, sent, answer=False)
        accepted = operation["responses"].get(str(status))
        assert accepted or status >= 400, f"{method} {path} never answers {status}"
        schema = (accepted or operation["responses"]["default"]).get("schema")
        if schema is not None:
            self._validate(file, schema, answered, answer=True)

    def _operation(self, method: str, path: str) -> tuple[Path, Json]:
        words = path.partition("?")[0].lower().split("/")
        for file in self._files:
            for template, operations in _load(file)["paths"].items():
                parts = template.lower().split("/")
                if len(parts) == len(words) and all(
                    p.startswith("{") or p == w for p, w in zip(parts, words, strict=True)
                ):
                    return file, operations[method.lower()]
        raise AssertionError(f"Microsoft defines no {path}")

    def _validate(self, file: Path, schema: Json, value: Any, *, answer: bool) -> None:
        self._defs: Json = {}
        resolved = self._schema(file, schema, answer) | {"$defs": self._defs}
        validator = jsonschema.Draft202012Validator(resolved, format_checker=jsonschema.FormatChecker(["uuid"]))
        validator.validate(value)

    def _schema(self, file: Path, schema: Json, answer: bool) -> Json:
        """One JSON schema, properties of all parents in one place; what it refers to goes below `$defs`."""
        file, flat = self._flatten(file, schema)
        if "$ref" in schema:
            nullable, key = bool(flat.pop("x-nullable", False)), f"{file.name}.{flat['name']}"
            if key not in self._defs:
                self._defs[key] = True
                self._defs[key] = self._made(file, flat, answer)
            made: Json = {"$ref": f"#/$defs/{key}"}
            return {"anyOf": [{"type": "null"}, made]} if nullable else made
        return self._made(file, flat, answer)

    def _made(self, file: Path, flat: Json, answer: bool) -> Json:
        made: Json = {k: flat[k] for k in ("type", "pattern", "minLength", "format") if k in flat}
        if "enum" in flat and not flat.get("x-ms-enum", {}).get("modelAsString"):
            made["enum"] = flat["enum"]
        if "items" in flat:
            made["items"] = self._schema(file, flat["items"], answer)
        if isinstance(flat.get("additionalProperties"), dict):
            made["additionalProperties"] = self._schema(file, flat["additionalProperties"], answer)
        if flat.get("properties"):
            side = "read" if answer else "create"
            hidden = {
                name
                for name, (_, inner) in flat["properties"].items()
                if side not in inner.get("x-ms-mutability", [side]) or (not answer and inner.get("readOnly"))
            }
            shown = {n: s for n, s in flat["properties"].items() if n not in hidden}
            made["properties"] = {name: self._schema(at, inner, answer) for name, (at, inner) in shown.items()}
            made["properties"] |= dict.fromkeys(hidden, not answer)
            made["required"] = [name for name in flat.get("required", []) if name not in hidden]
            if flat.get("additionalProperties") is False and "discriminator" not in flat:
                made["additionalProperties"] = False
        if name := flat.get("discriminator"):
            kinds = self._kinds(file, flat)
            made = {"type": "object", "required": [name], "allOf": []}
            for value, kind in kinds.items():
                chosen = {"properties": {name: {"const": value}}}
                made["allOf"].append({"if": chosen, "then": self._made(*self._flatten(file, kind), answer)})
            made["properties"] = {name: {"enum": list(kinds)}}
        if flat.get("x-nullable"):
            made = {"anyOf": [{"type": "null"}, made]}
        return made

    def _kinds(self, file: Path, flat: Json) -> dict[str, Json]:
        found = {}
        for candidate in _load(file)["definitions"].values():
            if "x-ms-discriminator-value" in candidate:
                parents = self._flatten(file, candidate)[1]["parents"]
                if flat["name"] in parents:
                    found[candidate["x-ms-discriminator-value"]] = candidate
        return found

    def _flatten(self, file: Path, schema: Json) -> tuple[Path, Json]:
        name, beside = "", schema
        while "$ref" in schema:
            where, _, pointer = schema["$ref"].partition("#/definitions/")
            if where:  # the folders above are Microsoft's own; common types lie beside ours
                file = shared("specs") / where[where.index("common-types") :] if ".." in where else file.parent / where
            schema, name = _load(file)["definitions"][pointer], pointer
        flat: Json = {"name": name, "parents": set(), **schema}
        flat["properties"] = {n: (file, s) for n, s in schema.get("properties", {}).items()}
        flat["required"] = list(schema.get("required", []))
        for parent in schema.get("allOf", []):
            _, above = self._flatten(file, parent)
            flat["properties"] = above["properties"] | flat["properties"]
            flat["required"] += above["required"]
            flat["parents"] |= above["parents"] | {above["name"]}
        if "x-ms-discriminator-value" in schema:
            flat.pop("discriminator", None)
        return file, flat | {k: beside[k] for k in ("x-nullable",) if k in beside}
