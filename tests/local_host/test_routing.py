"""Routes: the 102 recorded requests, sent to the process that the host's functions run in."""

import json

import pytest

from local.host import routing, settings
from tests.local_host.conftest import Start
from tests.local_host.recorded import exchange, facts, raw_request

RECORDED = facts("routing.json")

APP = """
import json
for route in json.loads({routes!r}):
    def function(req: func.HttpRequest, name=None) -> func.HttpResponse: ...
    def make(name):
        def answer(req: func.HttpRequest) -> func.HttpResponse:
            told = [name, dict(req.route_params), len(req.get_body())]
            return func.HttpResponse(json.dumps(told), headers={{"X-Function": name}})
        return answer
    answer = app.route(route=route["route"], methods=route["methods"])(make(route["name"]))
    app.function_name(route["name"])(answer)
"""


def test_every_recorded_request_ends_where_the_host_sent_it(start: Start) -> None:
    app = APP.format(routes=json.dumps(RECORDED["routes"]))
    app = "\n".join(line for line in app.splitlines() if "name=None" not in line)
    host = start(app, {"extensions": {"http": {"routePrefix": ""}}})
    for case in RECORDED["requests"]:
        to_head = case["method"] == "HEAD"
        status, headers, body = exchange(host.port, raw_request(case), to_head=to_head)
        if "body_error" in case and case.get("content_length"):
            assert status == 413, case  # the recorder's function ran; the host itself reads the body before that
            continue
        assert status == case["status"], case
        assert case.get("response_headers", {}).items() <= headers.items(), case
        if "function" not in case:
            continue
        name, values, length = json.loads(body)
        expected = {key: value for key, value in case["values"].items() if value is not None}
        if expected.get("name") == "(2000 characters)":
            expected["name"] = "n" * 2000
        assert (name, values) == (case["function"], expected), case
        # Of the recorder's two ways to a body the host takes one: it reads where Content-Length says so.
        assert length == (case.get("read", 0) if case.get("content_length") else 0), case


def test_paths_are_decoded_as_recorded() -> None:
    for case in RECORDED["requests"]:
        if case["status"] == 200 and case.get("path", "…") != "…":
            assert routing.decoded_path(case["target"]) == case["path"]
    assert routing.decoded_path("/a%C3%A9%FF%2f%C3/b") == "/aé%FF%2f%C3/b"
    assert routing.decoded_path("/a/b/../../../c/./d/..") == "/c/"


def test_null_and_default_values() -> None:
    routes = [routing.compiled("f", "files/{*path}", []), routing.compiled("g", "d/{x=seven}", ["get"])]
    assert routing.find(routes, "GET", "/files/") == ("f", {"path": None})
    assert routing.find(routes, "Get", "/d") == ("g", {"x": "seven"})
    assert routing.find(routes, "POST", "/d") is None
    assert routing.find(routes, "GET", "/ſiles") is None


@pytest.mark.parametrize("template", ["a.{ext}", "a//b", "{x:alpha}", "{x", "{}"])
def test_templates_that_it_cannot_route_are_refused(template: str) -> None:
    with pytest.raises(settings.LoadError, match="f: the stand-in"):
        routing.compiled("f", template, [])
