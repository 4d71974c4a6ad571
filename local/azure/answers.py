"""Answers in JSON, and Azure's error envelope."""

import json
from typing import Any

from local.http1 import Request, Response

Json = dict[str, Any]
Headers = tuple[tuple[str, str], ...]


class AzureError(Exception):
    """A refusal as Azure words it: HTTP status, `error.code`, `error.message`."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Headers = (), inner: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers
        self.body: Json = {"error": {"code": code, "message": message}}
        if inner:
            self.body["error"]["innererror"] = {"code": inner}

    def answer(self) -> Response:
        return answer(self.status, self.body, self.headers)


def answer(status: int, body: Any = None, headers: Headers = ()) -> Response:
    if body is None:
        return Response(status, headers)
    kind = ("Content-Type", "application/json; charset=utf-8")
    return Response(status, (kind, *headers), json.dumps(body).encode())


def read_object(request: Request) -> Json:
    """The request's body, which must be a JSON object. Raises AzureError 400 (413 when it was too large)."""
    if request.body_error:
        status = 413 if "too large" in request.body_error else 400
        raise AzureError(status, "InvalidRequestContent", request.body_error)
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise AzureError(400, "InvalidRequestContent", f"The request content was invalid: {error}") from None
    if not isinstance(body, dict):
        raise AzureError(400, "InvalidRequestContent", "The request content must be a JSON object.")
    return body
