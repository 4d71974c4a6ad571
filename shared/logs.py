"""Log lines that are sentences with fields, and the id that ties them to Azure's own logs.

The id of the operation in hand is kept in a context variable: every log line shows it, and the transport sends it
as `x-ms-client-request-id`, which Azure's activity log keeps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, ParamSpec, TypeVar

_fields: ContextVar[dict[str, str] | None] = ContextVar("log_fields", default=None)

P = ParamSpec("P")
T = TypeVar("T")


def current() -> dict[str, str]:
    """The fields bound here: `operation`, `workspace`, …"""
    return _fields.get() or {}


def operation_id() -> str | None:
    return current().get("operation")


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Every log line and every call to Azure inside carries these fields."""
    token = _fields.set({**current(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """`function` with today's fields, to be run in another thread."""
    context = copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(function, *args, **kwargs)

    return run


class Log(logging.LoggerAdapter[logging.Logger]):
    """A logger whose keyword arguments are fields: `log.info("A datastore was written.", asset=…)`."""

    _own = frozenset({"exc_info", "stack_info", "stacklevel", "extra"})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        fields = {**current(), **{name: value for name, value in kwargs.items() if name not in self._own}}
        kept = {name: value for name, value in kwargs.items() if name in self._own}
        tail = "".join(f" {name}={_one_line(value)}" for name, value in fields.items() if value is not None)
        return f"{_one_line(msg)}{tail}", kept


def _one_line(value: object) -> str:
    """A value cannot start a log line of its own."""
    return str(value).replace("\r", "\\r").replace("\n", "\\n")


def get_log(name: str) -> Log:
    return Log(logging.getLogger(name), {})


def quiet_the_sdks() -> None:
    """The SDKs log each request at INFO; our own lines say what happened."""
    for name in ("azure", "msal", "urllib3", "opentelemetry"):
        logging.getLogger(name).setLevel(logging.WARNING)
