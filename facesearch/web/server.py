"""The server as a process: its socket, the browser that it opens, and how it ends."""

import errno
import ipaddress
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import uvicorn

from facesearch.errors import InputError
from facesearch.web.app import create_app
from facesearch.web.security import Keys
from facesearch.web.shelf import Shelf
from facesearch.web.site import Site

__all__ = ["PORT", "is_loopback", "serve"]

PORT = 8377
# How long answers that are under way may take once the server is told to end.
GRACE_S = 3


def serve(shelf: Shelf, host: str, port: int, *, opens: bool, say: Callable[[str], None]) -> None:
    """Serve a library until Ctrl-C.

    Args:
        port: 0 for any that is free.
        opens: open a browser.
        say: gets lines for the user.

    Raises InputError where that address cannot be listened at.
    """
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    site, keys = Site(shelf), Keys(port)
    server = _Server(_config(site, keys, host, port))
    site.closing = lambda: server.should_exit
    address = f"http://{_in_url(host)}:{port}/"
    say(f"Open {address}?token={keys.token}")
    say("Ctrl-C ends it.")
    if opens:
        _open_later(f"{address}?token={keys.new_once()}")
    try:
        server.run(sockets=[listening])
    finally:
        _end(site, say)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach an address. Raises InputError for a name that is none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"there is no address {host!r} here (--host)") from error
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)


class _Server(uvicorn.Server):
    """Ends in silence: uvicorn would send itself the signal again, which ends a program with a traceback."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


def _config(site: Site, keys: Keys, host: str, port: int) -> uvicorn.Config:
    names, everywhere = _hosts(host, port)
    return uvicorn.Config(
        create_app(site, keys, names, any_address=everywhere),
        log_level="warning",
        access_log=False,  # the token would stand in it
        proxy_headers=False,  # nobody stands in front of us, and nobody may say so
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )


def _hosts(host: str, port: int) -> tuple[list[str], bool]:
    """What browsers may call us, and whether by any address."""
    everywhere = host in ("0.0.0.0", "::")
    names = {host, socket.gethostname()} if everywhere else {host}
    if everywhere or is_loopback(host):
        names |= {"localhost", "127.0.0.1", "::1"}
    urls = [f"{_in_url(name)}:{port}".lower() for name in sorted(names)]
    return urls + ([_in_url(name).lower() for name in names] if port == 80 else []), everywhere


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"ports have numbers from 0 to 65535, not {port} (--port)")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise InputError(f"there is no address {host!r} here (--host)") from error
    try:
        if os.name == "posix":  # elsewhere it would let two programs listen at one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise InputError(_why_not(error, host, port)) from error
    return listening


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use, perhaps by another facesearch: choose another with --port, or any with --port 0"
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by everybody: choose one from 1024 on with --port"
    return f"{host}, port {port} cannot be listened at ({error.strerror}): choose another --host or --port"


def _open_later(address: str) -> None:
    """Open a browser as soon as we answer; a terminal's browser would hold us up until it ends."""
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True, name="facesearch-browser").start()


def _end(site: Site, say: Callable[[str], None]) -> None:
    """Stop what is being done; what is in flight is finished, a second Ctrl-C does not wait for that."""
    if site.jobs.busy:
        say("Stopping after the photos in flight …")
        site.jobs.stop()
        previous = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        site.jobs.wait()
        signal.signal(signal.SIGINT, previous)
    site.shelf.close()
