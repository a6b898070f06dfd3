"""Who may ask: the one who has the token, from a page of ours, by an address of ours.

Everything is refused before it is looked at unless three things hold.

1. The Host header names an address that the server listens at. A foreign name that was pointed at this machine (DNS
   rebinding) is refused, whatever else the request has.
2. The request comes from a page of ours, or from the address bar: no other site can change or read anything, other
   servers on this machine included, to which browsers would send our cookie.
3. It carries the cookie, which only the random token in the URL that the command prints gets.
"""

import hmac
import ipaddress
import re
import secrets
from collections.abc import Collection, Iterable
from html import escape
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "Guard", "Keys", "is_ours"]

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}
CHANGES_NOTHING = ("GET", "HEAD")


class Keys:
    """What lets a browser in.

    token: in the URL that is printed; it holds as long as the server runs, so that a second browser can be let in.
    cookie: what a browser gets for it. Cookies do not know of ports, so its name has the port in it.

    The URL that the command itself opens has a token that lets in once: other users of the machine can see the
    command line of the browser that is started.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self.cookie_name = f"facesearch-{port}"
        self._cookie = secrets.token_urlsafe(32)
        self._once: set[str] = set()

    def new_once(self) -> str:
        """Another token, that lets in once."""
        token = secrets.token_urlsafe(32)
        self._once.add(token)
        return token

    def lets_in(self, token: str) -> bool:
        """Whether a token is right; one that lets in once is used up by that."""
        if _same(token, self.token):
            return True
        used = next((once for once in self._once if _same(token, once)), None)
        self._once.discard(used or "")
        return used is not None

    def knows(self, cookie: str) -> bool:
        return _same(cookie, self._cookie)

    def give(self, response: Response) -> Response:
        """The response, with the cookie."""
        response.set_cookie(self.cookie_name, self._cookie, path="/", httponly=True, samesite="strict")
        return response


class Guard:
    """The outermost layer of the server.

    Args:
        hosts: what the Host header may be, "127.0.0.1:8377" and so on, in lower case.
        any_address: IP addresses of any network interface too, where the server listens at all of them; a name that
            somebody else has pointed here stays refused.
    """

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Iterable[str], *, any_address: bool = False) -> None:
        self.app, self.keys = app, keys
        self._hosts, self._any_address = frozenset(hosts), any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _with_headers(send))
        else:  # a websocket: there are none
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if not self._serves(host):
            await _refusal(STRANGE_NAME.format(escape(host)[:100]), 403)(scope, receive, send)
        elif scope["method"] == "GET" and scope["path"] == "/" and (token := _token_of(scope)):
            await self._let_in(token, headers)(scope, receive, send)
        elif not is_ours(headers, host, reads=scope["method"] in CHANGES_NOTHING):
            await _refusal("Only this server's own pages may ask it for anything.", 403)(scope, receive, send)
        elif not self._has_cookie(headers):
            text = "Open the address that <code>facesearch serve</code> has printed: it lets this browser in."
            await _refusal(text, 403)(scope, receive, send)
        elif odd := _odd(headers):
            response = _refusal(odd, 400)
            response.headers["connection"] = "close"  # what follows may be read in two ways, too
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _serves(self, host: str) -> bool:
        if host in self._hosts:
            return True
        if not self._any_address:
            return False
        try:
            parts = urlsplit(f"//{host}")
            ipaddress.ip_address(parts.hostname or "")
        except ValueError:
            return False
        return any(known.endswith(f":{parts.port}") for known in self._hosts)

    def _let_in(self, token: str, headers: Headers) -> Response:
        if not self.keys.lets_in(token):
            return _refusal(OUT_OF_DATE, 403)
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            # After a link from elsewhere a strict cookie is not sent along a redirect, but it is from a page of ours.
            return self.keys.give(HTMLResponse(MOVE_ON))
        return self.keys.give(RedirectResponse("/", 303))

    def _has_cookie(self, headers: Headers) -> bool:
        # Not parsed as by a framework: of several cookies of one name any may be the right one.
        pairs = (part.strip().partition("=") for line in headers.getlist("cookie") for part in line.split(";"))
        return any(self.keys.knows(value) for name, _, value in pairs if name == self.keys.cookie_name)


def is_ours(headers: Headers, host: str, *, reads: bool) -> bool:
    """Whether a request comes from a page of ours, or, if it only reads, from the address bar.

    Browsers say so themselves (Fetch Metadata); those that do not must say Origin with what changes anything. `null`
    is what browsers call us in forms where no referrer is sent, and everybody in a sandbox: it counts for nothing.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    own = origin is not None and urlsplit(origin)[:2] == ("http", host)
    if origin is not None and origin != "null" and not own:
        return False
    if site is not None:
        return site == "same-origin" or (reads and site == "none")
    return own or (reads and origin is None)


def _odd(headers: Headers) -> str:
    """Why a request that is ours otherwise cannot be read in one way only; empty where it can."""
    if "content-length" in headers and "transfer-encoding" in headers:
        return "This request says twice, and differently, where it ends."
    charset = re.search(r"charset\s*=\s*[\"']?([^\"';\s]*)", headers.get("content-type", ""), re.IGNORECASE)
    if charset and charset[1].lower() not in ("", "utf-8", "utf8"):
        return "Forms are sent in UTF-8 here."
    return ""


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode())


def _token_of(scope: Scope) -> str:
    given: Collection[str] = parse_qs(scope["query_string"].decode("latin-1")).get("token", ())
    return next(iter(given), "")


def _with_headers(send: Send) -> Send:
    """Every answer gets the headers; what does not say how it may be kept must not be kept."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return send_with_headers


PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>facesearch</title>{}'
STRANGE_NAME = (
    "This server is not called {0}. If that name or port leads here, let it in:"
    " <code>facesearch serve --called {0}</code>"
)
OUT_OF_DATE = "This address has expired: open the one that <code>facesearch serve</code> has printed."
MOVE_ON = PAGE.format('<meta http-equiv="refresh" content="0;url=/"><p><a href="/">Go on</a></p>')


def _refusal(text: str, status: int) -> Response:
    return HTMLResponse(PAGE.format(f"<h1>Not allowed</h1><p>{text}</p>"), status)
