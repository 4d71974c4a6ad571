"""Bytes into data: JSON and YAML, and every trap of both."""

from __future__ import annotations

import json

import pytest

from registration.request.body import parse_body
from shared.errors import RequestError

LIMIT = 1024 * 1024


def parse(body: bytes | str, content_type: str = "application/json") -> object:
    return parse_body(body.encode() if isinstance(body, str) else body, content_type, LIMIT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", 1),
        ("a: -3", -3),
        ("a: 007", "007"),
        ("a: 1_000", "1_000"),
        ("a: 1:30", "1:30"),
        ("a: 2026-01-02", "2026-01-02"),
        ("a: yes", "yes"),
        ("a: off", "off"),
        ("a: true", True),
        ("a: 1.10", 1.1),
        ("a: ~", None),
        ("a:", None),
        ("a: '1'", "1"),
        ("a: 123456789012345678901234567890", "123456789012345678901234567890"),
        ("a: [1, [x]]", [1, ["x"]]),
        ("a: {b: {c: d}}", {"b": {"c": "d"}}),
        ("a: |\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_yaml_means_what_it_says(text: str, value: object) -> None:
    assert parse(text, "application/yaml") == {"a": value}


def test_json_and_yaml_are_told_apart_without_a_content_type() -> None:
    assert parse('{"a": 1}', "") == parse("a: 1", "") == parse("a: 1", "application/x-www-form-urlencoded") == {"a": 1}


def test_a_byte_order_mark_is_forgiven() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"", "", "empty"),
        (b"   ", "application/json", "empty"),
        (b"\xff\xfe", "", "UTF-8"),
        (b'{"a": 1', "", "not JSON"),
        (b"a: [", "", "not YAML"),
        (b"a: b: c", "", "not YAML"),
        (b"a: \x00", "text/yaml", "not YAML"),
        (b'"text"', "application/json", "text"),
        (b"[1]", "", "a list"),
        (b"true", "application/json", "a truth value"),
        (b"null", "application/json", "empty"),
        (b'{"a": 1, "a": 2}', "", "twice"),
        (b"a: 1\na: 2", "", "twice"),
        (b'{"a": NaN}', "", "NaN"),
        (b'{"a": Infinity}', "", "Infinity"),
        (b'{"a": "\\ud800"}', "", "surrogate"),
        (b"a: &x 1\nb: *x", "", "anchors"),
        (b"a: *x", "", "anchors"),
        (b"a: !!python/object:os.system x", "", "tags"),
        (b"a: !x y", "", "tags"),
        (b"[a]: b", "application/yaml", "plain word"),
        (b"a: 1\n---\nb: 2", "", "more than one"),
        (b'{"a": ' + b"1" * 5000 + b"}", "", "too long"),
        (b"[" * 100_000, "", "deeper"),
        (b'{"a":' * 100_000, "", "deeper"),
        (b"[" * 100_000, "application/yaml", "deeper"),
        (b"- " * 100_000, "application/yaml", "deeper"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(body: bytes, content_type: str, says: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(body, content_type)
    assert refused.value.status == 400
    assert says in str(refused.value)


def test_a_yaml_bomb_is_refused_at_its_first_anchor() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 1000)]
    with pytest.raises(RequestError, match="anchors"):
        parse("\n".join(lines), "application/yaml")


def test_a_body_over_the_limit_is_413() -> None:
    with pytest.raises(RequestError) as refused:
        parse(json.dumps({"a": "x" * LIMIT}))
    assert refused.value.status == 413


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b'\\"' * 450_000,
        b'{"a":"' + b"[" * 900_000,
        b"{" + b'"b": 1, ' * 100_000 + b'"a": 1, "a": 2}',
        b"%TAG ! tag:x,2000:\n" * 40_000,
    ],
)
def test_a_body_that_is_made_to_be_slow_is_refused_without_delay(body: bytes) -> None:
    """Each of these once took time with the square of its length: minutes for what is here."""
    with pytest.raises(RequestError):
        parse(body[:LIMIT], "application/yaml" if body.startswith(b"%") else "application/json")


@pytest.mark.parametrize("number", ["1.10", "1e3", "-0.50", "1E400"])
def test_a_number_keeps_its_digits(number: str) -> None:
    for read in (parse(f'{{"a": {number}}}'), parse(f"a: {number}", "application/yaml")):
        assert isinstance(read, dict)
        assert isinstance(read["a"], float)
        assert (str(read["a"]), read["a"]) == (number, float(number))
    assert parse(f"{number}: a", "application/yaml") == {number: "a"}
