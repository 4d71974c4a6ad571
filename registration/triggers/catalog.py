"""`/api/registrations`, as it is read: the list, and one registration."""

from __future__ import annotations

import azure.functions as func

from registration.accepting.conditions import Condition
from registration.triggers import http
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("registrations_list")
@blueprint.route("api/registrations", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def registrations_list(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_list, req, context)


@blueprint.function_name("registration_get")
@blueprint.route("api/registrations/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def registration_get(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_get, req, context)


def _list(req: func.HttpRequest) -> func.HttpResponse:
    from registration.views.shelf import ShelfQuery

    caller = http.caller(req)
    query = ShelfQuery.parse(req.params)
    return http.answer(200, wired(lambda parts: parts.shelf).page(caller, query))


def _get(req: func.HttpRequest) -> func.HttpResponse:
    caller = http.caller(req)
    known = Condition.parse(None, http.header(req, "if-none-match")).none_match or frozenset()
    body, etag = wired(lambda parts: parts.shelf).get(caller, str(req.route_params.get("name", "")))
    if known & {"*", etag}:
        return http.empty(304, {"ETag": etag})
    return http.answer(200, body, {"ETag": etag})
