import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.served import Served, served

_PATIENCE_S = 2
_ENDS_WITHIN_S = 20
_POST = b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("connection") / "data", "--body-patience-s", str(_PATIENCE_S)) as running:
        yield running


@pytest.fixture
def line(server: Served) -> Iterator[socket.socket]:
    """A connection to the server."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=_ENDS_WITHIN_S) as connected:
        yield connected


def received(line: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    parts = []
    try:
        while part := line.recv(65_536):
            parts.append(part)
    except ConnectionResetError:  # it closed while more was on its way to it
        pass
    return b"".join(parts)


def answer(line: socket.socket) -> tuple[int, str]:
    """Return the status and the issue of the last answer on a connection that the server closes."""
    head, _, body = received(line).rpartition(b"\r\n\r\n")
    assert b"connection: close" in head
    outcome = json.loads(body)
    assert outcome["resourceType"] == "OperationOutcome"
    return int(head.rpartition(b"HTTP/1.1 ")[2][:3]), outcome["issue"][0]["code"]


def dripped(line: socket.socket, drop: bytes) -> None:
    """Send a drop now and then until the server has had enough."""
    deadline = time.monotonic() + _ENDS_WITHIN_S
    line.settimeout(0.2)
    while True:
        assert time.monotonic() < deadline, "the server waits for ever"
        try:
            line.sendall(drop)
            line.recv(1, socket.MSG_PEEK)
            break
        except TimeoutError:
            continue
        except OSError:
            break
    line.settimeout(_ENDS_WITHIN_S)


def test_head_that_drips_is_408(line: socket.socket) -> None:
    line.sendall(b"GET /fhir/Patient HTTP/1.1\r\n")
    dripped(line, b"X-A: b\r\n")
    assert answer(line) == (408, "timeout")


def test_second_head_on_a_connection_that_stops_coming_is_408(line: socket.socket) -> None:
    line.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\nGET /fhir/Patient HTTP/1.1\r\n")
    both = received(line)
    assert both.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in both


def test_body_that_drips_is_408(line: socket.socket) -> None:
    line.sendall(_POST + b"Content-Length: 100000\r\n\r\n")
    dripped(line, b" ")
    assert answer(line) == (408, "timeout")


def test_rest_of_a_body_that_was_refused_is_not_awaited_for_ever(line: socket.socket) -> None:
    line.sendall(_POST + b"Content-Length: 1000000000\r\n\r\n")
    refusal = b""
    while not refusal.endswith(b"}]}"):
        refusal += line.recv(65_536)
    assert refusal.startswith(b"HTTP/1.1 413 ")
    dripped(line, b" ")
    assert received(line) == b""


def test_connection_without_a_request_is_closed(line: socket.socket) -> None:
    assert received(line) == b""


def test_body_that_takes_longer_than_the_patience_but_keeps_coming_is_taken(line: socket.socket) -> None:
    body = b" " * 10_000 + b'{"resourceType":"Patient"}'
    line.sendall(_POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
    for start in range(0, len(body), 500):
        line.sendall(body[start : start + 500])
        time.sleep(_PATIENCE_S * 2 / (len(body) / 500))
    assert received(line).startswith(b"HTTP/1.1 201 ")


def test_head_of_a_megabyte_is_431(line: socket.socket) -> None:
    line.sendall(b"GET /fhir/Patient HTTP/1.1\r\n")
    for number in range(200):
        try:
            line.sendall(b"X-%d: %b\r\n" % (number, b"a" * 5_000))
        except OSError:
            break
    assert answer(line) == (431, "too-long")


def test_url_that_the_parser_cannot_count_is_414(line: socket.socket) -> None:
    line.sendall(b"GET /fhir/Patient?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer(line) == (414, "too-long")


def test_what_is_not_http_is_400_and_a_line_of_the_log(line: socket.socket, server: Served) -> None:
    line.sendall(b"\x16\x03\x01 secret\r\n\r\n")
    assert answer(line) == (400, "structure")
    events = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert {event["level"] for event in events if event["event"] == "Invalid HTTP request received."} == {"warning"}
    assert "secret" not in server.log.read_text()
