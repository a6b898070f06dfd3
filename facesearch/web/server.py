"""The server as a process: its socket, the browser that it opens, and how it ends."""

import errno
import ipaddress
import os
import re
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn

from facesearch.core.arguments import as_strings
from facesearch.core.errors import InputError
from facesearch.web.app import create_app
from facesearch.web.current_library import CurrentLibrary
from facesearch.web.protocol import Protocol
from facesearch.web.security import Keys
from facesearch.web.site import Site

__all__ = ["PORT", "Serving", "is_loopback", "serve"]

PORT = 8377
EVERYWHERE = ("0.0.0.0", "::")
# How long answers that are under way may take once the server is told to end.
GRACE_S = 3


class Serving:
    """A server that listens already, and answers while `run` runs.

    Args:
        port: 0 for any that is free.
        called: what else browsers may call it, "name" or "name:port": where a port is forwarded, or a name leads here.

    Raises InputError where that address cannot be listened at, or a name is none.
    """

    def __init__(
        self, library: CurrentLibrary, host: str = "127.0.0.1", port: int = PORT, called: Iterable[str] = ()
    ) -> None:
        called = _names(called)
        self._listening = _listen(host, port)
        port = self._listening.getsockname()[1]
        self._here = f"http://{_in_url('127.0.0.1' if host in EVERYWHERE else host)}:{port}/"
        self.address = f"http://{_in_url(_own_address() if host in EVERYWHERE else host)}:{port}/"
        # a name that it is called besides may be that of a port on another machine
        self.keys, self.site = Keys(port), Site(library, here=is_loopback(host) and not called)
        self._server = _Server(_config(self.site, self.keys, host, port, called))

    def letting_in(self, *, once: bool = False) -> str:
        """The address with a token. Args: once: for a browser on this machine, that is let in once."""
        return f"{self._here}?token={self.keys.new_once()}" if once else f"{self.address}?token={self.keys.token}"

    def run(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Until `stop`, or a signal. Args: say: gets lines for the user."""
        try:
            self._server.run(sockets=[self._listening])
        finally:
            self._listening.close()
            self._end(say)

    def stop(self) -> None:
        self._server.should_exit = True

    def _end(self, say: Callable[[str], None]) -> None:
        """Stop what is being done: what is in flight is finished; a second Ctrl-C does not wait for that."""
        if self.site.jobs.busy:
            say("Finishing what is in flight … (Ctrl-C: at once)")
            self.site.jobs.stop()
            with _impatient():
                self.site.jobs.wait()
        self.site.library.close()


def serve(serving: Serving, *, opens: bool, say: Callable[[str], None]) -> None:
    """`facesearch serve`, until Ctrl-C. Args: opens: open a browser; say: gets lines for the user."""
    say(f"Open {serving.letting_in()}")
    say("Ctrl-C ends it.")
    if opens:
        # in a thread: a terminal's browser would hold us up until it ends
        address = serving.letting_in(once=True)
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True, name="facesearch-browser").start()
    serving.run(say)


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


def _config(site: Site, keys: Keys, host: str, port: int, called: Sequence[str]) -> uvicorn.Config:
    names, everywhere = _hosts(host, port, called)
    return uvicorn.Config(
        create_app(site, keys, names, any_address=everywhere),
        http=Protocol,
        log_level="warning",
        log_config=None,  # uvicorn's own would close the handlers of everybody else in this process
        access_log=False,  # the token would stand in it
        proxy_headers=False,  # nobody stands in front of us, and nobody may say so
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )


def _hosts(host: str, port: int, called: Sequence[str]) -> tuple[list[str], bool]:
    """What browsers may call us, and whether by any address."""
    everywhere = host in EVERYWHERE
    names = {host, socket.gethostname()} if everywhere else {host}
    if everywhere or is_loopback(host):
        names |= {"localhost", "127.0.0.1", "::1"}
    urls = [f"{_in_url(name)}:{port}".lower() for name in sorted(names)]
    urls += [_in_url(name).lower() for name in names] if port == 80 else []
    urls += [(name if ":" in name.rpartition("]")[2] else f"{name}:{port}").lower() for name in called]
    return urls, everywhere


def _own_address() -> str:
    """By what others on the network reach this machine, as far as it knows. Nothing is sent to find that out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # nobody's: reserved for documentation
            return str(asking.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _names(called: Iterable[str]) -> list[str]:
    """Raises InputError for a name that is none."""
    names = as_strings(called)
    for name in names:
        if not re.fullmatch(r"([\w.-]+|\[[\w:.]+\])(:\d{1,5})?", name):
            raise InputError(f"{name!r} is nothing that browsers call a server: give NAME or NAME:PORT (--called)")
    return names


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


@contextmanager
def _impatient() -> Iterator[None]:
    """Ctrl-C ends the process at once: everything that is stored is stored whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
