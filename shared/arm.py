"""Azure Resource Manager, read raw: JSON as it comes, page by page.

The SDK's own lists lose everything when one entry is of a kind that it does not know (measured with a datastore type),
so what is read is read here, and only writes go through azure-ai-ml.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from shared.errors import AzureBusy, AzureRefused, Temporary
from shared.throttle import retry_after
from shared.transport import TRANSIENT

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.credentials import TokenCredential


def token_policy(credential: TokenCredential, scope: str) -> Any:
    """Signs the calls of one client. Never one for two: a pipeline links the policies that it is given to each other,
    and who makes a second one of the same tears the first apart for a moment."""
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy

    return BearerTokenCredentialPolicy(credential, scope)


class Arm:
    """Reads. `credential`: subscription id -> who calls there.

    Raises AzureRefused with Azure's own code and message, or AzureBusy.
    """

    def __init__(self, endpoint: str, scope: str, credential: Callable[[str], TokenCredential], transport: Any) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._credential = credential
        self._transport = transport
        self._clients: dict[int, PipelineClient[Any, Any]] = {}

    def get(self, path: str, api_version: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One resource. `path` begins with `/subscriptions/…`."""
        return self._get(f"{self._endpoint}{path}?{urlencode({'api-version': api_version, **(query or {})})}")

    def list(self, path: str, api_version: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Every entry of a collection, over all pages."""
        url: str | None = f"{self._endpoint}{path}?{urlencode({'api-version': api_version, **(query or {})})}"
        while url is not None:
            page = self._get(url)
            if not isinstance(page.get("value"), list):
                raise AzureBusy("IncompleteAnswer", "Azure answered a list without its entries.")
            yield from (entry for entry in page["value"] if isinstance(entry, dict))
            url = page.get("nextLink") or None
            if url is not None and urlsplit(url)[:2] != urlsplit(self._endpoint)[:2]:
                raise AzureRefused(502, "ForeignNextLink", "A page of a list pointed away from Resource Manager.")

    def _get(self, url: str) -> dict[str, Any]:
        from azure.core.rest import HttpRequest

        with azure_errors():
            response = self._open(url).send_request(HttpRequest("GET", url))
            if response.status_code >= 400:
                raise refusal(response.status_code, response.text(), retry_after(response.headers))
            body = response.json()
        return body if isinstance(body, dict) else {}

    def _open(self, url: str) -> PipelineClient[Any, Any]:
        """The pipeline that signs calls about the subscription in `url`."""
        from azure.core import PipelineClient

        match = re.search(r"/subscriptions/([^/?]+)", url)
        credential = self._credential(match[1] if match else "")
        client = self._clients.get(id(credential))
        if client is None:
            policy = token_policy(credential, self._scope)
            client = PipelineClient(self._endpoint, policies=[policy], transport=self._transport)
            self._clients[id(credential)] = client
        return client


@contextmanager
def azure_errors() -> Iterator[None]:
    """Turns the SDKs' errors into ours. Azure's own status, code and message are kept."""
    from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

    try:
        yield
    except HttpResponseError as error:
        response: Any = error.response
        if response is None:
            raise AzureRefused(401, "AuthenticationFailed", _not_signed_in(error)) from None
        raise refusal(response.status_code, _text(response), retry_after(response.headers)) from None
    except (ServiceRequestError, ServiceResponseError) as error:
        raise AzureBusy("Unreachable", f"Azure did not answer: {type(error).__name__}.") from error
    except AzureError as error:  # the SDK's own checks, before any call
        raise AzureRefused(400, "SdkRefused", _first_line(error)) from None


def _not_signed_in(error: Exception) -> str:
    hint = ""
    if os.environ.get("AZURE_FUNCTIONS_ENVIRONMENT") == "Development":
        hint = " On your own machine sign in first: az login, or azd auth login."
    return f"The service cannot sign in to Azure: {_first_line(error)}{hint}"


def refusal(status: int, text: str, delay: float | None) -> AzureRefused | Temporary:
    """The error that an answer of `status` stands for."""
    code, message = _error_of(text)
    if status in TRANSIENT:
        return AzureBusy(code or str(status), message or f"Azure answered {status}.", delay)
    return AzureRefused(status, code or str(status), message or f"Azure answered {status}.")


def _error_of(text: str) -> tuple[str, str]:
    """Code and message of ARM's error body, `{"error": {"code", "message"}}`."""
    try:
        body = json.loads(text)
    except ValueError:
        return "", ""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or ""), str(error.get("message") or "")[:2000]


def _text(response: Any) -> str:
    text = response.text
    return str(text() if callable(text) else text)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:500] if str(error) else type(error).__name__
