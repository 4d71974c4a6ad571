"""`/api/plan` and `/api/reconcile`: what would change, and bringing it about now."""

from __future__ import annotations

import azure.functions as func

from registration.records.snapshot import Operation
from registration.triggers import http
from registration.triggers.registrations import accepted
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("plan")
@blueprint.route("api/plan", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def plan(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_plan, req, context)


@blueprint.function_name("reconcile")
@blueprint.route("api/reconcile", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def reconcile(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(http.change(_reconcile, "reconcile"), req, context)


def _plan(req: func.HttpRequest) -> func.HttpResponse:
    from registration.views.rendering import plan_text

    caller = http.caller(req)
    content_type = http.header(req, "content-type") or ""
    planned = wired(lambda parts: parts.planning).plan(caller, req.get_body(), content_type)
    if isinstance(planned, Operation):
        return accepted(planned)
    return http.text(200, plan_text(planned)) if http.wants_text(req) else http.answer(200, planned)


def _reconcile(req: func.HttpRequest, trace: http.Trace) -> func.HttpResponse:
    trace.caller = http.caller(req)
    content_type = http.header(req, "content-type") or ""
    reconciliation = wired(lambda parts: parts.reconciliation)
    key = http.header(req, "idempotency-key")
    operation = reconciliation.ask(trace.caller, req.get_body(), content_type, req.params, http.route(req), key)
    trace.operation = operation.id
    trace.action = "plan" if operation.dry_run else trace.action
    return accepted(operation)
