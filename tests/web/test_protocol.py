"""Connections that never send a whole request, and requests that end in two places or not at all."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.responses import Response

from facesearch.library import Library
from facesearch.web import protocol
from facesearch.web.current_library import CurrentLibrary
from facesearch.web.server import Serving
from facesearch.web.site import TEMPLATES

FORM = "application/x-www-form-urlencoded"
Ask = Callable[..., str]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_S", 0.5)
    monkeypatch.setattr(protocol, "BODY_S", 0.5)
    monkeypatch.setattr(protocol, "LINGER_S", 0.2)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    Library(tmp_path / "library").close()
    serving = Serving(CurrentLibrary(tmp_path / "library"), port=0)
    thread = threading.Thread(target=serving.run)
    thread.start()
    yield serving
    serving.stop()
    thread.join()


def port_of(serving: Serving) -> int:
    return int(serving.keys.cookie_name.rpartition("-")[2])


@pytest.fixture
def ask(serving: Serving) -> Ask:
    """Sends bytes with the headers of one who was let in; what is answered until the connection ends."""

    def ask(line: str, *headers: str, body: str = "") -> str:
        answer = serving.keys.give(Response())
        cookie = answer.headers["set-cookie"].partition(";")[0]
        usual = (f"Host: 127.0.0.1:{port_of(serving)}", f"Cookie: {cookie}", "Sec-Fetch-Site: same-origin")
        request = "\r\n".join([f"{line} HTTP/1.1", *usual, *headers, "", body])
        return exchange(port_of(serving), request)

    return ask


def exchange(port: int, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode())
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts).decode()


@pytest.mark.parametrize("charset", ["nosuch", "base64", "rot13", "utf-16", '"nosuch"', "\\x00"])
@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=b"])
def test_a_form_in_another_encoding_is_refused(ask: Ask, kind: str, charset: str) -> None:
    headers = (f"Content-Type: {kind}; charset={charset}", "Content-Length: 4", "Connection: close")
    answer = ask("POST /decide/name", *headers, body="to=A")
    assert answer.startswith("HTTP/1.1 400 ")
    assert "UTF-8" in answer


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"'])
def test_a_form_in_utf_8_is_read(ask: Ask, charset: str) -> None:
    headers = (f"Content-Type: {FORM}; charset={charset}", "Content-Length: 4", "Connection: close")
    assert ask("POST /decide/name", *headers, body="to=A").startswith("HTTP/1.1 303 ")


def test_a_request_that_ends_in_two_places_is_refused_and_its_connection_closed(ask: Ask) -> None:
    headers = (f"Content-Type: {FORM}", "Content-Length: 4", "Transfer-Encoding: chunked")
    answer = ask("POST /decide/name", *headers, body="4\r\nto=A\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert answer.startswith("HTTP/1.1 400 ")
    assert answer.count("HTTP/1.1") == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("start", ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"])
def test_a_header_that_does_not_end_is_not_waited_for(serving: Serving, start: str) -> None:
    assert exchange(port_of(serving), start) == ""


@pytest.mark.usefixtures("impatient")
def test_a_header_that_comes_byte_by_byte_is_not_waited_for(serving: Serving) -> None:
    with socket.create_connection(("127.0.0.1", port_of(serving)), timeout=20) as connection:
        began = time.monotonic()
        with suppress(OSError):  # reset, or a broken pipe
            while time.monotonic() - began < 20:
                connection.sendall(b"G")
                time.sleep(0.1)
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("impatient")
def test_a_body_that_does_not_end_is_not_waited_for_and_leaves_no_traceback(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert ask("POST /decide/name", f"Content-Type: {FORM}", "Content-Length: 99", body="to=A") == ""
    assert not caplog.records


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("size", "code"), [(999_999_999, 413), (2 << 20, 413)])
def test_a_body_that_is_too_large_is_refused_and_not_read(ask: Ask, size: int, code: int) -> None:
    """The connection ends although the body never comes."""
    assert ask("POST /decide/name", f"Content-Type: {FORM}", f"Content-Length: {size}").startswith(f"HTTP/1.1 {code} ")


@pytest.mark.usefixtures("impatient")
def test_the_body_of_a_stranger_is_not_read(serving: Serving) -> None:
    host = f"Host: 127.0.0.1:{port_of(serving)}"
    answer = exchange(port_of(serving), f"POST /decide/name HTTP/1.1\r\n{host}\r\nContent-Length: 99\r\n\r\nto")
    assert answer.startswith("HTTP/1.1 403 ")


def test_those_who_send_nothing_make_room(serving: Serving, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 connections that never send a whole request: whoever does is answered, and few of them stay open."""
    monkeypatch.setattr(protocol, "CONNECTIONS", 20)
    idle = [socket.create_connection(("127.0.0.1", port_of(serving)), timeout=20) for _ in range(300)]
    try:
        for connection in idle:
            try:
                connection.sendall(b"GET / HTTP/1.1\r\n")
            except OSError:  # it has made room already
                continue
        assert ask(f"GET /static/{TEMPLATES.static_version}/style.css", "Connection: close").startswith("HTTP/1.1 200 ")
        open_ = sum(_is_open(connection) for connection in idle)
        assert open_ <= 20
    finally:
        for connection in idle:
            connection.close()


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.usefixtures("impatient")
def test_a_connection_is_used_again(serving: Serving) -> None:
    """Also after a pause that is longer than a header may take."""
    request = f"GET /?token=x HTTP/1.1\r\nHost: 127.0.0.1:{port_of(serving)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port_of(serving)), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while b"</p>" not in answer:
                answer += connection.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 403 ")
            time.sleep(0.7)
