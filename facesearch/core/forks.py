"""What a fork does not survive: threads of native libraries, open databases, and locks.

A process that was forked from one that had used them would wait for ever, or damage a database; it is told at once.
"""

import os
import weakref

from facesearch.core.errors import ForkedError

__all__ = ["hold", "hold_native_threads", "let_go"]


class _Native:
    """The threads that OpenVINO, ONNX Runtime, PyTorch and FAISS keep as long as the process runs."""


_NATIVE = _Native()
_held: "weakref.WeakSet[object]" = weakref.WeakSet()
_forked = False


def hold(thing: object) -> None:
    """This process is about to use something that a fork does not survive. Raises ForkedError in a forked one."""
    if _forked:
        raise ForkedError(
            "this process was forked from one that had used facesearch, and would hang: start it with"
            " multiprocessing.get_context('spawn')"
        )
    _held.add(thing)


def hold_native_threads() -> None:
    """As `hold`, of native libraries' threads, which cannot be let go."""
    hold(_NATIVE)


def let_go(thing: object) -> None:
    """It is closed: a process that is forked from now on does not inherit it."""
    _held.discard(thing)


def _in_child() -> None:
    global _forked
    _forked = _forked or bool(_held)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
