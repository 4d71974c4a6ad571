"""What every HTTP function does alike: who asks, the answer as JSON, and an error for whatever goes wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func

from registration.access.caller import Caller, caller_of
from registration.wiring import utc_now, wired
from registration.work.audit import of_request
from shared import logs
from shared.errors import Fault, Misconfigured, Permanent, RequestError, Temporary

log = logs.get_log(__name__)

Handler = Callable[[func.HttpRequest], func.HttpResponse]


def text(status: int, content: str) -> func.HttpResponse:
    kept = {"Cache-Control": "no-store"}
    return func.HttpResponse(content, status_code=status, headers=kept, mimetype="text/plain", charset="utf-8")


def wants_text(request: func.HttpRequest) -> bool:
    """Whether `Accept` asks for text, and not for JSON too."""
    accept = (header(request, "accept") or "").lower()
    return "text/plain" in accept and "json" not in accept


def empty(status: int, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(status_code=status, headers={"Cache-Control": "no-store", **(headers or {})})


def answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return func.HttpResponse(content, status_code=status, headers=kept, mimetype="application/json", charset="utf-8")


def handle(handler: Handler, request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Runs `handler`. Never a 500: what the service cannot do now is 503, what it never can is a 4xx."""
    with logs.invoked(context):
        return _handled(handler, request)


def _handled(handler: Handler, request: func.HttpRequest) -> func.HttpResponse:
    try:
        return handler(request)
    except RequestError as error:
        log.info("A request was refused.", status=error.status, code=error.fault.code, method=request.method)
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return answer(error.status, error.as_json(), headers)
    except Misconfigured as error:
        log.error("The service is misconfigured.", problems=str(error))
        return _unavailable("Misconfigured", "The service is misconfigured; /api/health says what is missing.", 60)
    except Temporary as error:
        log.warning("A request could not be served now.", code=error.code, reason=error.message, cause=_cause(error))
        return _unavailable(error.code, error.message, 10)
    except Permanent as error:
        log.error("A request met something damaged.", code=error.code, reason=error.message)
        return answer(409, RequestError(409, error.code, error.message).as_json())
    except Exception:
        log.exception("A request ended in an unforeseen error.")
        return _unavailable("Unexpected", "Something unforeseen went wrong; it was logged. Try again later.", 30)


@dataclass
class Trace:
    """What the audit tells of a request that changes something, as far as it is known."""

    action: str
    caller: Caller | None = None
    what: str | None = None
    operation: str | None = None


def change(handler: Callable[[func.HttpRequest, Trace], func.HttpResponse], action: str) -> Handler:
    """A handler whose every outcome stands in the audit. What was accepted is only answered once it stands there."""

    def audited(request: func.HttpRequest) -> func.HttpResponse:
        trace = Trace(action)
        try:
            response = handler(request, trace)
        except RequestError as error:
            try:
                record(trace, error.status, error.fault)
            except Temporary:
                log.error("A refusal could not be written to the audit.", code=error.fault.code)
            raise
        except Permanent as error:
            record(trace, 409, Fault(error.code, error.message))
            raise
        record(trace, response.status_code)
        return response

    return audited


def record(trace: Trace, status: int, fault: Fault | None = None) -> None:
    """Writes a request, and how it was answered, to the audit. Raises Temporary."""
    at = utc_now().isoformat()
    entry = of_request(trace.caller, trace.action, status, at, what=trace.what, operation=trace.operation, fault=fault)
    wired(lambda parts: parts.audit).record([entry])


def caller(request: func.HttpRequest) -> Caller:
    """Raises RequestError 401."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return caller_of(headers, os.environ)


def header(request: func.HttpRequest, name: str) -> str | None:
    return next((value for key, value in request.headers.items() if key.lower() == name.lower()), None)


def route(request: func.HttpRequest) -> str:
    """The path of a request, as Idempotency-Keys are scoped by it."""
    return str(urlsplit(str(request.url)).path).rstrip("/").lower()


def _cause(error: BaseException) -> str | None:
    """The first line of what lies behind an error, for the log alone."""
    text = str(error.__cause__ or "")
    return text.splitlines()[0][:300] if text else None


def _unavailable(code: str, message: str, seconds: int) -> func.HttpResponse:
    return answer(503, RequestError(503, code, message).as_json(), {"Retry-After": str(seconds)})
