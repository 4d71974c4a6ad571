"""`GET /api/health`: alive, and what is misconfigured. No data, no sign-in."""

from __future__ import annotations

import azure.functions as func

from registration.triggers import http
from registration.wiring import wired

blueprint = func.Blueprint()


@blueprint.function_name("health")
@blueprint.route("api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return http.handle(_health, req, context)


def _health(_: func.HttpRequest) -> func.HttpResponse:
    problems = wired(lambda parts: parts.problems)()
    return http.answer(200, {"status": "misconfigured" if problems else "healthy", "problems": problems})
