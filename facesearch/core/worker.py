"""What a worker process does: it answers requests until there are no more. See `facesearch.core.processes`."""

import os
import pickle
import signal
import struct
import threading
import traceback
from queue import SimpleQueue
from typing import IO, Any, NoReturn

from facesearch.core.executor import give_memory_back

__all__ = ["receive", "send", "serve"]

LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], message: bytes) -> None:
    """Write a message with its length. Raises OSError where nobody reads any more."""
    stream.write(LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """The next message. Raises EOFError where there is none, or only a part of it."""
    (length,) = LENGTH.unpack(_read(stream, LENGTH.size))
    return _read(stream, length)


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def serve() -> NoReturn:
    """Answer what comes over stdin on stdout, until stdin ends: the process that started this one is done, or gone.

    A request is a pickled (function, item); an answer (True, the result) or (False, the exception).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    give_memory_back()
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):  # what some library prints must not be taken for an answer
        os.dup2(nothing, stream)
    waiting: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_take, args=(requests, waiting), daemon=True).start()
    try:
        while True:
            send(answers, _answered(waiting.get()))
    except OSError:
        os._exit(1)


def _take(requests: IO[bytes], waiting: "SimpleQueue[bytes]") -> None:
    """In a thread of its own: the end of the requests ends the process in the middle of what it does."""
    try:
        while True:
            waiting.put(receive(requests))
    except EOFError:
        os._exit(0)


def _answered(request: bytes) -> bytes:
    try:
        function, item = pickle.loads(request)
        return _pickled((True, function(item)))
    except Exception as error:
        error.add_note("In a worker process:\n" + "".join(traceback.format_exception(error)))
        return _failure(error)


def _failure(error: Exception) -> bytes:
    """Not every exception can be pickled, and not every one that can be comes out again."""
    try:
        answer = _pickled((False, error))
        pickle.loads(answer)
    except Exception:
        return _pickled((False, RuntimeError("\n".join([repr(error), *error.__notes__]))))
    return answer


def _pickled(answer: tuple[bool, Any]) -> bytes:
    return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
