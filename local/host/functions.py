"""The functions of an app: found, checked as a worker checks them, and run."""

import asyncio
import importlib
import inspect
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import azure.functions
from azure.functions.meta import Datum

from local.host.invocations import Invocation, in_this_thread
from local.host.settings import LoadError

LOG = logging.getLogger("local.host")
T = TypeVar("T")
TRIGGERS = ("httpTrigger", "queueTrigger", "timerTrigger")


class FunctionFailed(Exception):
    """A function raised, or returned what its binding cannot carry; it has been logged."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its `trigger` as in function.json, and what is called with the trigger's value, and with its
    `context` where it asks for that."""

    name: str
    trigger: Mapping[str, Any]
    call: Callable[..., Any]
    wants_context: bool = False

    @property
    def kind(self) -> str:
        return str(self.trigger["type"])


def load(root: Path) -> list[Function]:
    """The functions of `root`/function_app.py; raises LoadError where a worker would refuse the app."""
    os.chdir(root)  # as the worker does: relative paths in settings mean the app's folder
    sys.path.insert(0, str(root))
    try:
        module = importlib.import_module("function_app")
    except (Exception, SystemExit) as error:
        raise LoadError("function_app.py cannot be imported") from error
    apps = [value for value in vars(module).values() if isinstance(value, azure.functions.FunctionRegister)]
    if len(apps) != 1:
        raise LoadError(f"function_app.py has {len(apps)} function apps at its top level, not one")
    try:
        found = apps[0].get_functions()
    except ValueError as error:
        raise LoadError(f"function_app.py: {error}") from None
    return [_checked(function) for function in found]


def _checked(function: Any) -> Function:
    name, call = str(function.get_function_name()), function.get_user_function()
    source = function.get_trigger()
    trigger = source.get_dict_repr()
    rest = [binding for binding in function.get_bindings() if binding is not source]
    others = [str(binding.type) for binding in rest if (binding.type, binding.name) != ("http", "$return")]
    if trigger["type"] not in TRIGGERS or others:
        raise LoadError(f"{name}: the stand-in does not know its bindings ({', '.join(others or [trigger['type']])})")
    parameters = set(inspect.signature(call).parameters)
    wants_context = "context" in parameters - {trigger["name"]}
    if parameters - {"context"} != {trigger["name"]} - {"context"}:
        raise LoadError(f"{name} takes {sorted(parameters)}, but its trigger is named {trigger['name']!r}")
    try:
        hints = get_type_hints(call)
    except (NameError, TypeError) as error:
        raise LoadError(f"{name}: its annotations cannot be read") from error
    if wants_context and hints.get("context", azure.functions.Context) is not azure.functions.Context:
        raise LoadError(f"{name}: 'context' is annotated {hints['context']}, not azure.functions.Context")
    hint = hints.get(trigger["name"])
    if isinstance(hint, type) and not _converter(trigger["type"]).check_input_type_annotation(hint):
        raise LoadError(f"{name}: {trigger['name']!r} is annotated {hint.__name__}, which its trigger does not give")
    return Function(name, trigger, call, wants_context)


def _converter(binding: str) -> Any:
    registry: Any = azure.functions.get_binding_registry
    return registry().get(binding)


def _within(invocation: Invocation, call: Callable[[], Any]) -> Any:
    with in_this_thread(invocation):
        return call()


class Runner:
    """Runs functions: plain ones in a thread pool of the Python worker's size, async ones on the loop."""

    def __init__(self) -> None:
        default = min(32, (os.cpu_count() or 1) + 4)
        self._threads = ThreadPoolExecutor(int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT") or default))
        self._work: set[asyncio.Task[Any]] = set()

    async def call(self, function: Function, value: Datum, metadata: Mapping[str, Datum] | None = None) -> Any:
        """Run a function on a trigger's value: an HTTP function's encoded answer. Raises FunctionFailed."""
        started = time.monotonic()
        invocation = Invocation(function.name, os.getcwd())
        try:
            arguments = {function.trigger["name"]: _converter(function.kind).decode(value, trigger_metadata=metadata)}
            if function.wants_context:
                arguments["context"] = invocation
            call = partial(function.call, **arguments)
            if inspect.iscoroutinefunction(function.call):
                result = await call()
            else:
                result = await asyncio.get_running_loop().run_in_executor(self._threads, _within, invocation, call)
            if function.kind == "httpTrigger":
                result = _converter("http").encode(result, expected_type=None)
        except (Exception, SystemExit) as error:
            LOG.exception("%s failed after %d ms", function.name, (time.monotonic() - started) * 1000)
            raise FunctionFailed(function.name) from error
        LOG.info("%s succeeded after %d ms", function.name, (time.monotonic() - started) * 1000)
        return result

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin work that `finish` waits for."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def finish(self) -> None:
        """Wait for what has been started."""
        await asyncio.gather(*self._work, return_exceptions=True)
