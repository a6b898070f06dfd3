"""Downloads, from a server on this machine."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from facesearch.core.errors import WeightsError
from facesearch.core.weights import WeightsFile
from facesearch.embedding import download
from facesearch.embedding.downloads import fetch
from facesearch.embedding.registry import BUILT_IN

BODY = np.random.default_rng(0).bytes(700_000)
HALF = 400_000


class Server(ThreadingHTTPServer):
    """Serves `body` at /weights.bin; says what it was asked for in `ranges`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.resumes = True
        self.cut_after: int | None = None
        self.ranges: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        if self.path != "/weights.bin":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.resumes else 0
        body = self.server.body[start:]
        if not body:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.server.cut_after is None else body[: self.server.cut_after])

    def log_message(self, *args: object) -> None:
        """Tests say what matters."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def weights(server: Server) -> WeightsFile:
    url = f"http://127.0.0.1:{server.server_port}/weights.bin"
    return WeightsFile("weights.bin", url=url, sha256=hashlib.sha256(BODY).hexdigest(), size_bytes=len(BODY))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "weights.bin"


@pytest.fixture
def part(target: Path) -> Path:
    target.parent.mkdir()
    return target.with_name("weights.bin.part")


def test_whole_download_with_progress(weights: WeightsFile, target: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert fetch(weights, lambda done, total: seen.append((done, total))) == target
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)
    assert len(seen) > 2


def test_cut_off_and_resumed(server: Server, weights: WeightsFile, target: Path, part: Path) -> None:
    server.cut_after = HALF
    with pytest.raises(WeightsError, match=f"stopped after {HALF} of {len(BODY)} bytes.*run it again"):
        fetch(weights)
    assert part.read_bytes() == BODY[:HALF]
    assert not target.exists()
    server.cut_after = None
    seen: list[int] = []
    fetch(weights, lambda done, total: seen.append(done))
    assert target.read_bytes() == BODY
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert seen[0] == HALF
    assert not part.exists()


def test_server_that_cannot_resume(server: Server, weights: WeightsFile, target: Path, part: Path) -> None:
    server.resumes = False
    part.write_bytes(BODY[:HALF])
    fetch(weights)
    assert target.read_bytes() == BODY
    assert server.ranges == [f"bytes={HALF}-"]


@pytest.mark.parametrize("body", [BODY + b"more", b"<html>Sign in</html>"])
def test_file_of_another_size_is_not_even_begun(
    server: Server, weights: WeightsFile, target: Path, part: Path, body: bytes
) -> None:
    server.body = body
    with pytest.raises(WeightsError, match=f"gives {len(body)} bytes instead of {len(BODY)}") as caught:
        fetch(weights)
    assert str(target) in str(caught.value)
    assert list(target.parent.iterdir()) == []


def test_wrong_hash_is_removed(server: Server, weights: WeightsFile, target: Path, part: Path) -> None:
    server.body = BODY[::-1]
    with pytest.raises(WeightsError, match=r"another file .* was removed") as caught:
        fetch(weights)
    assert str(target) in str(caught.value)
    assert list(target.parent.iterdir()) == []


def test_bad_part_is_removed_and_the_next_try_succeeds(
    server: Server, weights: WeightsFile, target: Path, part: Path
) -> None:
    part.write_bytes(b"x" * HALF)
    with pytest.raises(WeightsError):
        fetch(weights)
    fetch(weights)
    assert target.read_bytes() == BODY


def test_complete_part_needs_no_network(server: Server, weights: WeightsFile, target: Path, part: Path) -> None:
    part.write_bytes(BODY)
    fetch(weights)
    assert target.read_bytes() == BODY
    assert server.ranges == []


def test_file_that_is_there_is_kept_and_a_wrong_one_replaced(
    server: Server, weights: WeightsFile, target: Path, part: Path
) -> None:
    target.write_bytes(BODY)
    assert fetch(weights) == target
    assert server.ranges == []
    target.write_bytes(b"damaged")
    fetch(weights)
    assert target.read_bytes() == BODY


def test_part_longer_than_what_the_server_has(server: Server, weights: WeightsFile, part: Path) -> None:
    server.body = BODY[:HALF]
    part.write_bytes(BODY[:HALF])
    with pytest.raises(WeightsError, match="Range Not Satisfiable"):
        fetch(weights)
    assert part.read_bytes() == BODY[:HALF]


@pytest.mark.parametrize("kept", [0, HALF])
def test_no_network_says_what_to_do_by_hand(server: Server, weights: WeightsFile, part: Path, kept: int) -> None:
    part.write_bytes(BODY[:kept])
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsError) as caught:
        fetch(weights)
    assert str(weights.url) in str(caught.value)
    assert str(weights.path) in str(caught.value)
    assert part.read_bytes() == BODY[:kept]


def test_file_that_the_server_does_not_have(weights: WeightsFile) -> None:
    with pytest.raises(WeightsError, match=r"cannot download .*other.bin \(Not Found\)"):
        fetch(replace(weights, url=str(weights.url).replace("weights.bin", "other.bin")))


def test_nothing_is_downloaded_without_a_hash(server: Server, weights: WeightsFile) -> None:
    with pytest.raises(WeightsError, match="no published hash"):
        fetch(replace(weights, sha256=None))
    assert server.ranges == []


def test_by_name(weights: WeightsFile, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = replace(BUILT_IN["facenet-vggface2"], weights=weights)
    monkeypatch.setitem(BUILT_IN, "facenet-vggface2", model)
    assert download("facenet-vggface2") == target
    assert target.read_bytes() == BODY
