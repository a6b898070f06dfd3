"""`facesearch serve` as a process: its address, its refusals, and its end."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from conftest import Answer
from library_states import check_vectors, damaged_library
from web_samples import current_library

from facesearch.core.errors import InputError
from facesearch.library import Library
from facesearch.web import server
from facesearch.web.current_library import CurrentLibrary
from facesearch.web.jobs import Jobs
from facesearch.web.server import Serving, is_loopback

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., Answer]


class Process:
    """`facesearch serve` with a client that has been let in."""

    def __init__(self, library: Path, log: Path) -> None:
        command = [sys.executable, ROOT / "cli.py", "serve", "--no-browser", "--port", "0", "--library", library]
        self.log, self.cookie = log, ""
        with log.open("w") as file:
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            self.process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        self.connections: list[HTTPConnection] = []
        self.port, self.token = self._address()
        answer = self.ask("GET", f"/?token={self.token}")
        self.cookie = str(answer.headers["set-cookie"]).partition(";")[0]

    def _address(self) -> tuple[int, str]:
        for _ in range(600):
            found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)\n", self.log.read_text())
            if found is not None:
                return int(found.group(1)), found.group(2)
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def ask(self, method: str, path: str, body: str = "") -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.connections.append(connection)
        headers = {"sec-fetch-site": "same-origin", "cookie": self.cookie}
        headers |= {"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def end(self) -> tuple[int, str]:
        """Ctrl-C; exit code, and all that was printed."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120), self.log.read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Path], Process]]:
    started: list[Process] = []

    def begin(library: Path) -> Process:
        started.append(Process(library, tmp_path / "log.txt"))
        return started[-1]

    yield begin
    for one in started:
        one.close()


def test_ctrl_c_ends_it_while_a_page_watches_and_photos_are_indexed(
    start: Callable[[Path], Process], demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path
) -> None:
    served = start(tmp_path / "library")
    assert served.ask("GET", "/index").status == 200
    assert served.ask("POST", "/index", f"path={demo[0]}").status == 303
    watching = served.ask("GET", "/changes")
    code, printed = served.end()
    assert code == 0, printed
    assert "Traceback" not in printed
    assert printed.count(served.token) == 1, "the token stands in the address that is printed, and nowhere else"
    assert watching.read().endswith(b"}")  # to its end: it was not cut off
    watching.close()
    with Library(tmp_path / "library", create=False) as library:  # whole, whatever was in flight
        check_vectors(library.store)


def test_it_answers_with_the_token_only(start: Callable[[Path], Process], tmp_path: Path) -> None:
    served = start(tmp_path / "library")
    assert served.ask("GET", "/").status == 200
    served.cookie = ""
    assert served.ask("GET", "/").status == 403
    code, printed = served.end()
    assert code == 0
    assert len(printed.splitlines()) == 2


def test_a_port_in_use_is_told_in_one_line(command: Command, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = command("serve", "--no-browser", "--port", port, "--library", tmp_path / "library").error
    assert error.startswith(f"port {port} is in use")
    assert "--port" in error


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--port", "65536"), "ports have numbers from 0 to 65535"),
        (("--host", "0.0.0.0"), "--let-others-in"),
        (("--host", "::"), "--let-others-in"),
        (("--host", "no.such.name.invalid"), "there is no address"),
        (("--host", "198.51.100.1", "--let-others-in"), "cannot be listened at"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_listened_at(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    answer = command("serve", "--no-browser", *arguments, "--library", tmp_path / "library")
    assert answer.code == 2
    assert complaint in answer.err
    assert "Traceback" not in answer.err


def test_letting_others_in_is_warned_of(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server._Server, "run", lambda *_, **__: None)
    answer = command(
        "serve", "--host", "0.0.0.0", "--let-others-in", "--no-browser", "--port", 0, "--library", tmp_path
    )
    assert answer.code == 0
    assert "not encrypted" in answer.err
    assert "sees and changes everything" in answer.err


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("0.0.0.0", False)]
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_printed_address_can_be_opened(host: str) -> None:
    serving = Serving(current_library(Path("nowhere")), host, 0)
    serving._listening.close()
    assert host not in serving.letting_in()
    assert "://127.0.0.1:" in serving.letting_in(once=True)


@pytest.mark.parametrize(
    ("called", "known"),
    [("mynas.local", "mynas.local:8399"), ("LOCALHOST:9000", "localhost:9000"), ("[::1]", "[::1]:8399")],
)
def test_other_names_are_let_in_by_request(called: str, known: str) -> None:
    names, everywhere = server._hosts("127.0.0.1", 8399, [called])
    assert known in names
    assert not everywhere


@pytest.mark.parametrize("name", ["", "a b", "http://mynas.local", "x:y", "<b>", "mynas.local:123456"])
def test_what_is_no_name_of_a_server(command: Command, tmp_path: Path, name: str) -> None:
    assert "--called" in command("serve", "--called", name, "--port", 0, "--library", tmp_path).error


def test_a_browser_is_opened_with_an_address_that_lets_in_once(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    called = threading.Event()
    monkeypatch.setattr("webbrowser.open", lambda address: (opened.append(address), called.set()))
    monkeypatch.setattr(server._Server, "run", lambda *_, **__: called.wait(60))
    answer = command("serve", "--port", 0, "--library", tmp_path)
    assert len(opened) == 1
    assert opened[0] not in answer.err
    assert opened[0].partition("token")[0] in answer.err


def test_a_library_is_opened_before_it_is_served(command: Command, tmp_path: Path) -> None:
    damaged_library(tmp_path / "library")
    answer = command("serve", "--no-browser", "--port", 0, "--library", tmp_path / "library")
    assert str(tmp_path / "library") in answer.error


# -- work


def test_one_piece_of_work_at_a_time_however_many_ask() -> None:
    jobs, go_on, began = Jobs(), threading.Event(), []

    def ask() -> None:
        try:
            jobs.start("index", "", lambda _: go_on.wait(60))
        except Exception as error:
            began.append(type(error).__name__)
        else:
            began.append("began")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    go_on.set()
    jobs.wait(60)
    assert sorted(began) == ["LibraryLockedError"] * 7 + ["began"]


def test_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    jobs, go_on = Jobs(), threading.Event()
    jobs.start("index", "", lambda _: go_on.wait(60))
    told = []
    for second, done in ((0, 0), (10, 20), (20, 60), (100, 70)):
        now[0] = second
        jobs.progress(100, done, 0)
        work = jobs.state()
        assert work is not None
        told.append((work.rate, work.left_s))
    go_on.set()
    jobs.wait(60)
    assert told[0] == (None, None)
    assert told[1] == (2.0, 40.0)
    assert told[2] == (3.0, pytest.approx(40 / 3))
    assert told[3] == (10 / 80, 30 / (10 / 80))  # what was long ago does not count


def test_a_library_that_is_made_later_is_found(tmp_path: Path) -> None:
    current = CurrentLibrary(tmp_path / "library")
    assert current.find() is None
    Library(tmp_path / "library").close()
    assert current.find() is not None
    current.close()


def test_a_server_listens_before_it_runs() -> None:
    first = Serving(current_library(Path("nowhere")), port=0)
    port = int(first.address.rpartition(":")[2].strip("/"))
    with pytest.raises(InputError):
        Serving(current_library(Path("nowhere")), port=port)
    first.stop()
    thread = threading.Thread(target=first.run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
