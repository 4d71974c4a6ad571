"""What tests ask of the local Azure itself, under `/_emulator/`: the log of calls, faults, settings, raw writes."""

import asyncio
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from local.azure.answers import AzureError, Json, answer, read_object
from local.azure.arm import Arm
from local.azure.store import parse
from local.azure.tokens import Authority, InvalidToken
from local.azure.vault import Vault
from local.http1 import Handler, Request, Response

PREFIX = "/_emulator/"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Fault(_Body):
    """What answers in place of Azure where `match` is found in path and query; without `count` until the reset."""

    match: re.Pattern[str]
    method: str | None = None
    status: int | None = Field(None, ge=200, le=599)
    headers: dict[str, str] = {}
    body: Any = None
    count: int | None = Field(None, ge=1)
    probability: float = Field(1.0, ge=0, le=1)
    reset_connection: bool = False

    @model_validator(mode="after")
    def _does_something(self) -> "Fault":
        if self.status is None and not self.reset_connection:
            raise ValueError("give status or reset_connection")
        return self

    def hits(self, request: Request) -> bool:
        return (
            self.count != 0
            and (self.method or request.method).upper() == request.method.upper()
            and self.match.search(request.target) is not None
            and random.random() < self.probability  # noqa: S311 - a dice, not a secret
        )


class Rate(_Body):
    burst: float = Field(ge=1)
    per_second: float = Field(gt=0)


class Settings(_Body):
    latency_ms: float = Field(0, ge=0, le=600_000)
    throttle: Literal[False] | dict[Literal["reads", "writes", "deletes"], Rate] = {}
    roles: dict[str, list[str] | None] = {}


class Reset(_Body):
    state: bool = False


class Emulator:
    def __init__(self, authority: Authority, arm: Arm, vault: Vault) -> None:
        self._authority, self._arm, self._vault = authority, arm, vault
        self._requests: list[Json] = []
        self._faults: list[Fault] = []
        self._latency_ms = 0.0

    def watch(self, handler: Handler, log: Callable[[str], None]) -> Handler:
        """Resource Manager or Key Vault behind this: latency and faults first, every call on record."""

        async def watched(request: Request) -> Response:
            path, query = urlsplit(request.target)[2:4]
            if path.startswith(PREFIX):
                return self._handle(request, path.removeprefix(PREFIX))
            entry: Json = {"method": request.method, "path": path, "query": query, "status": 0}
            entry |= {"caller": self._caller(request), "at": datetime.now(UTC).isoformat()}
            entry["client_request_id"] = request.header("x-ms-client-request-id")
            self._requests.append(entry)
            if self._latency_ms:
                await asyncio.sleep(self._latency_ms / 1000)
            response = self._fault(request) or await handler(request)
            entry["status"] = 0 if response.reset else response.status
            log(f"{request.method} {path} {entry['status']} {entry['caller'] or '-'}")
            return response

        return watched

    def _caller(self, request: Request) -> str | None:
        try:
            claims = self._authority.caller(request.header("Authorization"), self._authority.resources())
        except InvalidToken:
            return None
        return str(claims["oid"])

    def _fault(self, request: Request) -> Response | None:
        fault = next((fault for fault in self._faults if fault.hits(request)), None)
        if fault is None:
            return None
        if fault.count:
            fault.count -= 1
        headers = tuple(fault.headers.items())
        if isinstance(fault.body, str):
            return Response(fault.status or 0, headers, fault.body.encode(), reset=fault.reset_connection)
        made = answer(fault.status or 0, fault.body, headers)
        return Response(made.status, made.headers, made.body, reset=fault.reset_connection)

    def _handle(self, request: Request, path: str) -> Response:
        calls: dict[tuple[str, str], Callable[[Json], Any]] = {
            ("GET", "requests"): lambda _: self._requests,
            ("POST", "reset"): self._reset,
            ("POST", "faults"): lambda body: self._faults.append(Fault.model_validate(body)),
            ("PATCH", "settings"): self._set,
            ("PUT", "resources"): self._write_all,
        }
        try:
            body = read_object(request) if request.body else {}
            if request.method == "PUT" and path.startswith("resources/"):
                return answer(200, self._write(path.removeprefix("resources"), body))
            if call := calls.get((request.method, path)):
                found = call(body)
                return answer(200, {} if found is None else found)
            raise AzureError(501, "NotEmulated", f"There is no {request.method} {PREFIX}{path}.")
        except ValidationError as error:
            found = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors())
            return AzureError(400, "BadRequest", found).answer()
        except AzureError as error:
            return error.answer()

    def _reset(self, body: Json) -> None:
        wanted = Reset.model_validate(body)
        self._requests, self._faults = [], []
        if wanted.state:
            self._arm.reset()
            self._vault.reset()

    def _set(self, body: Json) -> Json:
        """Change what is given, keep the rest; gives all of it."""
        wanted = Settings.model_validate(body)
        throttle, roles = self._arm.throttle, self._arm.roles.changed
        if "latency_ms" in wanted.model_fields_set:
            self._latency_ms = wanted.latency_ms
        if "throttle" in wanted.model_fields_set:
            throttle.on = wanted.throttle is not False
            given = (wanted.throttle or {}).items()
            throttle.limits |= {kind: (rate.burst, rate.per_second) for kind, rate in given}
            throttle.reset()
        for who, actions in wanted.roles.items():
            roles.pop(who, None)
            if actions is not None:
                roles[who] = actions
        limits = {kind: {"burst": b, "per_second": rate} for kind, (b, rate) in throttle.limits.items()}
        shown = limits if throttle.on else False
        return {"latency_ms": self._latency_ms, "throttle": shown, "roles": roles}

    def _write(self, path: str, body: Json) -> Json:
        """A resource as it is given, past every rule: what the portal or a newer Azure might hold."""
        place = parse(urlsplit(path).path)
        if place is None or not place.item:
            raise AzureError(400, "BadRequest", f"'{path}' is not the id of a resource.")
        return self._arm.store.put(place, {"properties": {}} | body)

    def _write_all(self, resources: dict[str, Json]) -> None:
        """Many at once, by their ids, in this order."""
        for path, resource in resources.items():
            self._write(path, resource)
