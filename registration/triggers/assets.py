"""`/api/assets`: one asset across all workspaces."""

from __future__ import annotations

import azure.functions as func

from registration.triggers import http
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("asset_get")
@blueprint.route("api/assets/{kind}/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def asset_get(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_get, req, context)


def _get(req: func.HttpRequest) -> func.HttpResponse:
    from registration.views.across import AssetQuery

    caller = http.caller(req)
    query = AssetQuery.parse(req.params)
    kind, name = str(req.route_params.get("kind", "")), str(req.route_params.get("name", ""))
    return http.answer(200, wired(lambda parts: parts.across).asset(caller, kind, name, query))
