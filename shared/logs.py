"""Log lines that are sentences with fields, and the id that ties them to Azure's own logs.

The id of the operation in hand is kept in a context variable: every log line shows it, and the transport sends it
as `x-ms-client-request-id`, which Azure's activity log keeps.

A line reaches Application Insights with the run of a function that it belongs to. The Python worker (up to 3.12) looks
that up in storage local to the thread, and fills it in the function's own thread alone: hence `invoked` and `carried`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, ParamSpec, Protocol, TypeVar

_fields: ContextVar[dict[str, str] | None] = ContextVar("log_fields", default=None)

P = ParamSpec("P")
T = TypeVar("T")


class Invocation(Protocol):
    """One run of a function: what is used here of azure.functions.Context, whose documentation has the contract."""

    @property
    def invocation_id(self) -> str: ...

    @property
    def thread_local_storage(self) -> Any:
        """Its attribute `invocation_id` names the run that the current thread works for; None: none."""


_invocation: ContextVar[Invocation | None] = ContextVar("invocation", default=None)


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


@contextmanager
def invoked(invocation: Invocation) -> Iterator[None]:
    """Inside, `carried` lets other threads log for this run of a function."""
    token = _invocation.set(invocation)
    try:
        yield
    finally:
        _invocation.reset(token)


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """`function` with the fields and the run of here and now, to be run in another thread. Whatever a thread of our own
    is given is wrapped so, or Application Insights never sees what it logs."""
    context = copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        def attributed() -> T:
            with _attributed():
                return function(*args, **kwargs)

        return context.copy().run(attributed)

    return run


@contextmanager
def _attributed() -> Iterator[None]:
    invocation = _invocation.get()
    if invocation is None:
        yield
        return
    here = invocation.thread_local_storage
    before = getattr(here, "invocation_id", None)
    here.invocation_id = invocation.invocation_id
    try:
        yield
    finally:  # pooled threads work for others next
        here.invocation_id = before


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
