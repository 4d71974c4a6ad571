"""`POST /api/registrations`, and the original project's `/send_data`."""

from __future__ import annotations

from urllib.parse import urlsplit

import azure.functions as func

from registration.snapshot import Operation
from registration.triggers import http
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("registrations_post")
@blueprint.route("api/registrations", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def registrations_post(req: func.HttpRequest) -> func.HttpResponse:
    return http.handle(_submit, req)


@blueprint.function_name("send_data")
@blueprint.route("send_data", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def send_data(req: func.HttpRequest) -> func.HttpResponse:
    return http.handle(_submit, req)


@blueprint.function_name("send_data_below_api")
@blueprint.route("api/send_data", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def send_data_below_api(req: func.HttpRequest) -> func.HttpResponse:
    return http.handle(_submit, req)


def _submit(req: func.HttpRequest) -> func.HttpResponse:
    caller = http.caller(req)
    acceptance = wired(lambda parts: parts.acceptance)
    operation = acceptance.submit(
        caller,
        req.get_body(),
        http.header(req, "content-type") or "",
        _route(req.url),
        http.header(req, "idempotency-key"),
    )
    return accepted(operation)


def accepted(operation: Operation) -> func.HttpResponse:
    """202, with the operation's status as its body: Data Factory polls `Location` by itself."""
    reports = wired(lambda parts: parts.reports)
    status = reports.status(operation.caller, operation.id)
    return http.answer(202, status, reports.links(operation.id))


def _route(url: str) -> str:
    """The path of a request, as Idempotency-Keys are scoped by it."""
    return urlsplit(url).path.rstrip("/").lower()
