"""Attacks on `facesearch serve`, tried and refused."""

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from web_samples import HOST, OURS, Visitor

from facesearch.web import app as web_app
from facesearch.web.security import CSP, HEADERS, Guard, Keys, is_ours
from facesearch.web.site import TEMPLATES

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
TRAVERSALS = (
    *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"),
    *("..\\..\\boot.ini", "\0"),
)
ODD_NUMBERS = ("-1", "0", "1.5", "9" * 30, "9" * 5000, "NaN", "1;DROP TABLE faces")
QUERIES = (
    *("/?cursor=@", "/?show=@", "/?message=@", "/people/1?order=@", "/people/1?cursor=@", "/photos?with=@"),
    *("/photos?cursor=@", "/photos/1?face=@", "/review?after=@", "/together?who=@", "/loose?cursor=@", "/names?text=@"),
    *("/review/faces?after=@", "/few?photos=@"),
    *("/left-out?folder=@", "/left-out?show=skipped&kind=@", "/left-out?cursor=@", "/folders/remove?path=@"),
    *(f"/photos?{name}=@" for name in ("q", "not", "faces", "from", "to", "during", "folder")),
    *("/photos/folders?text=@", "/people/1?year=@"),
)
PARAMETERS = re.compile(r"\{\w+(:path)?\}")
STATIC = f"/static/{TEMPLATES.static_version}/"


def addresses(value: str = "1") -> list[tuple[str, str]]:
    """(method, address) of every route there is."""
    found = []
    for route in web_app._routes():
        methods = (route.methods or set()) - {"HEAD"}
        found += [(method, PARAMETERS.sub(value, route.path)) for method in sorted(methods)]
    return found


EVERY = addresses()


# -- without the token


@pytest.mark.parametrize("cookie", [None, "facesearch-8377=wrong", "facesearch-8377=", "facesearch-80={known}"])
def test_without_the_cookie_nothing_is_answered(made_up: Visitor, cookie: str | None) -> None:
    stranger = TestClient(made_up.app, base_url=f"http://{HOST}", follow_redirects=False)
    known = made_up.browser.cookies[made_up.keys.cookie_name]
    headers = OURS | ({"cookie": cookie.format(known=known)} if cookie else {})
    for method, address in EVERY:
        answer = stranger.request(method, address, headers=headers)
        assert answer.status_code == 403, (method, address)
        assert "facesearch serve" in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9", "a" * 10_000])
def test_wrong_token(made_up: Visitor, token: str) -> None:
    stranger = TestClient(made_up.app, base_url=f"http://{HOST}", follow_redirects=False)
    answer = stranger.get("/", params={"token": token})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_token_becomes_a_cookie_and_leaves_the_address(made_up: Visitor) -> None:
    browser = TestClient(made_up.app, base_url=f"http://{HOST}", follow_redirects=False)
    answer = browser.get(f"/?token={made_up.keys.token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert made_up.keys.token not in answer.headers["set-cookie"]
    assert browser.get("/").status_code == 200


def test_after_a_link_from_elsewhere_a_page_moves_on(made_up: Visitor) -> None:
    """Browsers keep a strict cookie back along the redirects of a request that another site has begun."""
    browser = TestClient(made_up.app, base_url=f"http://{HOST}", follow_redirects=False)
    answer = browser.get(f"/?token={made_up.keys.token}", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert "http-equiv" in answer.text
    assert "set-cookie" in answer.headers


def test_token_of_the_browser_that_is_opened_lets_in_once(made_up: Visitor) -> None:
    token = made_up.keys.new_once()
    for expected in (303, 403):
        browser = TestClient(made_up.app, base_url=f"http://{HOST}", follow_redirects=False)
        assert browser.get(f"/?token={token}").status_code == expected


def test_keys_are_random_and_long() -> None:
    a, b = Keys(1), Keys(1)
    assert a.token != b.token
    assert len(a.token) >= 43


def test_websockets_are_refused(made_up: Visitor) -> None:
    with pytest.raises(WebSocketDisconnect), made_up.browser.websocket_connect("/changes"):
        pass


# -- from elsewhere


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8377", "127.0.0.1", "127.0.0.1:80", "localhost:8377", ""]
)
def test_foreign_host(made_up: Visitor, host: str) -> None:
    for method, address in EVERY:
        answer = made_up.browser.request(method, address, headers=OURS | {"host": host})
        assert answer.status_code == 403, (method, address)
        assert f"--called {host}</code>" in answer.text


def test_a_foreign_host_is_not_taken_for_html(made_up: Visitor) -> None:
    assert "<b>" not in made_up.browser.get("/", headers={"host": "<b>evil"}).text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another server on this machine: browsers send it our cookie
        {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
        {"sec-fetch-site": "same-origin", "origin": "http://evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": f"https://{HOST}"},
        {"origin": f"http://{HOST}.evil.example"},
    ],
    ids=lambda headers: ",".join(headers.values()),
)
def test_foreign_origin(made_up: Visitor, headers: dict[str, str]) -> None:
    for method, address in EVERY:
        answer = made_up.browser.request(method, address, headers=headers)
        assert answer.status_code == 403, (method, address)
    assert made_up.library.people.history() == []


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "none"}, {"referer": f"http://{HOST}/"}])
def test_what_changes_anything_must_say_where_it_comes_from(made_up: Visitor, headers: dict[str, str]) -> None:
    for method, address in EVERY:
        if method == "POST":
            assert made_up.browser.request(method, address, headers=headers).status_code == 403, address


@pytest.mark.parametrize(
    ("headers", "reads", "ours"),
    [
        ({}, True, True),
        ({"sec-fetch-site": "none"}, True, True),
        ({"sec-fetch-site": "same-origin"}, True, True),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, False, True),  # a form, where no referrer is sent
        ({"origin": "http://here:1"}, False, True),
        ({"sec-fetch-site": "none"}, False, False),
        ({"origin": "null"}, False, False),
        ({"origin": "null"}, True, False),
        ({}, False, False),
        ({"sec-fetch-site": "something new"}, True, False),
    ],
)
def test_what_counts_as_ours(headers: dict[str, str], reads: bool, ours: bool) -> None:
    assert is_ours(Headers(headers), "here:1", reads=reads) == ours


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("192.168.1.7:80", True),
        ("[fe80::1]:80", True),
        ("evil.example:80", False),
        ("192.168.1.7:81", False),
        ("192.168.1.7", False),
        ("[::1", False),
    ],
)
def test_listening_everywhere_serves_addresses_and_no_foreign_names(host: str, served: bool) -> None:
    assert Guard(None, Keys(80), ["machine:80"], any_address=True)._serves(host) == served  # type: ignore[arg-type]


# -- what an answer says


@pytest.mark.parametrize(
    "address", ["/", "/people/1", "/pictures/face/1/96", f"{STATIC}style.css", "/nowhere", "/search/x"]
)
def test_headers_of_every_answer(made_up: Visitor, address: str) -> None:
    answer = made_up.get(address)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "server" not in answer.headers


def test_pages_are_not_kept_and_policies_allow_nothing_inline(made_up: Visitor) -> None:
    assert made_up.get("/").headers["cache-control"] == "no-store"
    assert "default-src 'none'" in CSP
    assert "unsafe" not in CSP
    for page in ("/", "/people/1", "/review", "/photos", "/photos/1", "/together", "/search", "/index", "/history"):
        text = made_up.get(page).text
        assert not re.search(
            rf"<style|\sstyle=|\son\w+=|javascript:|<script(?!( type=\"module\")? src=\"{STATIC})", text
        ), page
        assert not re.search(r"(src|href|action|srcset)=\"(https?:)?//", text), page


# -- paths and numbers


@pytest.mark.parametrize("value", [*TRAVERSALS, *ODD_NUMBERS], ids=lambda value: value[:20])
def test_traversal_in_every_parameter(visit: Visitor, value: str) -> None:
    within = [address for _, address in addresses("@") if "@" in address]
    for address in (*within, *QUERIES, f"{STATIC}@", "/@"):
        answer = visit.browser.get(address.replace("@", value.replace("\0", "%00")))
        assert answer.status_code in (200, 303, 404, 405), (address, answer.text)
        assert "root:" not in answer.text
        assert not answer.headers.get("content-type", "").startswith("image/jpeg"), address


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "evil"]
)
def test_no_redirects_to_elsewhere(made_up: Visitor, to: str) -> None:
    for what in ("ignore", "undo", "name"):
        answer = made_up.post(f"/decide/{what}", {"cluster": "1", "then": to})
        assert answer.headers["location"].startswith("/?")


@pytest.mark.parametrize("path", ["", "photos", "../..", "\0", "http://evil.example/", "relative/../../x"])
def test_folders_to_index_are_whole_paths(made_up: Visitor, path: str) -> None:
    answer = made_up.post("/index", {"path": path})
    assert "give the whole path" in made_up.get(answer.headers["location"]).text.lower()
    assert made_up.site.jobs.state() is None


def test_only_photos_of_the_library_are_served(visit: Visitor, tmp_path: Path) -> None:
    """A photo's file is replaced by another one: nothing of that is shown."""
    photo = visit.library.browse.photo(1).photo
    path = Path(photo.paths[0])
    before = path.read_bytes()
    try:
        path.write_bytes(b"secret " * 100)
        answer = visit.get("/pictures/photo/1/1600")
    finally:
        path.write_bytes(before)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "secret" not in answer.text


# -- uploads


def png_with_pixels(width: int, height: int) -> bytes:
    """A PNG that claims a size, and has next to no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def upload(visitor: Visitor, content: bytes, name: str = "face.jpg", kind: str = "image/jpeg") -> str:
    """Search with it; what the page says."""
    answer = visitor.post("/search", files={"picture": (name, io.BytesIO(content), kind)})
    assert answer.status_code == 303, answer.text
    return str(visitor.get(answer.headers["location"]).text)


def test_500_megapixels_are_refused_before_decoding(visit: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.media.decoding.PhotoFile.decode", lambda *_: pytest.fail("it was decoded"))
    said = upload(visit, png_with_pixels(25_000, 20_000))
    assert "The picture: 500 megapixels, more than the limit of 200." in said


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"",
        b"\x00" * 100,
    ],
    ids=["svg", "xml", "html", "pdf", "eps", "empty", "zeros"],
)
@pytest.mark.parametrize("name", ["face.jpg", "face.svg", "../../face.html"])
def test_what_is_no_photo_is_refused_by_its_content(visit: Visitor, content: bytes, name: str) -> None:
    said = upload(visit, content, name)
    assert "not an image, or of a format that is not supported" in said or "no picture was chosen" in said.lower()
    assert "alert(1)" not in said
    assert "/tmp" not in said


def test_too_many_bytes_are_refused_unread(visit: Visitor) -> None:
    answer = visit.post("/search", content=b"", headers={"content-length": str(web_app.PICTURE_BYTES + 1)})
    assert answer.status_code == 413


def test_too_many_bytes_in_pieces_are_refused(visit: Visitor) -> None:
    sent = 0

    def pieces() -> Any:
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="picture"; filename="a"\r\n\r\n'
        for _ in range(80):
            sent += 1
            yield b"\0" * (1 << 20)

    answer = visit.post("/search", content=pieces(), headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 413


@pytest.mark.parametrize(("method", "address"), [e for e in EVERY if e[0] == "POST" and e[1] != "/search"])
def test_forms_are_small(made_up: Visitor, method: str, address: str) -> None:
    answer = made_up.post(address, content=b"to=" + b"x" * (2 << 20),
                            headers={"content-type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert answer.status_code in (303, 404, 413)
    assert made_up.library.people.history() == []


# -- names with script in them


def test_names_are_text_everywhere(made_up: Visitor) -> None:
    asked = ("/review", "/review/faces", "/few", "/history")
    pages = ("/", "/people/1", *asked, "/together", "/together?who=cluster:1", "/photos?with=1", "/photos/1")
    said = made_up.decide("name", cluster="1", to=SCRIPT)
    for text in (said, *(made_up.get(page).text for page in pages)):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    assert "&lt;script&gt;" in said
    assert made_up.library.browse.cluster("1").title == SCRIPT
    names = made_up.get("/names?text=script")
    assert names.headers["content-type"] == "application/json"
    assert names.json()[0]["title"] == SCRIPT


def test_words_cannot_be_put_into_our_mouth(made_up: Visitor) -> None:
    for page in ("/?message=Your+library+is+infected", f"/?message={SCRIPT}", f"/?show={SCRIPT}", f"/people/{SCRIPT}"):
        text = made_up.get(page).text
        assert "infected" not in text
        assert "<script>alert" not in text
