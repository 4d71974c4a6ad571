"""`/api/workspaces`: how the workspaces stand to their desired state."""

from __future__ import annotations

import azure.functions as func

from registration.triggers import http
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("workspaces_list")
@blueprint.route("api/workspaces", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def workspaces_list(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_list, req, context)


@blueprint.function_name("workspace_get")
@blueprint.route("api/workspaces/{subscription}/{group}/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def workspace_get(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_get, req, context)


def _list(req: func.HttpRequest) -> func.HttpResponse:
    from registration.views.overview import WorkspaceQuery

    caller = http.caller(req)
    query = WorkspaceQuery.parse(req.params)
    return http.answer(200, wired(lambda parts: parts.overview).page(caller, query))


def _get(req: func.HttpRequest) -> func.HttpResponse:
    caller = http.caller(req)
    key = "/".join(str(req.route_params.get(part, "")) for part in ("subscription", "group", "name"))
    return http.answer(200, wired(lambda parts: parts.overview).get(caller, key))
