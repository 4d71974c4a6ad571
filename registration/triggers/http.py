"""What every HTTP function does alike: who asks, the answer as JSON, and an error for whatever goes wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func

from registration.caller import Caller, caller_of
from shared import logs
from shared.errors import Misconfigured, Permanent, RequestError, Temporary

log = logs.get_log(__name__)

Handler = Callable[[func.HttpRequest], func.HttpResponse]


def answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return func.HttpResponse(content, status_code=status, headers=kept, mimetype="application/json", charset="utf-8")


def handle(handler: Handler, request: func.HttpRequest) -> func.HttpResponse:
    """Runs `handler`. Never a 500: what the service cannot do now is 503, what it never can is a 4xx."""
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


def caller(request: func.HttpRequest) -> Caller:
    """Raises RequestError 401."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return caller_of(headers, os.environ)


def header(request: func.HttpRequest, name: str) -> str | None:
    return next((value for key, value in request.headers.items() if key.lower() == name.lower()), None)


def _cause(error: BaseException) -> str | None:
    """The first line of what lies behind an error, for the log alone."""
    text = str(error.__cause__ or "")
    return text.splitlines()[0][:300] if text else None


def _unavailable(code: str, message: str, seconds: int) -> func.HttpResponse:
    return answer(503, RequestError(503, code, message).as_json(), {"Retry-After": str(seconds)})
