"""A small Data Factory: runs a pipeline's JSON as Microsoft's documents of its activities say, without its waiting.

Web (follows `Location` on 202 unless `turnOffAsync`; any 2xx is success; retries), Until, Wait, and of the expression
language what our pipelines use. Anything else raises NotImplementedError: nothing is pretended.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[A-Za-z_]\w*|\d+|[().,?\[\]])")
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *parts: "".join(map(str, parts)),
    "not": lambda value: not value,
    "contains": lambda where, what: what in where,
    "createArray": lambda *items: list(items),
}


class PipelineFailed(Exception):
    """An activity failed, and so the pipeline."""


@dataclass
class Run:
    """One run of a pipeline. `send` makes a call as the factory's identity: method, url, headers, body, audience."""

    run_id: str
    global_parameters: dict[str, Any]
    parameters: dict[str, Any]
    send: Callable[[str, str, dict[str, str], Any, str], httpx.Response]
    pause: Callable[[], None]
    outputs: dict[str, Any] = field(default_factory=dict)

    def execute(self, activities: list[dict[str, Any]]) -> None:
        """In the order of their dependencies. Raises PipelineFailed."""
        left = list(activities)
        while left:
            names = {it["name"] for it in left}
            ready = [it for it in left if not names & {on["activity"] for on in it.get("dependsOn", [])}]
            if not ready:
                raise PipelineFailed("the activities wait for each other")
            for activity in ready:
                self._activity(activity)
                left.remove(activity)

    def _activity(self, activity: dict[str, Any]) -> None:
        properties = activity["typeProperties"]
        if activity["type"] == "WebActivity":
            self.outputs[activity["name"]] = self._web(activity["name"], properties, activity["policy"].get("retry", 0))
        elif activity["type"] == "Until":
            self.execute(properties["activities"])
            while not self.value(properties["expression"]):
                self.execute(properties["activities"])
        elif activity["type"] == "Wait":
            self.pause()
        else:
            raise NotImplementedError(activity["type"])

    def _web(self, name: str, properties: dict[str, Any], retries: int) -> Any:
        given = {
            key: self.value(value) for key, value in properties.items() if key not in {"headers", "authentication"}
        }
        headers = {key: self.value(value) for key, value in properties.get("headers", {}).items()}
        authentication = properties["authentication"]
        if authentication["type"] != "UserAssignedManagedIdentity":
            raise NotImplementedError(authentication["type"])
        audience = self.value(authentication["resource"])
        for left in range(retries, -1, -1):
            answer = self.send(given["method"], given["url"], headers, given.get("body"), audience)
            while answer.status_code == 202 and not given.get("turnOffAsync"):
                self.pause()
                answer = self.send("GET", answer.headers["Location"], {}, None, audience)
            if answer.is_success:
                return {**answer.json(), "ADFWebActivityResponseHeaders": dict(answer.headers)}
            if not left:
                raise PipelineFailed(f"{name}: {answer.status_code} {answer.text}")
        raise AssertionError("unreachable")

    def value(self, given: Any) -> Any:
        """A property's value, where it is an expression evaluated."""
        if isinstance(given, dict) and given.get("type") == "Expression":
            text = given["value"]
            if not text.startswith("@"):
                raise NotImplementedError(text)
            tokens = [*_TOKEN.findall(text[1:]), ""]
            if "".join(tokens).replace(" ", "") != text[1:].replace(" ", ""):
                raise NotImplementedError(text)
            found = self._expression(tokens)
            if tokens != [""]:
                raise NotImplementedError(f"{text}: what is '{tokens[0]}'?")
            return found
        return given

    def _expression(self, tokens: list[str]) -> Any:
        name = tokens.pop(0)
        if name.startswith("'"):
            return name[1:-1].replace("''", "'")
        if not re.match("[A-Za-z]", name) or tokens[0] != "(":
            raise NotImplementedError(name)
        arguments = self._arguments(tokens)
        found: Any
        if name == "pipeline":
            found = {
                "RunId": self.run_id,
                "globalParameters": self.global_parameters,
                "parameters": self.parameters,
            }
        elif name == "activity":
            found = {"output": self.outputs[arguments[0]]}
        else:
            found = _FUNCTIONS[name](*arguments)
        while tokens[0] in {".", "["}:
            sign, key = tokens.pop(0), tokens.pop(0)
            found = found[key if sign == "." else key[1:-1]]
            if sign == "[":
                tokens.pop(0)
        return found

    def _arguments(self, tokens: list[str]) -> list[Any]:
        tokens.pop(0)
        found: list[Any] = []
        while tokens[0] != ")":
            found.append(self._expression(tokens))
            if tokens[0] == ",":
                tokens.pop(0)
        tokens.pop(0)
        return found
