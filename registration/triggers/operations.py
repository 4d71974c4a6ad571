"""`/api/operations`: the list; one of them, its result, its retry, its cancellation."""

from __future__ import annotations

import azure.functions as func

from registration.triggers import http
from registration.triggers.registrations import accepted
from registration.wiring import wired
from shared.errors import RequestError
from shared.workspace import is_guid

blueprint = func.Blueprint()


@blueprint.function_name("operations_list")
@blueprint.route("api/operations", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def operations_list(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_list, req, context)


@blueprint.function_name("operation_get")
@blueprint.route("api/operations/{id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def operation_get(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_status, req, context)


@blueprint.function_name("operation_result")
@blueprint.route("api/operations/{id}/result", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def operation_result(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_result, req, context)


@blueprint.function_name("operation_retry")
@blueprint.route("api/operations/{id}/retry", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def operation_retry(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_retry, "retry"), req, context)


@blueprint.function_name("operation_cancel")
@blueprint.route("api/operations/{id}/cancel", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def operation_cancel(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_cancel, "cancel"), req, context)


def _list(req: func.HttpRequest) -> func.HttpResponse:
    from registration.views.listing import Query

    caller = http.caller(req)
    query = Query.parse(req.params)
    return http.answer(200, wired(lambda parts: parts.listing).page(caller, query))


def _status(req: func.HttpRequest) -> func.HttpResponse:
    caller = http.caller(req)
    status = wired(lambda parts: parts.reports).status(caller, _id(req))
    return http.answer(200, status, {"Retry-After": "5"} if status["status"] in {"NotStarted", "Running"} else {})


def _result(req: func.HttpRequest) -> func.HttpResponse:
    from registration.views.rendering import plan_text

    caller = http.caller(req)
    operation_id = _id(req)
    reports = wired(lambda parts: parts.reports)
    code, body = reports.result(caller, operation_id, _number(req, "skip"), _number(req, "change"))
    if code == 200 and body.get("dryRun") and http.wants_text(req):
        return http.text(200, plan_text(body))
    return http.answer(code, body, reports.links(operation_id) if code == 202 else {})


def _retry(req: func.HttpRequest, trace: http.Trace) -> func.HttpResponse:
    trace.caller = http.caller(req)
    trace.what = _id(req)
    operation = wired(lambda parts: parts.acceptance).retry(trace.caller, trace.what)
    trace.operation = operation.id
    return accepted(operation)


def _cancel(req: func.HttpRequest, trace: http.Trace) -> func.HttpResponse:
    trace.caller = http.caller(req)
    trace.what = trace.operation = _id(req)
    return accepted(wired(lambda parts: parts.cancellation).cancel(trace.caller, trace.what))


def _id(req: func.HttpRequest) -> str:
    operation_id = str(req.route_params.get("id", ""))
    if not is_guid(operation_id):
        raise RequestError(404, "OperationNotFound", "There is no such operation: its id is a GUID.", target="id")
    return operation_id.lower()


def _number(req: func.HttpRequest, name: str) -> int:
    text = req.params.get(name, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise RequestError(400, "InvalidParameter", f"{name} is not a whole number.", target=name)
    return int(text)
