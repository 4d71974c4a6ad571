"""The one transport under every SDK client: a shared connection pool, the operation's id, retries, the throttle.

It sits below the SDKs' own policies because azure-core sleeps as long as `Retry-After` tells it, in the calling thread
(measured: 300 s for 300), and because azure-ai-ml builds fifteen pipelines of its own per client.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, MutableMapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import requests
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from shared import logs
from shared.errors import AzureBusy, Misconfigured
from shared.throttle import Throttle, retry_after

log = logs.get_log(__name__)

POOL = 256
"""Connections kept open per host name: more than the calls that one process has in flight, since one that finds no
place is dropped and its TLS handshake made again."""

MAX_TRIES = 3
MAX_RETRY_AFTER = 10.0
"""Seconds of `Retry-After` that are waited for in place; a longer one goes back to whoever can wait."""

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


def stamp(headers: MutableMapping[str, str]) -> None:
    """Ties a call to the operation in hand: Azure keeps this id in its logs."""
    if (operation := logs.operation_id()) is not None:
        headers["x-ms-client-request-id"] = operation


@cache
def _trusting(bundle: str) -> ssl.SSLContext:
    """`bundle`: a file of authorities' certificates, or a directory of them."""
    context = create_urllib3_context()
    if os.path.isdir(bundle):
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(bundle)
    return context


class _Adapter(HTTPAdapter):
    """Connections that share one TLS context, and always check the server's certificate. A bundle that is changed is
    read by the next process. Raises Misconfigured where there is none.

    By itself, requests reads the whole bundle of authorities anew for each connection: 21 ms of processor time with
    certifi's (measured), and a fan-out opens a hundred.
    """

    def __init__(self) -> None:
        set_ones = (name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name))
        setting = next(set_ones, "")  # the first of them, as requests has it
        try:
            self._context = _trusting(os.environ.get(setting) or DEFAULT_CA_BUNDLE_PATH)
        except OSError:  # ssl's own errors are of that kind, too
            raise Misconfigured([f"{setting} names no file or directory of certificates that can be read"]) from None
        super().__init__(pool_connections=POOL, pool_maxsize=POOL)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https"):  # the proxy itself has a certificate
            kwargs["proxy_ssl_context"] = self._context
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def build_connection_pool_key_attributes(self, request: Any, _verify: Any, cert: Any = None) -> Any:
        return super().build_connection_pool_key_attributes(request, True, cert)

    def cert_verify(self, conn: Any, _url: str, _verify: Any, _cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # against the context, which holds the bundle already


def _signed_already(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class Transport(RequestsTransport):  # type: ignore[misc]  # azure-core hands it out lazily, untyped
    """Sends a request; tries again, in place, what may be tried again.

    `throttled`: the host name of ARM, whose calls wait for the throttle; other calls do not. `stamped`: False where
    requests are signed before they come here, as storage's are with an account key.
    """

    def __init__(
        self,
        throttle: Throttle | None = None,
        throttled: str | None = None,
        *,
        stamped: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        session = requests.Session()
        session.trust_env = bool(getproxies())  # else requests reads environment and netrc anew for each call
        session.auth = _signed_already  # else what netrc has for a host takes the place of the token
        session.mount("https://", _Adapter())
        session.mount("http://", _Adapter())
        super().__init__(session=session, session_owner=False)
        self._throttle = throttle
        self._throttled = throttled
        self._stamped = stamped
        self._wait = sleep

    def send(self, request: Any, **kwargs: Any) -> Any:
        """The answer, whatever its status. Raises the SDKs' own network errors, or AzureBusy for want of a token."""
        if self._stamped:
            stamp(request.headers)
        throttle = self._throttle if urlsplit(request.url).netloc == self._throttled else None
        for attempt in range(1, MAX_TRIES + 1):
            last = attempt == MAX_TRIES or request.method not in _REPEATABLE
            try:
                response = self._once(request, throttle, kwargs)
            except (ServiceRequestError, ServiceResponseError) as error:
                if last:
                    raise
                delay: float | None = None
                reason = type(error).__name__
            else:
                if last or response.status_code not in TRANSIENT:
                    return response
                delay, reason = retry_after(response.headers), str(response.status_code)
                if delay is not None and delay > MAX_RETRY_AFTER:
                    return response
                response.internal_response.close()
            pause = delay if delay is not None else 0.5 * 2 ** (attempt - 1)
            log.info("A call to Azure is tried again.", reason=reason, attempt=attempt, seconds=pause)
            self._wait(pause)
        raise AzureBusy("Unreachable", "Azure did not answer.")  # pragma: no cover - the loop returns or raises

    def _once(self, request: Any, throttle: Throttle | None, kwargs: dict[str, Any]) -> Any:
        if throttle is None:
            return super().send(request, **kwargs)
        throttle.before(request.method, request.url)
        response = super().send(request, **kwargs)
        throttle.after(request.method, request.url, response.status_code, response.headers)
        return response

    def close(self) -> None:
        """Clients close their transport when they are dropped; this one is everybody's and stays open."""
