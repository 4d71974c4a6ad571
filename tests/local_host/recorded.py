"""The recordings beside the project, and the raw bytes of each recorded request."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FACTS = ROOT.parent / "shared" / "facts"


def facts(name: str) -> Any:
    """Recorded facts; the module that asks is skipped, saying so, where the recordings are absent."""
    path = FACTS / name
    if not path.exists():
        pytest.skip(f"no recordings: {path} is missing", allow_module_level=True)
    return json.loads(path.read_text("utf-8"))


def raw_request(case: dict[str, Any]) -> bytes:
    """The bytes of one recorded request; what the recording only describes (`note`, lengths) is filled in."""
    target = case["target"]
    if "…" in target:
        length = int(target.split("(")[1].split()[0])
        target = "/api/registrations/".ljust(length, "n")
    note, version, host = case.get("note", ""), "1.1", b"Host: localhost\r\n"
    extra = {
        "two Host headers": b"Host: localhost\r\n",
        "header name with a space": b"X Y: 1\r\n",
        "NUL in a header value": b"X-Y: a\0b\r\n",
        "folded header": b"X-Y: a\r\n b\r\n",
        "UTF-8 in a header value": "X-Y: é\r\n".encode(),
        "Latin-1 in a header value": "X-Y: é\r\n".encode("latin-1"),
        "101 headers": b"".join(b"X-%d: 1\r\n" % i for i in range(101)),
    }.get(note, b"")
    if note == "no Host header":
        host = b""
    if note.startswith("HTTP/"):
        version = note[5:8]
    headers = case.get("headers", {})
    if isinstance(headers, dict):
        for name, value in headers.items():
            text = "x" * 33000 if value == "(33000 characters)" else value
            extra += f"{name}: {text}\r\n".encode()
    size = case.get("body_bytes", 0)
    if "chunked" in extra.decode("latin-1"):
        body = b"5\r\nhello\r\n0\r\n\r\n" if size == 15 else b"zz\r\nhello\r\n0\r\n\r\n"
    else:
        body = (b"hello" + b"leftover")[:size]
    return f"{case['method']} {target} HTTP/{version}\r\n".encode() + host + extra + b"\r\n" + body


def exchange(port: int, raw: bytes, *, to_head: bool = False) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read one answer (100 Continue passed over): status, headers in lower case, body."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall(raw)
        status = 100
        while status == 100:
            status = int(stream.readline().split()[1])
            lines = iter(stream.readline, b"\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.decode().partition(":") for line in lines)}
        return status, headers, b"" if to_head else stream.read(int(headers.get("content-length", 0)))
