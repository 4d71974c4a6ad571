"""`/api/registrations`: what is sent, replaced and deleted; and the original project's `/send_data`."""

from __future__ import annotations

import azure.functions as func

from registration.accepting.conditions import Condition
from registration.records.desired import etag_of
from registration.records.snapshot import Operation
from registration.triggers import http
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("registrations_post")
@blueprint.route("api/registrations", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def registrations_post(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_submit, "register"), req, context)


@blueprint.function_name("registration_put")
@blueprint.route("api/registrations/{name}", methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
def registration_put(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_submit, "register"), req, context)


@blueprint.function_name("registration_delete")
@blueprint.route("api/registrations/{name}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
def registration_delete(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_delete, "delete"), req, context)


@blueprint.function_name("send_data")
@blueprint.route("send_data", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def send_data(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_submit, "register"), req, context)


@blueprint.function_name("send_data_below_api")
@blueprint.route("api/send_data", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def send_data_below_api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_submit, "register"), req, context)


def _submit(req: func.HttpRequest, trace: http.Trace) -> func.HttpResponse:
    trace.caller = http.caller(req)
    trace.what = _name(req)
    acceptance = wired(lambda parts: parts.acceptance)
    operation = acceptance.submit(
        trace.caller,
        req.get_body(),
        http.header(req, "content-type") or "",
        http.route(req),
        http.header(req, "idempotency-key"),
        trace.what,
        _condition(req),
    )
    trace.what, trace.operation = operation.name, operation.id
    return accepted(operation)


def _delete(req: func.HttpRequest, trace: http.Trace) -> func.HttpResponse:
    trace.caller = http.caller(req)
    trace.what = _name(req) or ""
    operation = wired(lambda parts: parts.removal).remove(trace.caller, trace.what, _condition(req))
    if operation is None:
        return http.empty(204)
    trace.operation = operation.id
    return accepted(operation)


def accepted(operation: Operation) -> func.HttpResponse:
    """202, with the operation's status as its body: Data Factory polls `Location` by itself."""
    reports = wired(lambda parts: parts.reports)
    status = reports.status(operation.caller, operation.id)
    headers = reports.links(operation.id)
    if operation.generation and not operation.dry_run and operation.retry_of is None:
        headers["ETag"] = etag_of(operation.generation, operation.id)
    return http.answer(202, status, headers)


def _name(req: func.HttpRequest) -> str | None:
    """As the address gives it."""
    name = req.route_params.get("name")
    return None if name is None else str(name)


def _condition(req: func.HttpRequest) -> Condition:
    return Condition.parse(http.header(req, "if-match"), http.header(req, "if-none-match"))
