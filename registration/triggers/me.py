"""`GET /api/me`: who you are to the service, and what you may do."""

from __future__ import annotations

import azure.functions as func

from registration.triggers import http
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("me")
@blueprint.route("api/me", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def me(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_me, req, context)


def _me(req: func.HttpRequest) -> func.HttpResponse:
    from registration.views.introduction import introduce

    caller = http.caller(req)
    settings, policy = wired(lambda parts: parts.settings), wired(lambda parts: parts.policy)
    return http.answer(200, introduce(caller, policy.current(), settings))
