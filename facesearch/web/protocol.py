"""HTTP of the server's connections: a request that does not come to its end, or has two ends, is not waited for."""

import asyncio
import time
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Protocol"]

# Connections at a time; a browser has six, and one for each page that watches the indexing.
CONNECTIONS = 100
# How long a request's header may take, and how long nothing of its body may come.
HEADER_S, BODY_S = 10.0, 20.0
# How long what is still sent of a refused request is thrown away, so that a browser gets to read why.
LINGER_S = 2.0


class Protocol(H11Protocol):
    """One connection. Those that have sent no whole header make room for others."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._until: asyncio.TimerHandle | None = None
        self._waiting_since = 0.0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEADER_S)
        if len(self.connections) > CONNECTIONS:
            idle = [other for other in self.connections if isinstance(other, Protocol) and other._is_waiting]
            oldest = min(idle, key=lambda other: other._waiting_since, default=self)
            self.connections.discard(oldest)  # now: others come before its end is told
            oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        was_waiting = self._is_waiting
        super().data_received(data)
        if self.transport.is_closing() or self._refused:
            return
        if self.conn.their_state is h11.SEND_BODY:
            self._wait(BODY_S)
        elif not self._is_waiting:
            self._wait(None)
        elif not was_waiting or self._until is None:  # not anew with each byte of a header
            self._wait(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        unread = self.conn.their_state is h11.SEND_BODY
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._refused = True
            self.transport.write_eof()
            self._unset_keepalive_if_required()
            self._wait(LINGER_S)

    @property
    def _is_waiting(self) -> bool:
        """Whether no whole header of a request has come yet."""
        return self.conn.their_state is h11.IDLE

    def _wait(self, seconds: float | None) -> None:
        """End the connection after some time; None: as long as it takes."""
        if self._until is not None:
            self._until.cancel()
        self._until, self._waiting_since = None, time.monotonic()
        if seconds is not None:
            self._until = self.loop.call_later(seconds, self._out_of_time)

    def _out_of_time(self) -> None:
        if self.flow.read_paused and not self._refused:  # it is we who do not read
            self._wait(BODY_S)
        else:
            self.transport.abort()
