"""Turn what goes wrong with a file into a few words that a person understands."""

import errno
import logging
import os
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from facesearch.core.errors import PhotoError

__all__ = ["as_photo_errors", "os_reason", "unsupported_kind"]

_OS_REASONS = {
    errno.ENOENT: "no longer there",
    errno.ENOTDIR: "no longer there",
    errno.ESTALE: "no longer there",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ELOOP: "a link that leads back to itself",
}

# What decoders say of kinds that they do not know -> what that means.
_UNSUPPORTED = (
    (r"^cannot handle \d+-bit layers", "not 8 bits per sample"),
    (r"^cannot handle \d+-layer images", "not 1, 3 or 4 components"),
    (r"^unknown pixel mode|unknown raw mode|^unknown data organization|^string index", "its arrangement of samples"),
    (r"^\d+$", "its compression"),  # Pillow's KeyError
    (r"^Windows Media Photo", "JPEG XR"),
    (r"^Unsupported BMP header type", "its header"),
    (r"^Unsupported BMP (pixel depth|bitfields|compression)|^(Unsupported )?BMP ", "its arrangement of samples"),
)


# Whose words speak of Python, not of photos; Pillow passes them on as its own.
_PYTHONS = (IndexError, KeyError, TypeError, struct.error)


def os_reason(error: OSError | ValueError) -> str:
    """Why the operating system refused, without the path."""
    number = getattr(error, "errno", None)
    if not number:
        return str(error)
    return _OS_REASONS.get(number) or os.strerror(number).lower()


class _PillowSilent:
    """Puts a filter before the process's own, once for all threads that are inside.

    warnings.catch_warnings would put back what another thread changed, and there is no lock that serves both.
    """

    _filter = ("ignore", None, Warning, re.compile(r"(PIL|pillow_heif)\."), 0)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._filter not in warnings.filters:
                warnings.filters.insert(0, self._filter)  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._filter in warnings.filters:
                warnings.filters.remove(self._filter)  # type: ignore[attr-defined]


_pillow_silent = _PillowSilent()
# Without a handler, what Pillow logs would go to stderr; a program that has set up its logging still gets it.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def as_photo_errors() -> Iterator[None]:
    """Turn every exception into a PhotoError: decoders raise nearly all there are when a file is hostile.

    Pillow's warnings are kept back meanwhile: they do not say which photo is meant, and it is read all the same.
    """
    try:
        with _pillow_silent:
            yield
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("not enough memory to decode it") from error
    except Image.DecompressionBombError as error:  # only WebP and GIF come here: their plugins check by themselves
        raise PhotoError(f"too large for Pillow: {_first_clause(error)}") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise PhotoError(os_reason(error)) from error
        raise PhotoError(f"damaged: {_decoder_reason(error)}") from error


def unsupported_kind(format_: str, error: Exception) -> PhotoError | None:
    """The reason where an error means that a format's kind, and not the file, is what a decoder does not take."""
    text = _first_clause(error)
    said = next((words for pattern, words in _UNSUPPORTED if re.search(pattern, text)), None)
    if said is None:
        return None
    found = PhotoError(f"a kind of {format_} that is not supported ({said})")
    found.__cause__ = error
    return found


def _decoder_reason(error: Exception) -> str:
    text = _first_clause(error)
    if isinstance(error, EOFError) or "truncated" in text.lower() or "unexpected end of file" in text.lower():
        return "the file ends too early"
    is_pillows = isinstance(error, OSError | SyntaxError) and not isinstance(error.__cause__, _PYTHONS)
    if not is_pillows or not text or text.startswith(("decoder error", "not identified")):
        return "cannot be decoded"
    return text


def _first_clause(error: Exception) -> str:
    """The start of an exception's text; on one line, and printable even where a hostile file is quoted in it."""
    line = (str(error).splitlines() or [""])[0].split(", could be")[0]
    return "".join(c if c.isprintable() else "?" for c in line)[:120]
