"""Log lines and the runs they belong to: a thread of the app's own is told for whose run it works."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import azure.functions as func
import pytest

import function_app
from local.host.invocations import LOST
from shared import logs
from tests.local_host.conftest import Start
from tests.local_host.recorded import exchange

APP = """
import threading

def tell(context, text):
    if context:
        context.thread_local_storage.invocation_id = context.invocation_id
    logging.warning(text)

@app.route("a")
def a(req: func.HttpRequest, context: func.Context) -> str:
    logging.warning("by the function")
    for given, text in ((None, "by a thread"), (context, "by a thread that was told")):
        thread = threading.Thread(target=tell, args=(given, text))
        thread.start()
        thread.join()
    note(f"{context.function_name} {len(context.invocation_id)}")
    return ""

@app.route("b")
async def b(req: func.HttpRequest) -> str:
    logging.warning("by an async function")
    return ""
"""


def test_a_line_of_no_run_is_marked(start: Start) -> None:
    host = start(APP)
    for path in ("a", "b"):
        assert exchange(host.port, f"GET /api/{path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())[0] == 200
    assert host.notes() == ["a 36"]
    lines = host.log.read_text().splitlines()
    said = {line.rpartition(": ")[2]: LOST in line for line in lines if " root: " in line}
    assert said == {
        "by the function": False,
        "by a thread": True,
        "by a thread that was told": False,
        "by an async function": False,
    }
    assert not [line for line in lines if LOST in line and " local." in line]


@dataclass
class Run:
    """What the worker gives: one storage for all runs, local to each thread."""

    invocation_id: str
    thread_local_storage: threading.local


def test_work_that_is_carried_to_a_pool_is_of_the_run_that_gave_it() -> None:
    """The pool outlives the runs: nothing of one is left behind for the next, or for who works for none."""
    storage = threading.local()

    def seen() -> str | None:
        return getattr(storage, "invocation_id", None)

    with ThreadPoolExecutor(1) as pool:
        for name in ("first", "second"):
            with logs.invoked(Run(name, storage)):
                assert pool.submit(logs.carried(seen)).result() == name
                assert pool.submit(logs.carried(logs.carried(seen))).result() == name
            assert pool.submit(seen).result() is None
        assert pool.submit(logs.carried(seen)).result() is None


def test_what_fails_leaves_nothing_behind_either() -> None:
    storage = threading.local()

    def fails() -> None:
        raise ValueError("its own reason")

    with ThreadPoolExecutor(1) as pool, logs.invoked(Run("run", storage)):
        with pytest.raises(ValueError, match="its own reason"):
            pool.submit(logs.carried(fails)).result()
        assert pool.submit(lambda: getattr(storage, "invocation_id", None)).result() is None


@pytest.mark.parametrize("function", function_app.app.get_functions(), ids=lambda it: it.get_function_name())
def test_every_function_is_told_of_its_run(function: func.Function) -> None:
    assert "context" in function.get_user_function().__annotations__
