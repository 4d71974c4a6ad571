"""HTTP functions: what they are given, what becomes of their answers, who may call; what cannot be loaded."""

import asyncio
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import azure.functions as func
import pytest

from local.host import functions, settings, web
from local.http1 import Request
from tests.local_host.conftest import Start
from tests.local_host.recorded import exchange

ECHO = """
import json
@app.route("echo/{kind}/{x?}")
def echo(req: func.HttpRequest) -> func.HttpResponse:
    told = {"method": req.method, "url": req.url, "headers": dict(req.headers), "params": dict(req.params),
            "route": dict(req.route_params), "body": req.get_body().decode()}
    return func.HttpResponse(json.dumps(told), status_code=207, mimetype="application/json",
                             headers={"Location": "/x", "Set-Cookie": "a=b; Path=/"})

@app.route("fails")
async def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("its own reason")

@app.route("text")
async def text(req: func.HttpRequest) -> str:
    return "é"

@app.route("nothing")
def nothing(req: func.HttpRequest):
    return None

@app.route("slow")
def slow(req: func.HttpRequest) -> str:
    time.sleep(0.4)
    note("slow")
    return "done"
"""


def raw(method: str, target: str, headers: str = "", body: str = "") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: h:1\r\n{headers}\r\n{body}".encode()


def test_what_a_function_is_given_and_gives(start: Start) -> None:
    host = start(ECHO, {"extensions": {"http": {"routePrefix": ""}}})
    sent = "X-Two: 1\r\nx-two: 2\r\nX-Empty:\r\nContent-Length: 5\r\n"
    status, headers, body = exchange(host.port, raw("put", "/Echo/a%20b?q=1&Q=2&e=&p=%2F+", sent, "hello"))
    told = json.loads(body)
    assert (status, headers["content-type"], headers["location"]) == (207, "application/json", "/x")
    assert headers["set-cookie"] == "a=b; Path=/"
    assert told["url"] == "http://h:1/Echo/a%20b?q=1&Q=2&e=&p=%2F+"
    assert (told["method"], told["route"], told["body"]) == ("PUT", {"kind": "a b"}, "hello")
    assert told["params"] == {"q": "1,2", "p": "/ "}
    assert told["headers"] == {"host": "h:1", "x-two": "1,2", "x-empty": "", "content-length": "5"}
    assert exchange(host.port, raw("GET", "/text"))[2] == "é".encode()
    for failing in ("/fails", "/nothing"):
        status, headers, body = exchange(host.port, raw("GET", failing))
        assert (status, headers["content-length"], body) == (500, "0", b"")
    assert "RuntimeError: its own reason" in host.log.read_text()


def test_a_body_without_length_arrives_empty_and_bodies_are_never_logged(start: Start) -> None:
    host = start(ECHO)
    chunked = raw("POST", "/api/echo/a", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")
    assert json.loads(exchange(host.port, chunked)[2])["body"] == ""
    exchange(host.port, raw("POST", "/api/echo/a?code=canary", "X: canary\r\nContent-Length: 6\r\n", "canary"))
    assert "/api/echo/a answered 207" in host.log.read_text()
    assert "canary" not in host.log.read_text()


def test_only_the_front_gets_in_and_its_secret_stays_outside(start: Start) -> None:
    host = start(ECHO, LOCAL_FRONT_SECRET="s3cret")
    for headers in ("", "X-Local-Front: wrong\r\n", "X-Local-Front: s3cret\r\n" * 2, "X-Local-Front: é\r\n"):
        for target in ("/api/echo/a", "/admin/host/status", "/nowhere"):
            assert exchange(host.port, raw("GET", target, headers))[0] == 401
    front = "x-local-front: s3cret\r\n"
    assert exchange(host.port, raw("GET", "/admin/host/status", front))[0] == 200
    assert "s3cret" not in exchange(host.port, raw("GET", "/api/echo/a", front))[2].decode()


def test_plain_functions_share_a_pool_of_the_set_size(start: Start) -> None:
    host = start(ECHO, PYTHON_THREADPOOL_THREAD_COUNT="2")
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(exchange, host.port, raw("GET", "/api/slow")) for _ in range(4)]
        assert {answer.result()[0] for answer in answers} == {200}
    assert 0.8 <= time.monotonic() - started < 1.5  # one after another: 1.6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_running_functions_finish(start: Start, number: signal.Signals) -> None:
    host = start(ECHO)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(exchange, host.port, raw("GET", "/api/slow"))
        time.sleep(0.2)
        assert host.stop(number) == 0
        assert (answer.result()[0], host.notes()) == (200, ["slow"])


def test_an_answer_that_takes_too_long_is_cut_and_its_function_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "FRONT_END_SECONDS", 0.05)
    ended: list[bool] = []

    async def slow(req: func.HttpRequest) -> str:
        await asyncio.sleep(0.2)
        ended.append(True)
        return ""

    async def run() -> None:
        runner = functions.Runner()
        trigger = {"type": "httpTrigger", "name": "req", "route": "slow", "methods": None}
        host = web.Web([functions.Function("slow", trigger, slow)], {}, runner, {})
        assert (await host.answer(Request("GET", "/api/slow", (("Host", "h"),), b""))).status == 504
        await runner.finish()

    asyncio.run(run())
    assert ended


TRIGGER = '@app.route("a")\ndef a(req: func.HttpRequest) -> str: return ""\n'


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(0)", "cannot be imported"),
        ("app = None", "0 function apps"),
        ("other = func.FunctionApp()", "2 function apps"),
        (TRIGGER + TRIGGER, "unique function name"),
        ('@app.route("a/{x:alpha}")\ndef a(req: func.HttpRequest) -> str: return ""', "':alpha'"),
        ('@app.route("a")\ndef a(request: func.HttpRequest) -> str: return ""', "its trigger is named 'req'"),
        ('@app.route("a")\ndef a(req: func.TimerRequest) -> str: return ""', "annotated TimerRequest"),
        ('@app.route("a")\ndef a(req, context: str) -> str: return ""', "'context' is annotated <class 'str'>"),
        ('@app.blob_trigger("b", "c", "d")\ndef a(b): pass', "does not know its bindings (blobTrigger)"),
        ('@app.timer_trigger("t", "0 0 24 * * *")\ndef a(t): pass', "'24' is not between 0 and 23"),
        ('@app.timer_trigger("t", "%MISSING%")\ndef a(t): pass', "%MISSING% does not resolve"),
        ('@app.queue_trigger("q", "A_b", "Storage")\ndef a(q): pass', "'a_b' cannot be the name of a queue"),
        ('@app.queue_trigger("q", "abc", "Other")\ndef a(q): pass', "the storage connection 'Other'"),
        ('@app.function_name("lonely")\ndef a(q): pass', "does not have a trigger"),
    ],
)
def test_an_app_that_cannot_run_says_why_and_ends(start: Start, app: str, reason: str) -> None:
    host = start(app, AzureWebJobsStorage="UseDevelopmentStorage=true")
    assert host.said == ""
    assert host.process.wait(10) == 1
    assert reason in host.log.read_text()


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("host.json", None, "host.json: "),
        ("host.json", "[]", "host.json: not an object"),
        ("local.settings.json", "{", "local.settings.json: "),
        ("local.settings.json", '{"IsEncrypted": true}', "encrypted"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, file: str, text: str | None, reason: str) -> None:
    (tmp_path / "host.json").write_text("{}")
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)

    with pytest.raises(settings.LoadError, match=reason):
        settings.read(tmp_path)
